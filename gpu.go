package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// engineWithoutGPUs is what an engine answers that was not started for GPUs.
const engineWithoutGPUs = "GPU support is not enabled"

// Prove that TensorFlow computes on the GPUs that training asks for, and return what it saw as JSON.
//
// Three steps in the environment as it is after the requirements are installed: nvidia-smi lists the cards, TensorFlow
// lists them too, and one operation placed on each gives the right value. Never served from a cache.
//
// +cache="never"
func (m *TensorflowCi) GpuCheck(ctx context.Context) (*dagger.File, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	if settings.Train.GPUs == config.NoGPUs {
		return nil, fmt.Errorf("gpu-check: train.gpus is %s: ask for cards with --gpus all, or with their UUIDs", config.NoGPUs)
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	return m.gpuCheck(ctx, settings, installed)
}

func (m *TensorflowCi) gpuCheck(ctx context.Context, settings config.Config, installed *dagger.Container) (*dagger.File, error) {
	report, err := installed.
		With(scripts("gpucheck.py")).
		With(gpus(settings)).
		// A fresh value on this one exec: what a card answered yesterday proves nothing today.
		WithEnvVariable("TENSORFLOW_CI_NOW", time.Now().UTC().Format(time.RFC3339Nano)).
		WithExec([]string{"python3", lineDir + "/gpucheck.py", "--out", outDir + "/gpu.json"}).
		File(outDir + "/gpu.json").
		Sync(ctx)
	if err != nil {
		return nil, gpuFailure("gpu-check", err)
	}
	return report, nil
}

// gpuFailure explains what an engine without GPU support says in words of its own.
func gpuFailure(what string, err error) error {
	if strings.Contains(err.Error(), engineWithoutGPUs) {
		return errors.New(what + ": the Dagger engine was not started for GPUs. Set _EXPERIMENTAL_DAGGER_GPU_SUPPORT=1 in the environment of the engine, " +
			"not of this shell (or of the CLI that starts the engine, which then takes its -gpu image), on a host with an NVIDIA driver and the NVIDIA container toolkit")
	}
	return failure(what, err)
}

// gpus gives a container the cards that train.gpus names.
func gpus(settings config.Config) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		switch wanted := settings.Train.GPUs; wanted {
		case config.NoGPUs:
			return container
		case config.AllGPUs:
			return container.ExperimentalWithAllGPUs()
		default:
			return container.ExperimentalWithGPU(strings.Split(wanted, ","))
		}
	}
}

// trainingRole is the image that training runs in.
func trainingRole(settings config.Config) string {
	if settings.Train.GPUs == config.NoGPUs {
		return "tensorflow"
	}
	return "tensorflow-gpu"
}
