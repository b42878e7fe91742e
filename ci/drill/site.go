package drill

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/result"
	"dagger/tensorflow-ci/ci/setup"
)

// Site is where drills take place.
type Site struct {
	Machine *setup.Machine // brought up, with what tests need
	Folder  string         // for everything that drills write; its owner removes it
	Say     io.Writer      // told what is being done

	program string // this program, built once, as a user calls it
	out     string // result of the last good run
	digest  string // of the model that an undisturbed run makes
	files   []string
}

// patience is how long a run may take that nothing disturbs, on a slow machine.
const patience = 10 * time.Minute

// sample is the project that drills run.
const sample = "testdata/phishing"

// prepare builds the program and does one undisturbed run, whose result the drills are compared with.
func (s *Site) prepare(ctx context.Context) error {
	if s.digest != "" {
		return nil
	}
	s.program, s.out = filepath.Join(s.Folder, "ci"), filepath.Join(s.Folder, "result", "out")
	if err := (proc.Command{Args: []string{"go", "build", "-o", s.program, "./ci"}, Dir: s.Machine.Repository}).Run(ctx, io.Discard); err != nil {
		return err
	}
	fmt.Fprintln(s.Say, "an undisturbed run, to compare with")
	if _, err := s.succeed(ctx, "run", filepath.Join(s.Machine.Repository, sample), "--out", s.out); err != nil {
		return fmt.Errorf("an undisturbed run: %w", err)
	}
	made, err := look(s.out)
	if err != nil {
		return err
	}
	s.digest, s.files = made.digest, made.files
	return nil
}

// project is a copy of the sample in which a comment is new, so that the steps from a phase on have to run.
func (s *Site) project(from phase) (string, error) {
	folder, err := os.MkdirTemp(s.Folder, "project-")
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(s.Machine.Repository, sample))); err != nil {
		return "", err
	}
	changed := "train.py"
	if from.name == installing.name {
		changed = "requirements.txt"
	}
	return folder, appendTo(filepath.Join(folder, changed), "# drill "+filepath.Base(folder)+"\n")
}

func appendTo(path, text string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = file.WriteString(text)
	return err
}

// start starts a command of this program, on the engine that is drilled.
func (s *Site) start(command string, args ...string) (*started, error) {
	on := []string{s.program, command, "--engine", s.Machine.Plan.Engine}
	return start(s.Machine.Repository, nil, append(on, args...)...)
}

// startRun starts a run, without the log of an earlier one, whose words could be taken for this one's.
func (s *Site) startRun(project string, more ...string) (*started, error) {
	if err := os.RemoveAll(s.log()); err != nil {
		return nil, err
	}
	return s.start("run", append([]string{project, "--out", s.out}, more...)...)
}

func (s *Site) log() string { return s.Machine.Folder.Log("run") }

// succeed runs this program to a good end, and gives its output.
func (s *Site) succeed(ctx context.Context, args ...string) (string, error) {
	call, err := s.start(args[0], args[1:]...)
	if err != nil {
		return "", err
	}
	status, err := call.wait(ctx, patience)
	if err == nil && status != 0 {
		err = fmt.Errorf("exit status %d: %s", status, call.stderr.String())
	}
	if err != nil {
		return "", fmt.Errorf("ci %s: %w", args[0], err)
	}
	return call.stdout.String(), nil
}

// recovered repeats the plain call and holds its result against that of the undisturbed run; it gives the time it took.
func (s *Site) recovered(ctx context.Context, project, out string, more ...string) (time.Duration, error) {
	began := time.Now()
	if _, err := s.succeed(ctx, append([]string{"run", project, "--out", out}, more...)...); err != nil {
		return 0, fmt.Errorf("the plain call, repeated, fails: %w", err)
	}
	took := time.Since(began)
	made, err := look(out)
	if err != nil {
		return 0, err
	}
	return took, s.right(made)
}

// right holds a result against that of the undisturbed run.
func (s *Site) right(made outcome) error {
	switch {
	case made.digest != s.digest:
		return fmt.Errorf("the model is %s, of an undisturbed run %s", made.digest, s.digest)
	case !slices.Equal(made.files, s.files):
		return fmt.Errorf("the result holds %s, that of an undisturbed run %s", strings.Join(made.files, " "), strings.Join(s.files, " "))
	}
	return nil
}

// outcome is what a result is compared by.
type outcome struct {
	digest string
	files  []string // but for the logs, whose names hold the time
}

// look reads a result.
func look(out string) (outcome, error) {
	var made outcome
	var manifest struct{ CanonicalDigest string }
	text, err := os.ReadFile(filepath.Join(out, result.Marker))
	if err == nil {
		err = json.Unmarshal(text, &manifest)
	}
	if err != nil {
		return made, fmt.Errorf("the result's %s: %w", result.Marker, err)
	}
	if made.digest = manifest.CanonicalDigest; !strings.HasPrefix(made.digest, "sha256:") {
		return made, fmt.Errorf("%s names no model: canonicalDigest is %q", result.Marker, made.digest)
	}
	if _, err := result.Steps(out); err != nil {
		return made, err
	}
	if _, err := result.Metrics(out); err != nil {
		return made, err
	}
	events := 0
	err = filepath.WalkDir(out, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(out, path)
		if strings.HasPrefix(name, "logs/") {
			events++
		} else {
			made.files = append(made.files, name)
		}
		return err
	})
	if err == nil && events == 0 {
		err = fmt.Errorf("the result has no event files in logs/")
	}
	return made, err
}

// timed is how long a call takes.
func timed(call func() error) (time.Duration, error) {
	began := time.Now()
	err := call()
	return time.Since(began), err
}
