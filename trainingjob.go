package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/jobspec"
)

// Render a Kubeflow TFJob that runs this training on several machines: the same arguments, seed and limits.
//
// The image is the project's environment, published by its user: environment publish. The chief leaves the model in the
// persistent volume claim named after it. TF_CONFIG comes from the cluster's training operator; nothing is applied here.
func (m *TensorflowCi) TrainingJob(
	ctx context.Context,
	// Environment with the project in it, by digest. Example: registry.example.com/digits:1@sha256:…
	image string,
	// Machines, the chief's included.
	nodes int,
) (*dagger.File, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	if err := m.present(ctx, "train.script", settings.Train.Script); err != nil {
		return nil, err
	}
	if settings.Train.AsksForProcessors() {
		return nil, errors.New("training job: train.threads is auto, and the processors of the cluster's machines are not known here: " +
			"give their number, such as --set train.threads=8")
	}
	cards, err := gpusOfANode(settings)
	if err != nil {
		return nil, err
	}
	seeded, err := programs.ReadFile("scripts/seeded.py")
	if err != nil {
		return nil, err
	}
	text, err := jobspec.Job{
		Model: settings.Model, Image: image, Nodes: nodes, Directory: sourceDir, Output: outDir, GPUs: cards, Memory: settings.Train.Memory,
		TimeLimit: settings.Train.TimeLimit,
		Command: slices.Concat([]string{
			// The environment holds the project and nothing of the line: what fixes the seed comes along as text.
			"python3", "-c", string(seeded), strconv.Itoa(settings.Train.Seed), settings.Train.Reproducible, settings.Train.Script,
			"--data-path", path.Join(sourceDir, settings.Train.Data), "--model-dir", outDir + "/model",
		}, arguments(settings.Train.Args)),
		Environment: reproducibleVariables(settings),
		Labels:      map[string]string{"app.kubernetes.io/created-by": "tensorflow-ci"},
	}.TFJob()
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile("tfjob.yaml", string(text)).File("tfjob.yaml"), nil
}

// gpusOfANode is how many cards each machine is to have: a cluster gives numbers, not names.
func gpusOfANode(settings config.Config) (int, error) {
	switch wanted := settings.Train.GPUs; wanted {
	case config.NoGPUs:
		return 0, nil
	case config.AllGPUs:
		return 0, fmt.Errorf("training job: train.gpus is %s, and a cluster gives a number of cards: name as many as each machine is to have, such as 0,1", wanted)
	default:
		return len(strings.Split(wanted, ",")), nil
	}
}
