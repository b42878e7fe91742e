package setup

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/ci/state"
	"dagger/tensorflow-ci/ci/step"
)

func TestTwinsAreOfTheirDay(t *testing.T) {
	machine := Machine{Folder: state.At(t.TempDir()), Repository: filepath.Join("..", "..")}
	stands, err := machine.stands()
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, s := range stands {
		if s.repository != tensorflowName {
			continue
		}
		of := twins[s.tag]
		day, err := time.Parse(time.DateOnly, of.day)
		if err != nil {
			t.Errorf("%s: %v", s.tag, err)
		}
		text, err := os.ReadFile(s.list)
		if err != nil {
			t.Fatal(err)
		}
		// what was published before the day was over
		if want := "--exclude-newer " + day.AddDate(0, 0, 1).Format(time.DateOnly) + "T00:00:00Z"; !strings.Contains(string(text), want) {
			t.Errorf("%s is not of %s: it does not say %q", s.list, of.day, want)
		}
		if !slices.Contains(s.arguments, "DISTRIBUTION="+of.distribution) || !slices.Contains(s.arguments, "DAY="+of.day) {
			t.Errorf("%s is built with %q", s.tag, s.arguments)
		}
		names[of.distribution] = true
	}
	if len(twins) < 2 || !names["tensorflow"] || !names["tensorflow-cpu"] {
		t.Errorf("TensorFlow is there as %v, want a twin with each of its names", names)
	}
}

// TestTwinsSayThatTheyAreStandIns: whatever tag the mirror gives it, an image's title says what it is.
func TestTwinsSayThatTheyAreStandIns(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "images", tensorflowFolder, "Dockerfile*"))
	if err != nil || len(files) != 1+len(twinVariants) {
		t.Fatalf("files %q (%v), variants %q", files, err, twinVariants)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, title, found := strings.Cut(string(text), `org.opencontainers.image.title="`)
		if title, _, _ = strings.Cut(title, `"`); !found || !strings.Contains(title, "stand-in") {
			t.Errorf("%s: the title is %q, want one that says stand-in", file, title)
		}
	}
}

func TestVariantsWantTheirTwin(t *testing.T) {
	machine := Machine{Folder: state.At(t.TempDir()), Repository: filepath.Join("..", "..")}
	registry, base := &step.Step{Name: "registry"}, &step.Step{Name: "base"}
	if _, err := machine.variants(registry, base, nil); err == nil || !strings.Contains(err.Error(), "the step tensorflow-2.16.2, and there is none") {
		t.Errorf("without the image to build on: got %v", err)
	}
	twins := []*step.Step{{Name: "tensorflow-2.16.2"}, {Name: "tensorflow-2.21.0"}}
	goals, err := machine.variants(registry, base, twins)
	if err != nil || len(goals) != 4 {
		t.Fatalf("%d steps (%v), want two for each twin", len(goals), err)
	}
	for _, goal := range goals {
		if !slices.ContainsFunc(goal.Needs, func(s *step.Step) bool { return strings.HasPrefix(goal.Name, s.Name+"-") }) {
			t.Errorf("%s is not made again with the twin that it lies on", goal.Name)
		}
	}
}
