package config

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/gate"
)

func of[T any](value T) *T { return &value }

// sample says every key once, each with a value that is not its default.
const sample = `# A comment.
version: 1
model: phishing
images:
  tensorflow: tensorflow/tensorflow:2.16.2
  tensorflow-gpu: tensorflow/tensorflow:2.16.2-gpu
  serving: tensorflow/serving:2.16.1
platform: linux/arm64
platforms: {serving: linux/amd64}
image-lock: ci/images.json
requirements: ./deps//requirements.txt
test: {paths: [tests, more/tests/], coverage: {source: src, minimum: 80.5}, time-limit: 1h30m}
lint: {paths: [src, train.py]}
train:
  script: src/train.py
  args:
    epochs: 50
    learning-rate: 1e-3
    momentum: 0.90
    shuffle: true
    quiet: false
    layer: [64, "32", x y]
    word: "true"
    name: $(reboot); "quoted" 🔥 --flag
  data: data/sets
  seed: 7
  gpus: 0,GPU-5fd4f087-86f3-7a43-b711-4771313afc50
  reproducible: off
  threads: 4
  time-limit: 90s
  memory: 1.5GiB
  workers: 2
  ignore: [notebooks/, "!keep.md"]
evaluate: {data: data/held-out.csv, label: is_phishing, signature: serve, output: probs, task: binary, slices: [country], threshold: 0.25}
gate:
  - {metric: accuracy, minimum: 0.90}
  - {metric: auc, minimum: 0.95, max-drop: 0.005}
  - {metric: loss, maximum: 12}
  - {metric: accuracy, minimum: 0.8, slice: age=1}
exports: [onnx, tflite]
report: false
scan:
  severity: [CRITICAL]
  ignore-unfixed: false
  ignore-file: security/trivy.yaml
  targets: {serving: {severity: [UNKNOWN, HIGH], ignore-unfixed: true}, model: {}}
  denied-licenses: [AGPL-3.0-only]
  unproven: [conda-pkg, ubuntu 26.04]
  database: 172.17.0.1:5000/aquasec/trivy-db:2
  max-database-days: 30
  registries: [docker.io, ghcr.io/my-team/]
release: {store: s3://models/phishing/, canary-percent: 25, approvals: 2, four-eyes: true, approval-expiry: 24h, settle: 0s, serving-path: /srv/models}
`

func sampleConfig() Config {
	return Config{
		Version: 1,
		Model:   "phishing",
		Images: map[string]string{
			"tensorflow":     "tensorflow/tensorflow:2.16.2",
			"tensorflow-gpu": "tensorflow/tensorflow:2.16.2-gpu",
			"serving":        "tensorflow/serving:2.16.1",
		},
		Platform:     "linux/arm64",
		Platforms:    map[string]string{"serving": "linux/amd64"},
		ImageLock:    "ci/images.json",
		Requirements: "deps/requirements.txt",
		Test:         Test{Paths: []string{"tests", "more/tests"}, Coverage: Coverage{"src", 80.5}, TimeLimit: 90 * time.Minute},
		Lint:         Lint{Paths: []string{"src", "train.py"}},
		Train: Train{
			Script: "src/train.py",
			Args: []Arg{
				{Name: "epochs", Value: "50"},
				{Name: "layer", Value: "64"}, {Name: "layer", Value: "32"}, {Name: "layer", Value: "x y"},
				{Name: "learning-rate", Value: "1e-3"},
				{Name: "momentum", Value: "0.90"},
				{Name: "name", Value: `$(reboot); "quoted" 🔥 --flag`},
				{Name: "shuffle", Flag: true},
				{Name: "word", Value: "true"},
			},
			Data:         "data/sets",
			Seed:         7,
			GPUs:         "0,GPU-5fd4f087-86f3-7a43-b711-4771313afc50",
			Reproducible: Off,
			Threads:      4,
			TimeLimit:    90 * time.Second,
			Memory:       3 << 29,
			Workers:      2,
			Ignore:       []string{"notebooks/", "!keep.md"},
			modeGiven:    true,
		},
		Evaluate: Evaluate{
			Data: "data/held-out.csv", Label: "is_phishing", Signature: "serve", Output: "probs", Task: "binary",
			Slices: []string{"country", "age"}, Threshold: 0.25,
		},
		Gate: []gate.Rule{
			{Metric: "accuracy", Minimum: of(0.9)},
			{Metric: "auc", Minimum: of(0.95), MaxDrop: of(0.005)},
			{Metric: "loss", Maximum: of(12.0)},
			{Metric: "accuracy", Minimum: of(0.8), Slice: "age=1"},
		},
		Scan: Scan{
			Severity:        []string{"CRITICAL"},
			IgnoreFile:      "security/trivy.yaml",
			Targets:         map[string]ScanRules{ScanServing: {Severity: []string{"UNKNOWN", "HIGH"}, IgnoreUnfixed: of(true)}, ScanModel: {}},
			DeniedLicenses:  []string{"AGPL-3.0-only"},
			Database:        "172.17.0.1:5000/aquasec/trivy-db:2",
			MaxDatabaseDays: 30,
			Registries:      []string{"docker.io", "ghcr.io/my-team"},
			Unproven:        []string{"conda-pkg", "ubuntu 26.04"},
		},
		Exports: []string{Onnx, Tflite},
		Release: Release{
			Store: "s3://models/phishing", CanaryPercent: 25, Approvals: 2, FourEyes: true, ApprovalExpiry: 24 * time.Hour, ServingPath: "/srv/models",
		},
	}
}

