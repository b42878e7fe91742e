package main

import (
	"embed"
	"slices"
	"time"

	"dagger/tests/internal/dagger"
)

// tinyFiles is the smallest project that keeps the line's contract: one layer, one epoch. `ci bench` measures with it too.
//
//go:embed all:testdata/tiny testdata/locked
var tinyFiles embed.FS

var (
	trainTiny    = ofTiny("train.py")
	testTiny     = ofTiny("tests/test_tiny.py")
	settingsTiny = ofTiny("tensorflow-ci.yaml")
)

func ofTiny(file string) string { return ofFiles("testdata/tiny/" + file) }

func ofFiles(file string) string {
	text, err := tinyFiles.ReadFile(file)
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
var acceptedTiny = accepted(time.Now().AddDate(0, 1, 0), "CVE-2026-0994", // of protobuf
	"CVE-2025-12060", "CVE-2025-1550", "CVE-2025-8747", "CVE-2025-9905", "CVE-2026-11816", "CVE-2026-12481", "CVE-2026-12484", // of Keras
	"CVE-2025-47273") // of setuptools

func accepted(until time.Time, ids ...string) string {
	text := "vulnerabilities:\n"
	for _, id := range ids {
		text += "  - id: " + id + "\n    statement: " + reasonTiny + "\n    expired_at: " + until.Format(time.DateOnly) + "\n"
	}
	return text
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
