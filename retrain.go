package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/verification"
)

// repeated trains again from the recorded inputs, and compares what comes out.
func (m *TensorflowCi) repeated(ctx context.Context, recorded lineage.Manifest, output *dagger.Directory, limits verification.Limits) (verification.Verdict, error) {
	var verdict verification.Verdict
	settings, err := m.settings(ctx)
	if err != nil {
		return verdict, err
	}
	settings.Train = asRecorded(settings.Train, recorded)
	now, err := m.same(ctx, settings, recorded)
	if err != nil {
		return verdict, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return verdict, err
	}
	line := *m
	line.Again = time.Now().Format(time.RFC3339Nano)
	model, err := line.train(ctx, settings, installed)
	if err != nil {
		return verdict, fmt.Errorf("trained again from the recorded inputs: %w", err)
	}
	if err := model.addTraining(ctx, &now); err != nil {
		return verdict, err
	}
	if now.CanonicalDigest, err = model.Digest(ctx); err != nil {
		return verdict, err
	}
	var found *verification.Comparison
	if now.CanonicalDigest != recorded.CanonicalDigest {
		if found, err = model.compared(ctx, settings, output); err != nil {
			return verdict, err
		}
	}
	return verification.Judge(recorded, now, found, limits), nil
}

// same refuses inputs that are not the recorded ones, cheapest first; nothing is trained of other inputs.
func (m *TensorflowCi) same(ctx context.Context, settings config.Config, recorded lineage.Manifest) (lineage.Manifest, error) {
	now := intended(settings)
	now.Threads, now.Device.Kind = map[string]string{}, "cpu"
	for _, variable := range reproducibleVariables(settings) {
		if strings.HasPrefix(variable.Name, "TF_NUM_") {
			now.Threads[variable.Name] = variable.Value
		}
	}
	if settings.Train.GPUs != config.NoGPUs {
		now.Device.Kind = "gpu"
	}
	for _, add := range []func(context.Context, config.Config, *lineage.Manifest) error{m.addInputs, m.addImage, m.addRequirements} {
		if err := add(ctx, settings, &now); err != nil {
			return now, err
		}
	}
	if err := otherInputs(recorded, now); err != nil {
		return now, err
	}
	if err := m.addInstalled(ctx, settings, &now); err != nil {
		return now, fmt.Errorf("the recorded requirements cannot be installed any more, so that the model cannot be made again: %w", err)
	}
	return now, otherInputs(recorded, now)
}

func otherInputs(recorded, now lineage.Manifest) error {
	differences := verification.Inputs(recorded, now)
	if len(differences) == 0 {
		return nil
	}
	lines := []string{"verify: these are not the inputs that the model was made from, so that nothing was trained"}
	for _, difference := range differences {
		lines = append(lines, difference.String())
	}
	from := "Give the source that it was made from"
	if recorded.Source.Commit != "" {
		from = "Check out the commit " + recorded.Source.Commit + " that it was made from"
	}
	return errors.New(strings.Join(append(lines, from+", and --set, --data and --images as they were then"), "\n"))
}

// compared says where the model differs from the recorded one; nil where the output does not hold that.
func (m *Model) compared(ctx context.Context, settings config.Config, output *dagger.Directory) (*verification.Comparison, error) {
	if found, err := output.Exists(ctx, "model/saved_model.pb"); err != nil || !found {
		return nil, err
	}
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, err
	}
	command := []string{"python3", lineDir + "/modeldiff.py", "--before", "/recorded", "--after", "/model", "--out", outDir + "/difference.json"}
	if settings.Evaluate.Data != "" {
		data, err := m.Line.heldOut(ctx, settings)
		if err != nil {
			return nil, err
		}
		rows, err := rowsPath(ctx, "/held-out", data)
		if err != nil {
			return nil, fmt.Errorf("held-out data: %w", err)
		}
		python = python.WithMountedFile(rows, data)
		command = append(append(command, asked(settings.Evaluate)...), "--data", rows)
	}
	text, err := python.
		With(scripts("modeldiff.py", "heldout.py", "metrics.py", "savedmodel.py", "signature.py",
			"modeldigest.py", "modelfile.py", "modelgraph.py", "treedigest.py")).
		WithMountedDirectory("/recorded", output.Directory("model")).
		WithMountedDirectory("/model", m.SavedModel).
		WithNewFile(outDir+"/difference.json", "").
		WithExec(command).
		File(outDir + "/difference.json").
		Contents(ctx)
	if err != nil {
		return nil, failure("the comparison with the recorded model", err)
	}
	var found verification.Comparison
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("the comparison with the recorded model: %w", err)
	}
	return &found, nil
}

// anew makes a training run whatever the cache holds, and begin at the beginning.
func (m *TensorflowCi) anew(checkpoints bool) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		if m.Again == "" {
			return container
		}
		if checkpoints {
			container = container.WithMountedTemp(checkpointDir)
		}
		return container.WithNewFile(lineDir+"/again", m.Again)
	}
}
