// A line of your own, made of tensorflow-ci: test, train, gate, and the model for a phone.
//
//	dagger call -m examples/go ship --source my-project export --path shipped
//
// Made by `dagger init --sdk go` and `dagger install` of tensorflow-ci; dag.TensorflowCi is what the latter generated.
package main

import (
	"context"
	"fmt"

	"dagger/example/internal/dagger"
)

// Example is a module that uses another.
type Example struct{}

// Test the project, train it, hold the model against its gate, and return it for a phone.
//
// The directory holds model.tflite and summary.txt. Each step is cached by its own inputs, as in tensorflow-ci's own line;
// the first that fails ends this one.
func (e *Example) Ship(
	ctx context.Context,
	// Project with a tensorflow-ci.yaml. Example: testdata/phishing
	// +defaultPath="/testdata/phishing"
	// +ignore=["**/__pycache__"]
	source *dagger.Directory,
	// Most that accuracy may fall by the conversion, a share from 0 to 1. Example: 0.02
	// +default="0.01"
	maxAccuracyLoss string,
) (*dagger.Directory, error) {
	line := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: source})

	if err := line.Test().Check(ctx); err != nil {
		return nil, err
	}
	model := line.Train()
	evaluation := model.Evaluate()
	if err := evaluation.Check(ctx); err != nil {
		return nil, err
	}
	phone := model.Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "dynamic", MaxAccuracyLoss: maxAccuracyLoss})
	if err := phone.Check(ctx); err != nil {
		return nil, err
	}

	digest, err := model.Digest(ctx)
	if err != nil {
		return nil, err
	}
	achieved, err := evaluation.Summary(ctx)
	if err != nil {
		return nil, err
	}
	converted, err := phone.Summary(ctx)
	if err != nil {
		return nil, err
	}
	return phone.Directory().
		WithNewFile("summary.txt", fmt.Sprintf("model %s\n%s\n%s\n", digest, achieved, converted)), nil
}
