package result

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func write(t *testing.T, text string, elements ...string) {
	t.Helper()
	path := filepath.Join(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCommitReplacesTheResultAsAWhole(t *testing.T) {
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	write(t, "{}", out, Marker)
	write(t, "old", out, "old-file")
	staging, err := Stage(out)
	if err != nil {
		t.Fatal(err)
	}
	write(t, "{}", staging.Path(), Marker)
	write(t, "new", staging.Path(), "model", "saved_model.pb")
	if _, err := os.Stat(filepath.Join(out, "old-file")); err != nil {
		t.Errorf("before the commit the earlier result is touched: %v", err)
	}
	if err := staging.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := staging.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "old-file")); err == nil {
		t.Error("a file of the earlier result is left")
	}
	if _, err := os.Stat(filepath.Join(out, "model", "saved_model.pb")); err != nil {
		t.Error(err)
	}
	if entries, _ := os.ReadDir(parent); len(entries) != 1 {
		t.Errorf("beside the result lies something: %v", entries)
	}
}

func TestDiscardLeavesNothing(t *testing.T) {
	parent := t.TempDir()
	staging, err := Stage(filepath.Join(parent, "out"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, "half", staging.Path(), "model", "saved_model.pb")
	if err := staging.Commit(); err == nil {
		t.Error("a result without a manifest is kept")
	}
	if err := staging.Discard(); err != nil {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(parent); len(entries) != 0 {
		t.Errorf("left: %v", entries)
	}
}

func TestStageRefuses(t *testing.T) {
	parent := t.TempDir()
	write(t, "precious", parent, "home", "letter.txt")
	write(t, "a file", parent, "file")
	if err := os.Mkdir(filepath.Join(parent, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for out, says := range map[string]string{
		"home":      "not made by a run",
		"file":      "not a directory",
		"file/out":  "not a directory",
		"empty":     "",
		"new":       "",
		"new/below": "",
	} {
		staging, err := Stage(filepath.Join(parent, out))
		if err == nil {
			staging.Discard()
		}
		if (err != nil) != (says != "") || (err != nil && !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: error %v, want %q", out, err, says)
		}
	}
	if os.Geteuid() == 0 {
		return // for root, every folder is writable: the end-to-end tests use a file system that is not
	}
	locked := filepath.Join(parent, "locked")
	if err := os.Mkdir(locked, 0o555); err != nil {
		t.Fatal(err)
	}
	if _, err := Stage(filepath.Join(locked, "out")); err == nil || !strings.Contains(err.Error(), "cannot be written") {
		t.Errorf("a parent that is not writable: %v", err)
	}
}

func TestTable(t *testing.T) {
	folder := t.TempDir()
	write(t, `[
  {"name": "install", "verdict": "passed", "started": "2026-01-02T03:04:05.678Z", "seconds": 12.34, "why": "nothing changed"},
  {"name": "train", "verdict": "passed", "started": "2026-01-02T03:05:00.000Z", "seconds": 9.9}
]`, folder, "reports", "steps.json")
	steps, err := Steps(folder)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	// the run begins within the millisecond in which train starts, and that is not "before"
	if err := Table(&out, steps, time.Date(2026, 1, 2, 3, 5, 0, 900_000, time.UTC)); err != nil {
		t.Fatal(err)
	}
	want := "STEP     CACHED  SECONDS  WHY              VERDICT\n" +
		"install  yes     0.0      nothing changed  passed\n" +
		"train    no      9.9      runs each time   passed\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestMetrics(t *testing.T) {
	folder := t.TempDir()
	write(t, `{"loss": null, "accuracy": 0.925531914893617, "examples": 282}`, folder, "metrics.json")
	metrics, err := Metrics(folder)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Line(metrics), "accuracy 0.925532, examples 282, loss not a number"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	write(t, `{"accuracy": `, folder, "metrics.json")
	if _, err := Metrics(folder); err == nil || !strings.Contains(err.Error(), "metrics.json") {
		t.Errorf("a broken file: %v", err)
	}
	if _, err := Steps(folder); err == nil {
		t.Error("a missing file is no error")
	}
}

func TestImageLine(t *testing.T) {
	folder := t.TempDir()
	write(t, `{"model": "m", "images": {"tensorflow": {"reference": "tensorflow/tensorflow:2.16.2", "digest": "sha256:12"}, "trivy": {"reference": "t"}}}`, folder, Marker)
	image, err := TensorFlow(folder)
	if err != nil || image.Digest != "sha256:12" {
		t.Fatalf("image %+v, error %v", image, err)
	}
	for _, test := range []struct {
		image   Image
		standIn bool
		want    string
	}{
		{image, true, "image    tensorflow/tensorflow:2.16.2 (stand-in)"},
		{image, false, "image    tensorflow/tensorflow:2.16.2"},
		{Image{}, true, ""},
	} {
		if got := ImageLine(test.image, test.standIn); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
	write(t, `{"images": []}`, folder, Marker)
	if _, err := TensorFlow(folder); err == nil {
		t.Error("a manifest of another form is no error")
	}
}
