package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/state"
)

const gpuProofExplanation = `Proves on a machine with an NVIDIA card what the documentation says of GPUs, in stages,
as far as the machine allows:
  driver       the driver shows a card, and a kernel on it gives the right values
  tensorflow   TensorFlow lists the card
  check        gpu-check passes with the card, and stops where the card is hidden from it
  speed        a step in the pipeline's launcher takes at most 1.01 times as long as alone
  determinism  two trainings are equal, and what that costs
  train        the sample project trains on the card
  pipeline     the same gpu-check on a Dagger engine with GPUs
A stage that needs what is not here is left out, and says what it needs. The exit status is 0 when a stage passed
and none failed. The work is done by ci/gpuproof/proof.py, which needs Python 3.10 and nothing else,
not even this program.`

func gpuProof(ctx context.Context, args []string) error {
	set := flags("gpu-proof [flags]", gpuProofExplanation)
	stages := set.StringSlice("stage", nil, "only these stages")
	limit := set.Duration("limit", 8*time.Minute, "for all stages together")
	file := set.String("json", "", "write the results to this file, after each stage")
	python := set.String("python", "python3", "the Python that has TensorFlow")
	wheels := set.String("wheels", "", "folder of wheels that holds TensorFlow with CUDA and all that it needs")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	if *limit < time.Second {
		return usageError{fmt.Errorf("--limit %s: want at least 1s", *limit)}
	}
	root, err := repository()
	if err != nil {
		return err
	}
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		return errors.New("gpu-proof needs Python 3.10 or newer as python3, which is not on the PATH")
	}
	program := filepath.Join(root, "ci", "gpuproof", "proof.py")
	command := []string{interpreter, program, "--limit", fmt.Sprintf("%ds", int(limit.Seconds()))}
	for _, stage := range *stages {
		command = append(command, "--stage", stage)
	}
	for flag, value := range map[string]string{"--json": *file, "--wheels": *wheels} {
		if value != "" {
			command = append(command, flag, value)
		}
	}
	if set.Changed("python") {
		command = append(command, "--python", *python)
	}
	if folder, err := state.Locate(); err == nil {
		if cli := folder.Path("bin", "dagger"); exists(cli) {
			command = append(command, "--dagger", cli)
		}
	}
	err = proc.Command{Args: command}.RunApart(ctx, os.Stdout, os.Stderr)
	var ended *exec.ExitError
	switch {
	case errors.As(err, &ended) && ended.ExitCode() == 2:
		return usageError{errors.New("gpu-proof: the flags above are not right")}
	case errors.As(err, &ended):
		return errors.New("gpu-proof: nothing is proven, or a stage failed: its reason stands above")
	}
	return err
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
