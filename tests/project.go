package main

import (
	"slices"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// trainTiny is the smallest script that keeps the line's contract: one layer, one epoch.
const trainTiny = `import argparse
import pathlib

import keras
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--data-path", type=pathlib.Path)
parser.add_argument("--model-dir")
parser.add_argument("--epochs", type=int, default=1)
options = parser.parse_args()
rows = np.loadtxt(
    options.data_path / "train.csv", delimiter=",", skiprows=1, dtype="float32"
)
model = keras.Sequential(
    [keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile("sgd", "binary_crossentropy")
model.fit(rows[:, :2], rows[:, 2], epochs=options.epochs, verbose=2)
model.export(options.model_dir)
`

const testTiny = `def test_addition():
    assert 1 + 1 == 2
`

const settingsTiny = `version: 1
model: tiny
images: {tensorflow: "tensorflow/tensorflow:2.16.2"}
evaluate: {data: data/held-out.csv, label: y}
`

// acceptedTiny is what TensorFlow 2.16 carries, and nothing else.
var acceptedTiny = accepted("CVE-2026-0994", time.Now().AddDate(0, 1, 0))

func accepted(id string, until time.Time) string {
	return "vulnerabilities:\n  - id: " + id + "\n    statement: TensorFlow 2.16 requires protobuf < 5\n    expired_at: " + until.Format(time.DateOnly) + "\n"
}

// tiny is a complete project that trains in a few seconds, for tests about everything but the model.
func tiny() *dagger.Directory {
	rows := "a,b,y\n" + strings.Repeat("0.1,0.9,0\n0.9,0.1,1\n0.2,0.8,0\n0.8,0.2,1\n", 8)
	return dag.Directory().
		WithNewFile("tensorflow-ci.yaml", settingsTiny).
		WithNewFile("requirements.txt", "").
		WithNewFile(".trivyignore.yaml", acceptedTiny).
		WithNewFile("train.py", trainTiny).
		WithNewFile("tests/test_tiny.py", testTiny).
		WithNewFile("data/train.csv", rows).
		WithNewFile("data/held-out.csv", rows)
}

// always are settings that hold in every test: where this machine keeps the vulnerability database.
var always []string

// line binds the module to a project.
func line(project *dagger.Directory, set ...string) *dagger.TensorflowCi {
	return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: project, Set: append(slices.Clone(always), set...)})
}
