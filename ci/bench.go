package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"dagger/tensorflow-ci/ci/proc"
)

const benchExplanation = `Measures this program from outside, on a machine that is up, and prints the median of several runs: a table, and JSON
for machines. The ratio says how the measurement compares with the one it is set against.`

// measurement is one thing that is timed.
type measurement struct {
	name    string
	against string // name of the measurement that the ratio refers to; "" for none
	times   int
	// before is done ahead of each timed call; nil for nothing.
	before func(ctx context.Context) error
	timed  func(ctx context.Context) error
}

// measured is what came out of a measurement.
type measured struct {
	Name    string    `json:"name"`
	Seconds float64   `json:"seconds"` // median
	All     []float64 `json:"all"`
	Against string    `json:"against,omitempty"`
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
	measurements, err := benchmarks(ctx, root, folder, *times)
	if err != nil {
		return err
	}
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
func benchmarks(ctx context.Context, root, folder string, times int) ([]measurement, error) {
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
	job := call("run", project, "--out", filepath.Join(folder, "out"))
	change := func(context.Context) error {
		script, err := os.OpenFile(filepath.Join(project, "train.py"), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer script.Close()
		_, err = fmt.Fprintf(script, "# %d\n", time.Now().UnixNano())
		return err
	}
	return []measurement{
		{name: "up, nothing to do", times: times, before: call("up"), timed: call("up")},
		{name: "run, only train.py changed", times: times, before: change, timed: job},
		{name: "run, nothing changed", against: "run, only train.py changed", times: times, timed: job},
	}, nil
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
			all = append(all, time.Since(began).Seconds())
		}
		figure := measured{Name: m.name, Seconds: median(all), All: all, Against: m.against}
		medians[m.name] = figure.Seconds
		if base := medians[m.against]; base > 0 {
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
		if figure.Against != "" {
			ratio = fmt.Sprintf("%.2f of %q", figure.Ratio, figure.Against)
		}
		fmt.Fprintf(table, "%s\t%.2f s\t%d\t%s\n", figure.Name, figure.Seconds, len(figure.All), ratio)
	}
	return table.Flush()
}
