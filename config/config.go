// Package config reads tensorflow-ci.yaml, the one file in which a project says what the line does to it.
//
// Reading is strict: an unknown key, a wrong type or an impossible value is a problem, every problem names its line, its
// key and what is allowed, and all of them are reported at once. A key that is left out has the value that [Default]
// gives it; so does a project without the file.
package config

import (
	"time"

	"dagger/tensorflow-ci/dataset"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/platform"
)

// FileName is where a project keeps its settings.
const FileName = "tensorflow-ci.yaml"

// NoRequirements as Config.Requirements stands for a project that needs no packages beside those of the image.
const NoRequirements = "none"

// NoImageLock as Config.ImageLock stands for a project that has no lock file of images.
const NoImageLock = "none"

// What train.reproducible can ask for.
const (
	Off      = "off"      // as fast as TensorFlow can
	Seeded   = "seeded"   // seed and threads as for Host; operations as fast as TensorFlow can
	Host     = "host"     // equal bits on one class of processor
	Portable = "portable" // as near to equal bits as can be on any processor, and slower
)

// What train.gpus can ask for beside a list of devices.
const (
	NoGPUs  = "none"
	AllGPUs = "all"
)

// What exports can ask for.
const (
	Tflite = "tflite"
	Tfjs   = "tfjs"
	Onnx   = "onnx"
)

// Config is what tensorflow-ci.yaml says, with the defaults for what it leaves out.
type Config struct {
	Version      int
	Model        string            // name under which the model is served
	Images       map[string]string // role to reference; only what the project names itself
	Platform     string            // of every role that Platforms does not name
	Platforms    map[string]string // role to platform
	ImageLock    string            // lock file of images in the project, or NoImageLock
	Requirements string            // path of the requirements, or NoRequirements
	Test         Test
	Lint         Lint
	Train        Train
	Evaluate     Evaluate
	Gate         []gate.Rule
	Exports      []string // other forms of the model that the pipeline makes: Tflite, Tfjs, Onnx
	Report       bool     // whether the pipeline lays out an HTML page
	Scan         Scan
	Release      Release
}

// Test is how the project's own tests run.
type Test struct {
	Paths     []string
	Coverage  Coverage
	TimeLimit time.Duration
}

// Coverage is what the tests must cover; without a source nothing is measured.
type Coverage struct {
	Source  string
	Minimum float64 // percent of lines
}

// Lint is what the linter looks at.
type Lint struct {
	Paths []string
}

// Train is how the training script is called.
type Train struct {
	Script       string
	Args         []Arg  // sorted by name
	Data         string // folder in which the script finds them
	Store        string // s3://bucket/prefix or gs://bucket/prefix that the folder is filled from; empty for data of the project
	Checkpoints  string // s3://bucket/prefix or gs://bucket/prefix where checkpoints outlive the engine; empty for nowhere
	Seed         int
	GPUs         string // NoGPUs, AllGPUs, or a comma-separated list of UUIDs and indices
	Reproducible string // Off, Seeded, Host or Portable
	Threads      int    // how many threads share one operation, or AutoThreads; decides the last bits of sums
	TimeLimit    time.Duration
	Memory       int64 // bytes that the script and what it starts may hold; 0 for no limit
	Workers      int
	Ignore       []string // patterns, as in .gitignore, of files whose change does not train again

	modeGiven bool // Reproducible was written, and is no default
}

// Arg is one argument of the training script.
type Arg struct {
	Name  string // without the dashes
	Value string // as it was written
	Flag  bool   // given by its name alone
}

// Evaluate is what the model is judged on.
type Evaluate struct {
	Data      string // .csv or .npz file of held-out rows
	Label     string // column or array to predict
	Signature string
	Output    string // output of the signature; empty where it has only one
	Task      string
	Slices    []string // columns whose values are judged one by one; those that the gate names are among them
	Threshold float64  // probability above which a binary model says yes
}

// Default returns the settings of a project that has no tensorflow-ci.yaml.
func Default() Config {
	return Config{
		Version:      1,
		Model:        "model",
		Images:       map[string]string{},
		Platform:     platform.Default,
		Platforms:    map[string]string{},
		ImageLock:    NoImageLock,
		Requirements: "requirements.txt",
		Test:         Test{Paths: []string{"tests"}, TimeLimit: 15 * time.Minute},
		Lint:         Lint{Paths: []string{"."}},
		Train: Train{
			Script:       "train.py",
			Data:         "data",
			GPUs:         NoGPUs,
			Reproducible: Host,
			Threads:      2,
			TimeLimit:    time.Hour,
			Workers:      1,
			Ignore:       []string{"tests/", "docs/", "*.md", FileName, dataset.SchemaFile, dataset.LockFile, ".gitlab-ci.yml", "LICENSE"},
		},
		Evaluate: Evaluate{Signature: "serving_default", Task: "auto", Threshold: 0.5},
		Exports:  []string{Tflite},
		Report:   true,
		Scan:     defaultScan(),
		Release:  defaultRelease(),
	}
}

// Parse reads the text of a tensorflow-ci.yaml; its error lists every problem, in the order of their lines.
func Parse(text []byte) (Config, error) {
	found := &problems{}
	settings := Default()
	if root := document(text, found); root != nil {
		settings.read(value{Node: root, line: root.Line, problems: found})
	}
	if err := found.err(); err != nil {
		return Config{}, err
	}
	return settings, nil
}
