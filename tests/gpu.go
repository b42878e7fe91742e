package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// gpu: no training without a proven GPU where one is asked for. What a GPU does is tested with the engine of
// `ci up --gpu-standin`; these are the refusals of an engine that has none.
func (t *Tests) gpu() []check {
	asked := func(gpus string) *dagger.TensorflowCi {
		project := tiny().WithNewFile("tensorflow-ci.yaml", "version: 1\n"+
			"images: {tensorflow: \"tensorflow/tensorflow:2.16.2\", tensorflow-gpu: \"tensorflow/tensorflow:2.16.2-gpu\"}\n")
		return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: project, Gpus: gpus})
	}
	return []check{
		{"gpu/an engine without GPU support says what to set and where", func(ctx context.Context) error {
			_, err := asked("all").GpuCheck().Contents(ctx)
			return refused(err, "_EXPERIMENTAL_DAGGER_GPU_SUPPORT=1", "in the environment of the engine")
		}},
		{"gpu/training does not start without its GPU", func(ctx context.Context) error {
			_, err := asked("GPU-8a5f1c9e-0000-4000-8000-000000000000").Train().SavedModel().Sync(ctx)
			return refused(err, "gpu-check", "_EXPERIMENTAL_DAGGER_GPU_SUPPORT=1")
		}},
		{"gpu/a check without asking for a GPU", func(ctx context.Context) error {
			_, err := asked("").GpuCheck().Contents(ctx)
			return refused(err, "train.gpus is none")
		}},
		{"gpu/a name that is no GPU", func(ctx context.Context) error {
			_, err := asked("all; rm -rf /").GpuCheck().Contents(ctx)
			return refused(err, "train.gpus")
		}},
		{"gpu/operations are made deterministic where that is written, and not by default", func(ctx context.Context) error {
			const image = "registry.example.com/tiny@sha256:0123456789012345678901234567890123456789012345678901234567890123"
			for mode, set := range map[string][]string{
				"seeded":   {"train.gpus=0"},
				"host":     {"train.gpus=0", "train.reproducible=host"},
				"portable": {"train.gpus=0", "train.reproducible=portable"},
			} {
				text, err := line(tiny(), set...).TrainingJob(image, 1).Contents(ctx)
				if err != nil {
					return err
				}
				if !strings.Contains(text, "- "+mode+"\n") {
					return fmt.Errorf("%v: the job's mode is not %s:\n%s", set, mode, text)
				}
			}
			return nil
		}},
		{"gpu/a cluster's processors are not known here", func(ctx context.Context) error {
			const image = "registry.example.com/tiny@sha256:0123456789012345678901234567890123456789012345678901234567890123"
			_, err := line(tiny(), "train.threads=auto").TrainingJob(image, 1).Contents(ctx)
			return refused(err, "train.threads is auto", "--set train.threads=8")
		}},
	}
}