func TestParse(t *testing.T) {
	got, err := Parse([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if want := sampleConfig(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestParseDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "null", "{}", "version: 1\n", "\ufeffversion: 1\n"} {
		got, err := Parse([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		} else if want := Default(); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func TestParseForms(t *testing.T) {
	for _, test := range []struct {
		text string
		get  func(Config) any
		want any
	}{
		{"requirements: none", func(c Config) any { return c.Requirements }, NoRequirements},
		{"train: {gpus: all}", func(c Config) any { return c.Train.GPUs }, AllGPUs},
		{"train: {gpus: 0}", func(c Config) any { return c.Train.GPUs }, "0"},
		{"train: {gpus: 'MIG-1, 3'}", func(c Config) any { return c.Train.GPUs }, "MIG-1,3"},
		{"train: {ignore: []}", func(c Config) any { return c.Train.Ignore }, []string{}},
		{"train: {args: {}}", func(c Config) any { return len(c.Train.Args) }, 0},
		{"train: {args: {layer: []}}", func(c Config) any { return len(c.Train.Args) }, 0},
		{"train: {args: {note: \"a\\nb\"}}", func(c Config) any { return c.Train.Args[0].Value }, "a\nb"},
		{"train: {args: {rate: 1_000}}", func(c Config) any { return c.Train.Args[0].Value }, "1_000"},
		{"train: {time-limit: 168h}", func(c Config) any { return c.Train.TimeLimit }, 7 * 24 * time.Hour},
		{"train: {memory: none}", func(c Config) any { return c.Train.Memory }, int64(0)},
		{"train: {memory: 256MiB}", func(c Config) any { return c.Train.Memory }, int64(256 << 20)},
		{"train: {memory: 16TiB}", func(c Config) any { return c.Train.Memory }, int64(16 << 40)},
		{"train: {seed: 4294967295}", func(c Config) any { return c.Train.Seed }, 4294967295},
		{"lint: {paths: [.]}", func(c Config) any { return c.Lint.Paths }, []string{"."}},
		{"lint: {paths: [a/../b]}", func(c Config) any { return c.Lint.Paths }, []string{"b"}},
		{"evaluate: {label: is phishing}", func(c Config) any { return c.Evaluate.Label }, "is phishing"},
		{"gate: [{metric: loss, minimum: -1.5}]", func(c Config) any { return *c.Gate[0].Minimum }, -1.5},
		{"gate: [{metric: macro_f1, minimum: 1}]", func(c Config) any { return *c.Gate[0].Minimum }, 1.0},
		{"gate: [{metric: r2, slice: 'a=b=c', minimum: 1}]", func(c Config) any { return c.Evaluate.Slices }, []string{"a"}},
		{"gate: []", func(c Config) any { return len(c.Gate) }, 0},
		{"images: {tensorflow: 'wheel:2.21.0'}", func(c Config) any { return c.Images["tensorflow"] }, "wheel:2.21.0"},
		{"platforms: {trivy: linux/arm64}", func(c Config) any { return c.PlatformOf("trivy") }, "linux/arm64"},
		{"platforms: {trivy: linux/arm64}", func(c Config) any { return c.PlatformOf("tensorflow") }, "linux/amd64"},
		{"platform: linux/arm64", func(c Config) any { return c.PlatformOf("tensorflow") }, "linux/arm64"},
	} {
		t.Run(test.text, func(t *testing.T) {
			settings, err := Parse([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if got := test.get(settings); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v, want %#v", got, test.want)
			}
		})
	}
}

func TestParseSampleProjects(t *testing.T) {
	files, err := os.ReadDir("../testdata")
	if err != nil {
		t.Skip("no sample projects here: ", err)
	}
	for _, file := range files {
		text, err := os.ReadFile("../testdata/" + file.Name() + "/" + FileName)
		if err != nil {
			continue
		}
		if _, err := Parse(text); err != nil {
			t.Errorf("%s: %v", file.Name(), err)
		}
	}
}

func TestOverride(t *testing.T) {
	base := sampleConfig()
	got, err := base.Override([]string{
		"model=ham", "model=spam", "images.trivy=aquasec/trivy:0.69.3", "requirements=none", "test.coverage.minimum=0",
		"train.seed=9", "train.time-limit=5m", "train.reproducible=portable", "train.gpus=all", "train.memory=8GiB",
		"train.args.epochs=5", "train.args.shuffle=false", "train.args.new=true", "train.args.empty=", "train.args.equal=a=b",
		"train.args.layer=null", "evaluate.label=5", "scan.ignore-unfixed=true", "release.store=gs://bucket",
		"platform=linux/amd64", "platforms.trivy=linux/amd64",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := sampleConfig()
	want.Model = "spam"
	want.Images["trivy"] = "aquasec/trivy:0.69.3"
	want.Requirements = NoRequirements
	want.Test.Coverage.Minimum = 0
	want.Train.Seed, want.Train.TimeLimit, want.Train.Reproducible, want.Train.GPUs = 9, 5*time.Minute, Portable, AllGPUs
	want.Train.Memory = 8 << 30
	want.Train.Args = []Arg{
		{Name: "empty"},
		{Name: "epochs", Value: "5"},
		{Name: "equal", Value: "a=b"},
		{Name: "layer", Value: "null"},
		{Name: "learning-rate", Value: "1e-3"},
		{Name: "momentum", Value: "0.90"},
		{Name: "name", Value: `$(reboot); "quoted" 🔥 --flag`},
		{Name: "new", Flag: true},
		{Name: "word", Value: "true"},
	}
	want.Evaluate.Label = "5"
	want.Scan.IgnoreUnfixed = true
	want.Release.Store = "gs://bucket"
	want.Platform, want.Platforms["trivy"] = "linux/amd64", "linux/amd64"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !reflect.DeepEqual(base, sampleConfig()) {
		t.Errorf("the receiver changed: %+v", base)
	}
}

func TestOverrideNothing(t *testing.T) {
	if got, err := Default().Override(nil); err != nil || !reflect.DeepEqual(got, Default()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestOverrideRefuses(t *testing.T) {
	for _, test := range []struct{ pair, want string }{
		{"", `--set "" sets nothing; allowed: key=value, such as train.args.epochs=5`},
		{"train.seed", `--set "train.seed" sets nothing; allowed: key=value, such as train.args.epochs=5`},
		{"=5", `--set "=5" sets nothing; allowed: key=value, such as train.args.epochs=5`},
		{"train.sed=5", `--set train.sed: unknown key: did you mean seed?; allowed: args, checkpoints, data, `},
		{"train=5", `--set train: "5" is no mapping; allowed: a mapping with args, `},
		{"train.seed.x=5", `--set train.seed: a mapping is no whole number; allowed: a whole number from 0 to 4294967295`},
		{"train.seed=", `--set train.seed: "" is no whole number; `},
		{"train.seed=-1", `--set train.seed: -1 is out of range; `},
		{"train..seed=1", `--set train."": unknown key; `},
		{"train.args.data-path=/etc", `--set train.args.data-path: --data-path is set by the line; `},
		{"train.args.a.b=1", `--set train.args.a: a mapping cannot be passed to the script; `},
		{"train.args.x=a\x00b", `--set train.args.x: the text "a\x00b" contains bytes that no argument can; `},
		{"train.args.x=\xff", `--set train.args.x: the text "\xff" contains bytes that no argument can; `},
		{"train.script=../train.py", `--set train.script: the path "../train.py" leaves the project; `},
		{"test.paths=tests", `--set test.paths: it is a list, and a flag sets one value; allowed: a change in tensorflow-ci.yaml`},
		{"gate.0.minimum=0.9", `--set gate: it is a list, and a flag sets one value; `},
		{"images.tensorflow=tensorflow/tensorflow:latest", `--set images.tensorflow: image "tensorflow/tensorflow:latest": the tag latest moves`},
		{"model=a\nb", `--set model: "a\nb" is no name for a model; `},
		{"platform=linux/s390x", `--set platform: "linux/s390x" is none of the choices; allowed: linux/amd64, linux/arm64`},
		{"platforms.serving=arm64", `--set platforms.serving: "arm64" is none of the choices`},
		{"platforms.server=linux/arm64", `--set platforms.server: unknown key`},
		{"images.tensorflow=wheel:2.20.0", `--set images.tensorflow: TensorFlow "2.20.0" from wheels: there is no lock file`},
		{"images.tensorflow-gpu=wheel:2.21.0", `--set images.tensorflow-gpu: "wheel:2.21.0" is no image: wheels can take the place of images.tensorflow alone`},
		{strings.Repeat("a.", 5_000) + "=1", `--set a: unknown key; `},
		{strings.Repeat("a", 10_000) + "=1", `--set "` + strings.Repeat("a", maxShown) + `"…: unknown key; `},
	} {
		t.Run(fmt.Sprintf("%.40q", test.pair), func(t *testing.T) {
			got, err := Default().Override([]string{test.pair})
			if err == nil {
				t.Fatalf("got %+v, want a refusal", got)
			}
			if !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestOverrideReportsAll(t *testing.T) {
	_, err := Default().Override([]string{"train.seed=x", "version=1", "model=-"})
	if err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("got %v, want two lines", err)
	}
}
