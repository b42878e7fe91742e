package drill

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"time"
)

// phase is a part of a run, known by a line of its log: it begins with the first line that matches.
type phase struct {
	name string
	line *regexp.Regexp
}

// A step's own words come after a bar; what the log repeats of a program's text never begins a line.
const (
	command = `(?m)^\d+\s*: (?:┆ )*withExec `
	words   = `(?m)^\d+\s*: (?:┆ )*\[[0-9.]+s\] \| `
)

var (
	loading    = phase{"load", regexp.MustCompile(`(?m)^\d+\s*: load workspace`)}
	installing = phase{"install", regexp.MustCompile(words + `Using Python`)}
	tests      = phase{"test", regexp.MustCompile(command + `python3 /line/pytests\.py`)}
	training   = phase{"train", regexp.MustCompile(words + `Epoch 10/`)}
	exporting  = phase{"export", regexp.MustCompile(command + `python3 /line/step\.py --name tflite`)}
)

// reached waits until a run is in the phase, by its log.
func (p phase) reached(ctx context.Context, log string, run *started) error {
	const patience = 5 * time.Minute
	for deadline := time.Now().Add(patience); ; {
		text, _ := os.ReadFile(log)
		if p.line.Match(text) {
			return nil
		}
		if !run.running() {
			return fmt.Errorf("the run ended before its phase %s began:\n%s", p.name, run.stderr.String())
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the run did not come to its phase %s within %s", p.name, patience)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
