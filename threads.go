package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/lineage"
)

// intraopThreads is the variable by which TensorFlow takes the number of threads of one operation.
const intraopThreads = "TF_NUM_INTRAOP_THREADS"

// onThisEngine settles train.threads: auto, by asking how many processors a step of this engine may use.
//
// The number decides a model's last bits. It must be known before the training is built, so that it is part of the
// training's key in the cache: a training that counted by itself could be served to a machine with other processors.
func (m *TensorflowCi) onThisEngine(ctx context.Context, settings config.Config) (config.Config, error) {
	if !settings.Train.AsksForProcessors() {
		return settings, nil
	}
	of, err := m.image(ctx, settings, trainingRole(settings))
	if err != nil {
		return settings, err
	}
	count, err := processorCounts.Find(of, func() (int, error) { return m.countProcessors(ctx, of) })
	if err != nil {
		return settings, err
	}
	settings.Train = settings.Train.OnProcessors(count)
	return settings, nil
}

// processorCounts are what this call has counted.
var processorCounts answers.Book[image, int]

func (m *TensorflowCi) countProcessors(ctx context.Context, of image) (int, error) {
	container, err := m.container(ctx, of)
	if err != nil {
		return 0, err
	}
	text, err := container.
		With(scripts("processors.py")).
		// A fresh value: an engine's cache can move to another machine, and its limits can change.
		WithEnvVariable("TENSORFLOW_CI_NOW", time.Now().UTC().Format(time.RFC3339Nano)).
		WithExec([]string{"python3", lineDir + "/processors.py"}).
		Stdout(ctx)
	if err != nil {
		return 0, failure("train.threads is auto, and the processors cannot be counted", err)
	}
	count, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0, fmt.Errorf("train.threads is auto, and the processors cannot be counted: %w", err)
	}
	return count, nil
}

// asRecorded takes the number of threads for train.threads: auto from the training that is to be repeated,
// wherever it ran.
func asRecorded(train config.Train, recorded lineage.Manifest) config.Train {
	if threads, err := strconv.Atoi(recorded.Threads[intraopThreads]); err == nil && train.AsksForProcessors() {
		train.Threads = threads
	}
	return train
}

// judging are the settings of what judges a model: its figures are not to change with the machine's processors.
func judging(settings config.Config) config.Config {
	if settings.Train.Threads == config.AutoThreads {
		settings.Train.Threads = config.Default().Train.Threads
	}
	return settings
}
