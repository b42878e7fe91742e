package main

import (
	"context"

	"dagger/tests/internal/dagger"
)

// settings: what is wrong in tensorflow-ci.yaml stops the line before anything runs, with file, line and key.
func (t *Tests) settings() []check {
	bad := []struct {
		name, yaml string
		want       []string
	}{
		{"unknown key", "version: 1\ntrian: {seed: 1}\n", []string{"tensorflow-ci.yaml:2", "trian", "train"}},
		{"wrong type", "version: 1\ntrain: {seed: seven}\n", []string{"tensorflow-ci.yaml:2", "train.seed", "seven"}},
		{"threshold of 1.5", "version: 1\ngate:\n  - {metric: accuracy, minimum: 1.5}\n", []string{"tensorflow-ci.yaml:3", "minimum", "1.5"}},
		{"bare image", "version: 1\nimages: {tensorflow: tensorflow/tensorflow}\n", []string{"tensorflow-ci.yaml:2", "images.tensorflow", "tensorflow/tensorflow"}},
		{"latest image", "version: 1\nimages: {tensorflow: \"tensorflow/tensorflow:latest\"}\n", []string{"images.tensorflow", "latest"}},
		{"path out of the project", "version: 1\ntrain: {data: ../secrets}\n", []string{"train.data", "../secrets"}},
	}
	var checks []check
	for _, bad := range bad {
		checks = append(checks, check{"settings/refuses " + bad.name, func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("tensorflow-ci.yaml", bad.yaml)).Train().SavedModel().Sync(ctx)
			return refused(err, bad.want...)
		}})
	}
	return append(checks,
		check{"settings/refuses a --set that names no setting", func(ctx context.Context) error {
			_, err := line(tiny(), "train.sede=1").Train().SavedModel().Sync(ctx)
			return refused(err, "--set", "train.sede")
		}},
		check{"settings/refuses an image tag that does not exist", func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("tensorflow-ci.yaml", "version: 1\nimages: {tensorflow: \"tensorflow/tensorflow:2.16.0\"}\n")).
				Environment().Sync(ctx)
			return refused(err, "tensorflow/tensorflow:2.16.0", "this tag does not exist")
		}},
		check{"settings/a lock file must hold digests", func(ctx context.Context) error {
			lock := dag.Directory().WithNewFile("images.json", `{"tensorflow": "tensorflow/tensorflow:2.16.2"}`).File("images.json")
			_, err := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Images: lock}).Environment().Sync(ctx)
			return refused(err, "image lock file", "has no digest")
		}},
	)
}
