package main

import (
	"context"
	"fmt"
	"os"

	"dagger/tensorflow-ci/ci/drill"
)

const drillExplanation = `Plants real faults during real runs: it kills the engine, restarts the Docker daemon that "up" started, cuts the
engine's network, fills disks, damages a package cache, sets the clock back, and lets the store of models fail. For each it
checks what the user saw and that nothing is half-written, repeats the plain call, and holds its result against that of an
undisturbed run. What it changed is put right again, also when it is interrupted. Do not run it where others use the engine.`

func drillCommand(ctx context.Context, args []string) error {
	set := flags("drill [flags]", drillExplanation)
	only := set.StringSlice("only", nil, "only these drills, by the names that the progress shows")
	file := set.String("json", "", "also write the results to this file, with the whole messages")
	mirror, options := upFlags(set)
	if err := parse(set, args, 0); err != nil {
		return err
	}
	drills, err := drill.Select(drill.All(), *only)
	if err != nil {
		return usageError{err}
	}
	if err := drill.Possible(); err != nil {
		return err
	}
	options.Tests = true
	machine, err := bringUp(ctx, *mirror, *options)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "tensorflow-ci-drill-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	results := drill.Run(ctx, &drill.Site{Machine: machine, Folder: folder, Say: os.Stderr}, drills, os.Stderr)
	if _, err := bringUp(context.WithoutCancel(ctx), *mirror, *options); err != nil {
		return fmt.Errorf("after the drills: %w", err)
	}
	fmt.Println()
	if err := drill.Table(os.Stdout, results); err != nil {
		return err
	}
	if *file != "" {
		text, err := drill.JSON(results)
		if err != nil {
			return err
		}
		if err := os.WriteFile(*file, text, 0o644); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return drill.Err(results)
}
