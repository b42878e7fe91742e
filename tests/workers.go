package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// workers: several containers train one model, and the one that fails is named.
func (t *Tests) workers() []check {
	const head = "import json, os, time\nindex = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
	const fit = `import argparse, pathlib
import keras, numpy as np, tensorflow as tf

strategy = tf.distribute.MultiWorkerMirroredStrategy()
with strategy.scope():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
model.fit(np.zeros((8, 2), "float32"), np.zeros(8, "float32"), batch_size=4)
`
	bad := []struct {
		name, code string
		set        []string
		want       []string
	}{
		{"a worker that is killed", head + "if index == 1:\n    os.kill(os.getpid(), 9)\ntime.sleep(600)\n", nil,
			[]string{"train.py on worker 1 was killed (signal 9)"}},
		{"a chief that fails", head + "if index == 0:\n    raise SystemExit(3)\ntime.sleep(600)\n", nil,
			[]string{"train.py on worker 0, the chief, exited with status 3"}},
		{"a worker that hangs", head + "time.sleep(600)\n", []string{"train.time-limit=10s"}, []string{"stopped after 10 s", "train.time-limit"}},
		{"Keras 3's fit", fit, nil, []string{"Keras 3's fit does not run under MultiWorkerMirroredStrategy", "custom training loop"}},
	}
	var checks []check
	for _, bad := range bad {
		checks = append(checks, check{"workers/" + bad.name, func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("train.py", bad.code), append(bad.set, "train.workers=2")...).Train().SavedModel().Sync(ctx)
			return refused(err, bad.want...)
		}})
	}
	return append(checks,
		check{"workers/--workers takes a number of them", func(ctx context.Context) error {
			_, err := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Workers: -1}).Train().SavedModel().Sync(ctx)
			return refused(err, "train.workers", "-1")
		}},
		check{"workers/two train one model", func(ctx context.Context) error {
			together := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: t.Digits, Workers: 2, Set: []string{"train.args.epochs=12"}}).Train()
			if err := together.Evaluate().Check(ctx); err != nil {
				return err
			}
			text, err := together.Manifest().Contents(ctx)
			if err != nil {
				return err
			}
			var manifest struct{ Parameters struct{ Workers int } }
			if err := json.Unmarshal([]byte(text), &manifest); err != nil {
				return err
			}
			if manifest.Parameters.Workers != 2 {
				return fmt.Errorf("parameters.workers in the manifest is %d, want 2", manifest.Parameters.Workers)
			}
			return nil
		}},
		check{"workers/a job for a cluster", func(ctx context.Context) error {
			pinned := "registry.example.com/digits:1@sha256:" + strings.Repeat("0123456789abcdef", 4)
			text, err := line(t.Phishing).TrainingJob(pinned, 3).Contents(ctx)
			if err != nil {
				return err
			}
			for _, part := range []string{"apiVersion: kubeflow.org/v1", "kind: TFJob", pinned, "--epochs=50", "replicas: 2"} {
				if !strings.Contains(text, part) {
					return fmt.Errorf("the job does not say %q:\n%s", part, text)
				}
			}
			_, err = line(t.Phishing).TrainingJob("registry.example.com/digits:1", 3).Contents(ctx)
			return refused(err, "has no digest")
		}},
	)
}
