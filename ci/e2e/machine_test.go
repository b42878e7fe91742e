//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

// The tests run in the order in which they stand here. The last one takes the Docker daemon away.
func TestProgram(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"up with nothing to do does nothing", upAgain},
		{"two ups at once", twoUps},
		{"doctor is content with the machine", func(t *testing.T) { succeed(t, "doctor") }},
		{"a model comes out and is as good as it says", mainJob},
		{"secrets are nowhere afterwards", plantedSecrets},
		{"a CLI and an engine that do not fit", mismatch},
		{"a project that does not exist", missingProject},
		{"an out folder that cannot be written", unwritableOut},
		{"an out folder that holds something else", foreignOut},
		{"a disk that is nearly full", fullDisk},
		{"a training script that fails", failingTraining},
		{"an interruption", interruption},
		{"the Docker daemon goes away in the middle", daemonGone},
	} {
		if !t.Run(test.name, test.run) && t.Context().Err() != nil {
			return
		}
	}
}

func upAgain(t *testing.T) {
	succeed(t, "up")
	again := succeed(t, "up")
	if output := again.stdout.String(); strings.Contains(output, "done ") {
		t.Errorf("a step ran again:\n%s", output)
	}
}

// twoUps holds the lock as another program would, and looks at what the second says.
func twoUps(t *testing.T) {
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(folder.Path("lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	second := start(t, nil, "up")
	second.until(t, 10*time.Second, func(stdout string) bool { return strings.Contains(stdout, "waiting for another program") })
	if strings.Contains(second.stdout.String(), "cached") {
		t.Errorf("it went on without the lock:\n%s", second.stdout.String())
	}
	file.Close()
	if status := second.end(t); status != 0 {
		t.Errorf("after the lock was free: exit status %d\n%s", status, second.stderr.String())
	}
}

func mainJob(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	job := succeed(t, "run", "--out", out)
	for _, word := range []string{"install", "test", "train", "evaluate", "accuracy", filepath.Join(out, "model")} {
		if !strings.Contains(job.stdout.String(), word) {
			t.Errorf("the closing table lacks %q:\n%s", word, job.stdout.String())
		}
	}
	for _, name := range []string{"model/saved_model.pb", "model/fingerprint.pb", "manifest.json", "reports/junit.xml", "reports/coverage.xml", "reports/evaluation.json"} {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	var manifest struct{ CanonicalDigest string }
	read(t, filepath.Join(out, "manifest.json"), &manifest)
	if manifest.CanonicalDigest == "" {
		t.Error("manifest.json has no canonicalDigest")
	}
	var said, measured struct {
		Accuracy float64
		Examples int
	}
	read(t, filepath.Join(out, "metrics.json"), &said)
	if said.Accuracy < 0.85 {
		t.Errorf("accuracy %g, want 0.85", said.Accuracy)
	}
	script, err := filepath.Abs("accuracy.py")
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command("docker", "run", "--rm", "--network", "none", "--env", "TF_CPP_MIN_LOG_LEVEL=3",
		"--volume", out+":/out:ro", "--volume", script+":/accuracy.py:ro", "--volume", filepath.Join(checkout, "testdata", "phishing")+":/project:ro",
		"tensorflow/tensorflow:2.21.0", "python3", "/accuracy.py", "/out/model", "/project/data/held-out.csv", "is_phishing")
	command.Stderr = os.Stderr
	answer, err := command.Output()
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(answer, &measured); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	if math.Abs(measured.Accuracy-said.Accuracy) > 1e-9 || measured.Examples != said.Examples {
		t.Errorf("a plain container measures %+v, metrics.json says %+v", measured, said)
	}
	again := succeed(t, "run", "--out", out)
	for line := range strings.Lines(again.stdout.String()) {
		// today's scan is never served from a cache
		if strings.Contains(line, "  no  ") && !strings.HasPrefix(line, "scan ") {
			t.Errorf("with nothing changed a step ran again: %s", line)
		}
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func missingProject(t *testing.T) {
	parent := t.TempDir()
	refuse(t, nil, "no such file", "run", filepath.Join(parent, "gone"), "--out", filepath.Join(parent, "out"))
	empty(t, parent)
}

func unwritableOut(t *testing.T) {
	parent := t.TempDir()
	mount(t, parent, "ro")
	began := time.Now()
	refuse(t, nil, "cannot be written", "run", "--out", filepath.Join(parent, "out"))
	if elapsed := time.Since(began); elapsed > 5*time.Second {
		t.Errorf("it was found out only after %s", elapsed)
	}
}

func foreignOut(t *testing.T) {
	out := t.TempDir()
	letter := filepath.Join(out, "letter.txt")
	if err := os.WriteFile(letter, []byte("precious"), 0o644); err != nil {
		t.Fatal(err)
	}
	refuse(t, nil, "not made by a run", "run", "--out", out)
	if _, err := os.Stat(letter); err != nil {
		t.Error(err)
	}
}

func fullDisk(t *testing.T) {
	small := t.TempDir()
	mount(t, small, "size=16m")
	up := refuse(t, []string{"XDG_CACHE_HOME=" + small}, "at least 5.0 GB", "up")
	if up.stdout.String() != "" {
		t.Errorf("something was started before:\n%s", up.stdout.String())
	}
}

func failingTraining(t *testing.T) {
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	job := refuse(t, nil, "3", "run", project(t, "import sys\n\nprint(\"no luck today\", file=sys.stderr)\nsys.exit(3)\n"), "--out", out)
	if !strings.Contains(job.stderr.String(), "no luck today") || !strings.Contains(job.stderr.String(), "full log: ") {
		t.Errorf("message:\n%s", job.stderr.String())
	}
	empty(t, parent)
}

// sleeping is a project that trains for ever. The log of an earlier run goes: asleep would take its words for this one's.
func sleeping(t *testing.T) string {
	t.Helper()
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(folder.Log("run")); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return project(t, "import time\n\nprint(\"asleep\", flush=True)\ntime.sleep(3600)\n")
}

// asleep waits until the training runs, by the log of the job.
func asleep(t *testing.T) func(string) bool {
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	return func(string) bool {
		text, _ := os.ReadFile(folder.Log("run"))
		return strings.Contains(string(text), "| asleep")
	}
}

func interruption(t *testing.T) {
	parent := t.TempDir()
	job := start(t, nil, "run", sleeping(t), "--out", filepath.Join(parent, "out"))
	job.until(t, 4*time.Minute, asleep(t))
	if err := job.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if status := job.end(t); status != 130 || !strings.Contains(job.stderr.String(), "interrupted") {
		t.Errorf("exit status %d\n%s%s", status, job.stdout.String(), job.stderr.String())
	}
	empty(t, parent)
}

func daemonGone(t *testing.T) {
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	daemon := folder.Process(setup.DaemonProcess)
	if !daemon.Alive() {
		t.Skip("the Docker daemon here was not started by `up`: it is not ours to take away")
	}
	parent := t.TempDir()
	job := start(t, nil, "run", sleeping(t), "--out", filepath.Join(parent, "out"))
	job.until(t, 4*time.Minute, asleep(t))
	if err := daemon.Stop(t.Context(), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if status := job.end(t); status != 1 || !strings.Contains(job.stderr.String(), "the Docker daemon went away in the middle") {
		t.Errorf("exit status %d\n%s%s", status, job.stdout.String(), job.stderr.String())
	}
	empty(t, parent)
	succeed(t, "up")
	succeed(t, "run", "--out", filepath.Join(parent, "out"))
}

// mismatch has the CLI want an engine that is newer than the one here.
func mismatch(t *testing.T) {
	refuse(t, []string{"_EXPERIMENTAL_DAGGER_MIN_VERSION=v0.99.0"}, "which are tested", "run", "--out", filepath.Join(t.TempDir(), "out"))
}
