package step

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Records is where the keys of made results and the logs are kept.
type Records interface {
	Key(step string) string
	SetKey(step, key string) error
	Log(step string) string
}

// tailLines is how much of a failed step's log is shown.
const tailLines = 20

// Failure is a step that did not do its work, with what a person needs to go on.
type Failure struct {
	Step *Step
	Err  error
	Log  string
	Tail []string
}

func (f *Failure) Error() string {
	text := fmt.Sprintf("%s failed: %v", f.Step.Name, f.Err)
	if len(f.Tail) > 0 {
		text += fmt.Sprintf("\nthe last %d lines of its log:\n  %s", len(f.Tail), strings.Join(f.Tail, "\n  "))
	}
	text += "\nfull log: " + f.Log
	if f.Step.Try != "" {
		text += "\ntry: " + f.Step.Try
	}
	return text
}

func (f *Failure) Unwrap() error { return f.Err }

// Bring settles the goals and whatever they turn out to need. It ends at the first failure, after what ran beside the
// failed step has been stopped.
func Bring(ctx context.Context, records Records, screen *Screen, goals ...*Step) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &runner{
		records: records, screen: screen, fail: cancel,
		settled: map[*Step]func() error{}, heavy: make(chan struct{}, 1),
	}
	if err := r.settleAll(ctx, goals); err != nil {
		return context.Cause(ctx)
	}
	return nil
}

type runner struct {
	records Records
	screen  *Screen
	fail    context.CancelCauseFunc
	heavy   chan struct{}

	mu      sync.Mutex
	settled map[*Step]func() error
}

// settleAll settles steps side by side and waits for all of them.
func (r *runner) settleAll(ctx context.Context, steps []*Step) error {
	errs := make([]error, len(steps))
	var group sync.WaitGroup
	for i, step := range steps {
		group.Go(func() { errs[i] = r.settleOnce(ctx, step) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// settleOnce settles a step that several others may wait for.
func (r *runner) settleOnce(ctx context.Context, step *Step) error {
	r.mu.Lock()
	settle, known := r.settled[step]
	if !known {
		settle = sync.OnceValue(func() error { return r.settle(ctx, step) })
		r.settled[step] = settle
	}
	r.mu.Unlock()
	return settle()
}

// settle leaves the step's result in place, made now or before.
func (r *runner) settle(ctx context.Context, step *Step) error {
	if err := r.settleAll(ctx, step.Uses); err != nil {
		return err
	}
	if r.records.Key(step.Name) == step.Key() && step.Holds(ctx) {
		r.screen.Finished(step, Cached)
		return ctx.Err()
	}
	if err := r.settleAll(ctx, step.Needs); err != nil {
		return err
	}
	if step.Heavy {
		select {
		case r.heavy <- struct{}{}:
			defer func() { <-r.heavy }()
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.screen.Started(step)
	err := r.run(ctx, step)
	switch {
	case err == nil:
		r.screen.Finished(step, Done)
		return nil
	case ctx.Err() != nil:
		r.screen.Finished(step, Interrupted)
	default:
		r.screen.Finished(step, Failed)
		r.fail(&Failure{Step: step, Err: err, Log: r.records.Log(step.Name), Tail: tail(r.records.Log(step.Name))})
	}
	return err
}

// run makes the result; its key is recorded only afterwards, so that a half-made result never counts.
func (r *runner) run(ctx context.Context, step *Step) error {
	if err := r.records.SetKey(step.Name, ""); err != nil {
		return err
	}
	path := r.records.Log(step.Name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	log, err := os.Create(path)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, "# %s, %s\n", step.What, time.Now().Format(time.DateTime))
	if err := step.Run(ctx, io.Writer(log)); err != nil {
		fmt.Fprintf(log, "# %v\n", err)
		return err
	}
	return r.records.SetKey(step.Name, step.Key())
}

// tail returns the last lines of a log, without the program's own remarks.
func tail(path string) []string {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\r\n"); line != "" && !strings.HasPrefix(line, "# ") {
			lines = append(lines, line)
		}
	}
	return lines[max(0, len(lines)-tailLines):]
}
