package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"dagger/tensorflow-ci/ci/proc"
)

const benchExplanation = `Measures this program from outside, on a machine that is up, and prints the median of several runs: a table, and JSON
for machines. The ratio says how the measurement compares with the one it is set against.`

// measurement is one thing that is timed.
type measurement struct {
	name    string
	against []string // names of the measurements whose sum the ratio refers to; nothing for none
	times   int
	// before is done ahead of each timed call; nil for nothing.
	before func(ctx context.Context) error
	timed  func(ctx context.Context) error
	// seconds takes the place of the clock after a timed call, where the call itself knows better; nil for the clock.
	seconds func() (float64, error)
}

// measured is what came out of a measurement.
type measured struct {
	Name    string    `json:"name"`
	Seconds float64   `json:"seconds"` // median
	All     []float64 `json:"all"`
	Against []string  `json:"against,omitempty"`
	Ratio   float64   `json:"ratio,omitempty"`
}

func bench(ctx context.Context, args []string) error {
	set := flags("bench [flags]", benchExplanation)
	times := set.Int("times", 3, "how often each measurement is repeated")
	file := set.String("json", "", "also write the figures to this file")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	if *times < 1 {
		return usageError{fmt.Errorf("--times %d: want at least 1", *times)}
	}
	root, err := repository()
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "tensorflow-ci-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	measurements, err := benchmarks(ctx, root, folder, *times, os.Stderr)
	if err != nil {
		return err
	}
	defer dockerWay{log: os.Stderr}.remove(context.WithoutCancel(ctx))
	figures, err := measure(ctx, measurements, os.Stderr)
	if err != nil {
		return err
	}
	if err := tabulate(os.Stdout, figures); err != nil || *file == "" {
		return err
	}
	text, err := json.MarshalIndent(figures, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(*file, append(text, '\n'), 0o644)
}

// benchmarks are the measurements of this program, built once, on a copy of the sample project.
func benchmarks(ctx context.Context, root, folder string, times int, log io.Writer) ([]measurement, error) {
	program := filepath.Join(folder, "ci")
	if err := (proc.Command{Args: []string{"go", "build", "-o", program, "./ci"}, Dir: root}).Run(ctx, os.Stderr); err != nil {
		return nil, err
	}
	project := filepath.Join(folder, "phishing")
	if err := os.CopyFS(project, os.DirFS(filepath.Join(root, "testdata", "phishing"))); err != nil {
		return nil, err
	}
	call := func(args ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := proc.Command{Args: append([]string{program}, args...), Dir: root}.Output(ctx)
			return err
		}
	}
	out := filepath.Join(folder, "out")
	job := call("run", project, "--out", out)
	change := func(context.Context) error {
		script, err := os.OpenFile(filepath.Join(project, "train.py"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer script.Close()
		_, err = fmt.Fprintf(script, "# %d\n", time.Now().UnixNano())
		return err
	}
	plain := dockerWay{root: root, project: project, folder: filepath.Join(folder, "plain"), log: log}
	if err := os.Mkdir(plain.folder, 0o755); err != nil {
		return nil, err
	}
	fmt.Fprintln(log, "preparing an image for the steps by docker run")
	if err := plain.prepare(ctx); err != nil {
		return nil, err
	}
	const (
		pip, test, train, evaluate = "pip install", "test by docker run", "train by docker run", "evaluate by docker run"
		changed                    = "run, only train.py changed"
	)
	return []measurement{
		{name: "up, nothing to do", times: times, before: call("up"), timed: call("up")},
		{name: pip, times: times, timed: plain.pip()},
		{name: "uv install", against: []string{pip}, times: times, timed: plain.uv(uvLinks)},
		{name: "uv install, into the line's cache too", against: []string{pip}, times: times, timed: plain.uv(uvCopies)},
		{name: test, times: times, timed: plain.test()},
		{name: train, times: times, timed: plain.train()},
		{name: evaluate, times: times, timed: plain.evaluate()},
		{name: changed, against: []string{test, train, evaluate}, times: times, before: change, timed: job},
		{name: "run, nothing changed", against: []string{changed}, times: times, timed: job},
		{name: "train in the line", against: []string{train}, times: times, before: change, timed: job, seconds: stepSeconds(out, "train")},
	}, nil
}

// stepSeconds reads from a run's result how long one of its steps took.
func stepSeconds(out, name string) func() (float64, error) {
	return func() (float64, error) {
		text, err := os.ReadFile(filepath.Join(out, "reports", "steps.json"))
		if err != nil {
			return 0, err
		}
		var steps []struct {
			Name    string
			Seconds float64
		}
		if err := json.Unmarshal(text, &steps); err != nil {
			return 0, err
		}
		for _, step := range steps {
			if step.Name == name {
				return step.Seconds, nil
			}
		}
		return 0, fmt.Errorf("steps.json has no step %s", name)
	}
}

// measure takes the measurements in order and tells progress.
func measure(ctx context.Context, measurements []measurement, progress io.Writer) ([]measured, error) {
	var figures []measured
	medians := map[string]float64{}
	for _, m := range measurements {
		var all []float64
		for i := range m.times {
			fmt.Fprintf(progress, "%s, %d of %d\n", m.name, i+1, m.times)
			if m.before != nil {
				if err := m.before(ctx); err != nil {
					return nil, fmt.Errorf("before %q: %w", m.name, err)
				}
			}
			began := time.Now()
			if err := m.timed(ctx); err != nil {
				return nil, fmt.Errorf("%q: %w", m.name, err)
			}
			seconds := time.Since(began).Seconds()
			if m.seconds != nil {
				var err error
				if seconds, err = m.seconds(); err != nil {
					return nil, fmt.Errorf("%q: %w", m.name, err)
				}
			}
			all = append(all, seconds)
		}
		figure := measured{Name: m.name, Seconds: median(all), All: all, Against: m.against}
		medians[m.name] = figure.Seconds
		base := 0.0
		for _, name := range m.against {
			base += medians[name]
		}
		if base > 0 {
			figure.Ratio = figure.Seconds / base
		}
		figures = append(figures, figure)
	}
	return figures, nil
}

// median is the middle of the values, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func tabulate(out io.Writer, figures []measured) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "MEASUREMENT\tMEDIAN\tRUNS\tRATIO")
	for _, figure := range figures {
		ratio := ""
		if len(figure.Against) > 0 {
			ratio = fmt.Sprintf("%.2f of %s", figure.Ratio, strings.Join(figure.Against, " + "))
		}
		fmt.Fprintf(table, "%s\t%.2f s\t%d\t%s\n", figure.Name, figure.Seconds, len(figure.All), ratio)
	}
	return table.Flush()
}
