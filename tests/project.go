package main

import (
	"embed"
	"slices"
	"time"

	"dagger/tests/internal/dagger"
)

// tinyFiles is the smallest project that keeps the line's contract: one layer, one epoch. `ci bench` measures with it too.
//
//go:embed all:testdata/tiny
var tinyFiles embed.FS

var (
	trainTiny    = ofTiny("train.py")
	testTiny     = ofTiny("tests/test_tiny.py")
	settingsTiny = ofTiny("tensorflow-ci.yaml")
)

func ofTiny(file string) string {
	text, err := tinyFiles.ReadFile("testdata/tiny/" + file)
	if err != nil {
		panic(err) // it is compiled in
	}
	return string(text)
}

const (
	imageTiny  = "tensorflow/tensorflow:2.16.2"
	reasonTiny = "comes with the image of TensorFlow 2.16"
)

// acceptedTiny is what the image of TensorFlow 2.16 carries, and nothing else.
var acceptedTiny = accepted("CVE-2026-0994", time.Now().AddDate(0, 1, 0))

func accepted(id string, until time.Time) string {
	return "vulnerabilities:\n  - id: " + id + "\n    statement: " + reasonTiny + "\n    expired_at: " + until.Format(time.DateOnly) + "\n"
}

// tiny is a complete project that trains in a few seconds, for tests about everything but the model.
func tiny() *dagger.Directory {
	return dag.Directory().
		WithNewFile("tensorflow-ci.yaml", settingsTiny).
		WithNewFile("requirements.txt", ofTiny("requirements.txt")).
		WithNewFile(".trivyignore.yaml", acceptedTiny).
		WithNewFile("train.py", trainTiny).
		WithNewFile("tests/test_tiny.py", testTiny).
		WithNewFile("data/train.csv", ofTiny("data/train.csv")).
		WithNewFile("data/held-out.csv", ofTiny("data/held-out.csv"))
}

// always are settings that hold in every test: where this machine keeps the vulnerability database.
var always []string

// line binds the module to a project.
func line(project *dagger.Directory, set ...string) *dagger.TensorflowCi {
	return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: project, Set: append(slices.Clone(always), set...)})
}
