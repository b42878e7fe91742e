package drill

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// strike is a fault that meets a run of the line in one of its phases.
type strike struct {
	at phase
	// plant plants the fault; undo, nil for nothing, takes it away again, also when the drill is interrupted.
	plant func(ctx context.Context, site *Site, run *started) (undo func(context.Context) error, err error)
	// status is the run's exit status; 0 for a fault that it must withstand.
	status int
	says   []string // words that the user must see
}

// drill makes a drill of the strike.
func (s strike) drill(name, fault string) Drill {
	return Drill{Name: name, Fault: fault, run: func(ctx context.Context, site *Site) (Account, error) {
		if err := site.prepare(ctx); err != nil {
			return Account{}, err
		}
		project, err := site.project(s.at)
		if err != nil {
			return Account{}, err
		}
		defer os.RemoveAll(project)
		return s.against(ctx, site, project)
	}}
}

// against lets the fault meet a run of the project, and then repeats the plain call.
func (s strike) against(ctx context.Context, site *Site, project string) (Account, error) {
	before, err := tree(site.out)
	if err != nil {
		return Account{}, err
	}
	run, err := site.startRun(project)
	if err != nil {
		return Account{}, err
	}
	defer run.stop()
	if err := s.at.reached(ctx, site.log(), run); err != nil {
		return Account{}, err
	}
	status, err := s.during(ctx, site, run)
	account := Account{Saw: run.stderr.String()}
	if err != nil {
		return account, err
	}
	if err := clear(run.stderr.String(), status, s.status, s.says); err != nil {
		return account, err
	}
	if s.status == 0 {
		made, err := look(site.out)
		if err != nil {
			return account, err
		}
		account.Saw = "nothing: the run ended well"
		if err := site.right(made); err != nil {
			return account, err
		}
	} else if err := whole(site.out, before); err != nil {
		return account, err
	}
	if err := quiet(ctx); err != nil {
		return account, err
	}
	account.Recover, err = site.recovered(ctx, project, site.out)
	return account, err
}

// during plants the fault, waits for the end of the run, and takes the fault away.
func (s strike) during(ctx context.Context, site *Site, run *started) (status int, err error) {
	undo, err := s.plant(ctx, site, run)
	if undo != nil {
		defer func() { err = errors.Join(err, undo(context.WithoutCancel(ctx))) }()
	}
	if err != nil {
		return 0, err
	}
	return run.wait(ctx, patience)
}

// clear holds what the user saw against what is wanted: the exit status, the words, and nothing that only a programmer reads.
func clear(message string, status, want int, says []string) error {
	if status != want {
		return fmt.Errorf("exit status %d, want %d; it said: %s", status, want, message)
	}
	for _, word := range []string{"goroutine ", "panic: ", "runtime error"} {
		if strings.Contains(message, word) {
			return fmt.Errorf("the message holds %q: %s", word, message)
		}
	}
	if want == 1 && !strings.HasPrefix(message, "error: ") {
		return fmt.Errorf("the message does not begin with \"error: \": %s", message)
	}
	for _, word := range says {
		if !strings.Contains(message, word) {
			return fmt.Errorf("the message lacks %q: %s", word, message)
		}
	}
	return nil
}

// whole tells whether a result is what it was, with nothing unfinished beside it.
func whole(out, before string) error {
	after, err := tree(out)
	if err != nil {
		return err
	}
	if after != before {
		return fmt.Errorf("the result in %s changed, though the run failed", out)
	}
	return alone(out)
}

// alone tells whether nothing lies beside a result.
func alone(out string) error {
	entries, err := os.ReadDir(filepath.Dir(out))
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.Name() != filepath.Base(out) && entry.Name() != "lost+found" {
			return fmt.Errorf("%s is left beside the result", entry.Name())
		}
	}
	return nil
}

// quiet waits until no program of a run is left in any container.
func quiet(ctx context.Context) error {
	const patience = 30 * time.Second
	for deadline := time.Now().Add(patience); ; {
		left := ofTheLine()
		if left == "" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s after the run ended, %s still runs", patience, left)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// ofTheLine is a process on this machine, in a container or not, that runs one of the line's programs; "" for none.
func ofTheLine() string {
	found, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range found {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		args := strings.Split(string(text), "\x00")
		for _, program := range []string{"/line/install.py", "/line/launch.py", "/line/pytests.py", "/line/step.py"} {
			if len(args) > 1 && strings.HasPrefix(filepath.Base(args[0]), "python") && args[1] == program {
				return program
			}
		}
	}
	return ""
}
