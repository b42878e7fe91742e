package main

import (
	"context"
	"fmt"

	"dagger/tests/internal/dagger"
)

// handover: a model that one job made is what the next job works on, and it is told when it is not.
func (t *Tests) handover() []check {
	wrapped := func(directory *dagger.Directory) *dagger.TensorflowCiModel { return line(tiny()).Model(directory) }
	manifest := func(ctx context.Context, directory *dagger.Directory) (string, error) {
		return wrapped(directory).Manifest().Contents(ctx)
	}
	return []check{
		{"handover/a later job writes the manifest that the training job would have", func(ctx context.Context) error {
			want, err := line(tiny()).Train().Manifest().Contents(ctx)
			if err != nil {
				return err
			}
			output := line(tiny()).Train().Output()
			got, err := manifest(ctx, output)
			if err == nil && got != want {
				return fmt.Errorf("want %s\nhave %s", want, got)
			}
			return err
		}},
		{"handover/an output without its manifest says what is missing", func(ctx context.Context) error {
			_, err := manifest(ctx, line(tiny()).Train().Output().WithoutFile("manifest.json"))
			return refused(err, "nothing is known of how this model was made", "manifest.json")
		}},
		{"handover/another model under the same manifest is refused", func(ctx context.Context) error {
			other := line(tiny(), "train.seed=8").Train().SavedModel()
			_, err := manifest(ctx, line(tiny()).Train().Output().WithoutDirectory("model").WithDirectory("model", other))
			return refused(err, "the model is not the one", "canonical digest")
		}},
		{"handover/an empty directory asks whether train has run", func(ctx context.Context) error {
			_, err := wrapped(dag.Directory()).SavedModel().Entries(ctx)
			return refused(err, "has train run", "artifacts")
		}},
	}
}
