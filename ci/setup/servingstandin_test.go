package setup

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/state"
	"dagger/tensorflow-ci/ci/step"
)

// TestServingStandIns: each list has a TensorFlow to be built on and the other way round, and pins the server's messages of its tag.
func TestServingStandIns(t *testing.T) {
	machine := Machine{Folder: state.At(t.TempDir()), Repository: filepath.Join("..", "..")}
	lists, err := filepath.Glob(machine.repository("ci", "images", servingFolder, "*.txt"))
	if err != nil || len(lists) != len(servingVersions) {
		t.Fatalf("lists %q (%v), versions %v", lists, err, servingVersions)
	}
	for _, version := range servingVersions {
		text, err := os.ReadFile(machine.repository("ci", "images", servingFolder, version.tag+".txt"))
		if err != nil || !strings.Contains(string(text), "\ntensorflow-serving-api=="+version.tag+" ") {
			t.Errorf("the list of %s does not pin its messages (%v)", version.tag, err)
		}
		if _, err := os.Stat(machine.repository("ci", "images", "tensorflow", version.tensorflow+".txt")); err != nil {
			t.Errorf("%s is built on TensorFlow %s: %v", version.tag, version.tensorflow, err)
		}
	}
	registry := &step.Step{Name: "registry"}
	if _, err := machine.servingStandIns(registry, nil, nil); err == nil || !strings.Contains(err.Error(), "the step tensorflow-2.16.2") {
		t.Errorf("without the image to build on: got %v", err)
	}
}

// TestStandInsSayThatTheyAre: the first line of each program, and the image's label.
func TestStandInsSayThatTheyAre(t *testing.T) {
	folder := filepath.Join("..", "images", servingFolder)
	files, err := filepath.Glob(filepath.Join(folder, "standin", "*.py"))
	if err != nil || len(files) < 5 {
		t.Fatalf("files %q, %v", files, err)
	}
	for _, file := range append(files, filepath.Join(folder, "Dockerfile"), filepath.Join(folder, "standin_test.py")) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(string(text), "\n"); !strings.Contains(first, "stand-in") {
			t.Errorf("%s does not begin with what it is: %q", file, first)
		}
	}
}
