package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/bench"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
)

var benchExplanation = `Measures the line beside the same work by hand, and prints medians, ratios, and which goals they meet: two tables, and JSON for
machines. A goal that is missed is no failure. All groups take hours; --only runs some of ` + strings.Join(bench.Names, ", ") + `:
  install  uv, with which the line installs, and pip
  line     runs of the line and its own commands by docker run
  seed     the same changes without the line: three jobs that each install, and a docker build
  modes    what each train.reproducible costs
  scale    experiments side by side, and ever more of them that are known
  scan     a scan of what has not changed
  load     a served model under load, with a rollout in the middle`

func benchCommand(ctx context.Context, args []string) error {
	set := flags("bench [flags]", benchExplanation)
	times := set.Int("times", 3, "how often each measurement is repeated")
	cells := set.Int("scale", 200, "experiments of the largest grid; each is trained once")
	only := set.StringSlice("only", nil, "only these groups")
	file := set.String("json", "", "also write the figures to this file")
	mirror, options := upFlags(set)
	if err := parse(set, args, 0); err != nil {
		return err
	}
	const fewest, most = 30, 1000 // more than the small grid, and what a grid may have
	switch err := bench.Check(*only); {
	case err != nil:
		return usageError{err}
	case *times < 1:
		return usageError{fmt.Errorf("--times %d: want at least 1", *times)}
	case *cells < fewest || *cells > most:
		return usageError{fmt.Errorf("--scale %d: want %d to %d", *cells, fewest, most)}
	}
	folder, err := os.MkdirTemp("", "tensorflow-ci-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	place, machine, err := benchPlace(ctx, folder, *mirror, *options)
	if err != nil {
		return err
	}
	place.Cells = *cells
	defer place.Clean(context.WithoutCancel(ctx))
	report := bench.Report{Machine: machine}
	var failed error
	report.Figures, report.Results, failed = bench.Take(ctx, bench.Choose(place.Groups(), *only), *times, os.Stderr)
	if err := report.Write(os.Stdout); err != nil || *file == "" {
		return errors.Join(failed, err)
	}
	text, err := report.JSON()
	if err != nil {
		return errors.Join(failed, err)
	}
	return errors.Join(failed, os.WriteFile(*file, text, 0o644))
}

// benchPlace brings the machine up, and says what it is.
func benchPlace(ctx context.Context, folder string, mirror plan.Mirror, options setup.Options) (bench.Place, bench.Machine, error) {
	var place bench.Place
	root, err := repository()
	if err != nil {
		return place, bench.Machine{}, err
	}
	made, err := bringUp(ctx, mirror, options)
	if err != nil {
		return place, bench.Machine{}, err
	}
	database, err := made.ScanDatabase(ctx)
	if err != nil {
		return place, bench.Machine{}, err
	}
	program := filepath.Join(folder, "ci")
	if err := (proc.Command{Args: []string{"go", "build", "-o", program, "./ci"}, Dir: root}).Run(ctx, os.Stderr); err != nil {
		return place, bench.Machine{}, err
	}
	hardware := host.LookHardware()
	machine := bench.Machine{
		Hardware: hardware, Docker: made.Facts.Docker.Server, Dagger: made.Plan.Engine, Load: host.Load(), Date: time.Now(),
	}
	place = bench.Place{
		Root: root, Program: program, CLI: made.CLI(), Engine: made.Plan.Engine, Env: made.Environment(), Database: database, Folder: folder, Cores: hardware.Cores, Log: os.Stderr,
	}
	return place, machine, nil
}
