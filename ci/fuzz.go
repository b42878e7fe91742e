package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"dagger/tensorflow-ci/ci/proc"
)

const fuzzExplanation = `Tries everything that reads what others wrote (settings, references, manifests, reports, archives) with inputs that Go
makes up, each target for the time of --time. An input that breaks a promise is kept below testdata/fuzz, where it is an
ordinary test from then on. Needs Go alone, and neither Docker nor an engine.`

// fuzzTarget is one function that Go's fuzzing knows.
type fuzzTarget struct{ folder, name string }

func (t fuzzTarget) String() string { return t.folder + "/" + t.name }

func fuzz(ctx context.Context, args []string) error {
	set := flags("fuzz [flags]", fuzzExplanation)
	long := set.Duration("time", time.Minute, "how long each target is tried, such as 10m")
	only := set.StringSlice("only", nil, "only targets whose package/name holds one of these texts, such as scanpolicy/,config/")
	parallel := set.Int("parallel", 1, "inputs that are tried at the same time")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	if *long < time.Second || *parallel < 1 {
		return usageError{fmt.Errorf("--time %s, --parallel %d: want at least 1s and 1", *long, *parallel)}
	}
	root, err := repository()
	if err != nil {
		return err
	}
	targets, err := fuzzTargets(ctx, root)
	if err != nil {
		return err
	}
	if targets, err = fuzzed(targets, *only); err != nil {
		return usageError{err}
	}
	var failed []string
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TARGET\tSECONDS\tPROCESSOR\tINPUTS\tVERDICT")
	defer table.Flush()
	for _, target := range targets {
		name := target.String()
		fmt.Printf("=== %s\n", name)
		// Compiled first: that is no trying, and would count as such.
		err := proc.Command{Args: []string{"go", "test", "-c", "-o", os.DevNull, "-fuzz", "^" + target.name + "$", "./" + target.folder}, Dir: root}.Run(ctx, os.Stdout)
		if err != nil {
			return err
		}
		began, spent := time.Now(), processorTime()
		var log bytes.Buffer
		err = proc.Command{Args: []string{
			"go", "test", "-run", "^$", "-fuzz", "^" + target.name + "$", "-fuzztime", long.String(),
			"-fuzzminimizetime", "2s", // Go's own minute for each new input leaves no time for others
			fmt.Sprintf("-parallel=%d", *parallel), "./" + target.folder,
		}, Dir: root}.Run(ctx, io.MultiWriter(os.Stdout, &log))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		verdict := "no finding"
		if err != nil && !ranOut(log.String()) {
			verdict, failed = "FINDING", append(failed, name)
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.0f\t%s\t%s\n", name, time.Since(began).Seconds(), (processorTime() - spent).Seconds(), tried(log.String()), verdict)
	}
	if len(failed) > 0 {
		return fmt.Errorf("a promise is broken in %s: the input is below its testdata/fuzz, `go test` repeats it", strings.Join(failed, ", "))
	}
	return nil
}

// fuzzTargets finds the targets of all ordinary packages.
func fuzzTargets(ctx context.Context, root string) ([]fuzzTarget, error) {
	packages, err := (&proof{root: root}).packages()
	if err != nil {
		return nil, err
	}
	listed, err := proc.Command{Args: append([]string{"go", "list", "-f", "{{.ImportPath}}"}, packages...), Dir: root}.Output(ctx)
	if err != nil {
		return nil, err
	}
	var targets []fuzzTarget
	for name := range strings.FieldsSeq(listed) {
		folder := strings.TrimPrefix(name, "dagger/tensorflow-ci/")
		functions, err := proc.Command{Args: []string{"go", "test", "-list", "^Fuzz", "./" + folder}, Dir: root}.Output(ctx)
		if err != nil {
			return nil, err
		}
		for word := range strings.FieldsSeq(functions) {
			if strings.HasPrefix(word, "Fuzz") {
				targets = append(targets, fuzzTarget{path.Clean(folder), word})
			}
		}
	}
	if len(targets) == 0 {
		return nil, errors.New("no package has a function to fuzz")
	}
	return targets, nil
}

// fuzzed are the targets whose names hold one of the texts, all where there is no text. A text that no name holds is an error.
func fuzzed(targets []fuzzTarget, only []string) ([]fuzzTarget, error) {
	if len(only) == 0 {
		return targets, nil
	}
	wanted := map[fuzzTarget]bool{}
	for _, part := range only {
		found := false
		for _, target := range targets {
			if strings.Contains(target.String(), part) {
				wanted[target], found = true, true
			}
		}
		if !found {
			return nil, fmt.Errorf("--only %q: no target has this in its name; the targets are %v", part, targets)
		}
	}
	return slices.DeleteFunc(targets, func(target fuzzTarget) bool { return !wanted[target] }), nil
}

// processorTime is what the programs that this one has started and seen end have used so far: beside other work an
// hour of fuzzing is far less than an hour of trying.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		return 0 // Linux knows no way to fail for these arguments
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// ranOut tells the end of the time, which Go takes for a failure when it comes in the middle of an input, from a finding.
func ranOut(log string) bool {
	return strings.Contains(log, "context deadline exceeded") && !strings.Contains(log, "Failing input")
}

var execs = regexp.MustCompile(`execs: (\d+)`)

// tried is how many inputs Go's output counts.
func tried(log string) string {
	counts := execs.FindAllStringSubmatch(log, -1)
	if len(counts) == 0 {
		return "none"
	}
	return counts[len(counts)-1][1]
}
