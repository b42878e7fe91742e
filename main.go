// Test, train, judge and ship a TensorFlow model in containers, the same on a laptop and in CI.
//
// The line is: environment, lint, test and scan side by side, train, evaluate against a gate, export, image, release.
// What it does to a project is written in the project's own tensorflow-ci.yaml (package config); every step runs in an
// image that is resolved to a digest first, and leaves a record of what went in and what came out (package lineage).
//
//	dagger call --source my-project run export --path out
//	dagger call --source my-project train evaluate check
//	dagger call --source my-project environment terminal
package main

import (
	"context"
	"fmt"
	"slices"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// TensorflowCi is the line, bound to one project.
type TensorflowCi struct {
	// +private
	Source *dagger.Directory
	// +private
	Data *dagger.Directory
	// +private
	Set []string
	// +private
	Lock *dagger.File
	// +private
	Cache *dagger.CacheVolume
	// +private
	PackageIndex *dagger.Secret
	// +private
	DataConfig *dagger.Secret
	// +private
	CheckpointConfig *dagger.Secret
	// +private
	Commit string
	// +private
	Again string
}

// Bind the line to a project.
func New(
	// Project: the directory that holds tensorflow-ci.yaml, the training script and its data. Files that git ignores
	// are not sent; give ignored data with --data. Nor are out, the folder in which it is being made, and what a CI job finds in
	// its folder beside the project.
	// +defaultPath="/"
	// +ignore=[".git", "**/__pycache__", "**/.pytest_cache", "**/.ruff_cache", ".venv", "out", "**/.*.unfinished-*", ".gitlab-ci-local", ".gitlab-ci-reports"]
	source *dagger.Directory,
	// Training data that lies outside the project; takes the place of the folder named by train.data.
	// Example: ../datasets/phishing
	// +optional
	data *dagger.Directory,
	// Settings that win over tensorflow-ci.yaml, as key=value. Example: train.args.epochs=5
	// +optional
	set []string,
	// Lock file of images: a JSON object, role to reference@digest. It wins over tensorflow-ci.yaml.
	// +optional
	images *dagger.File,
	// GPUs to train on: none, all, or UUIDs and indices with commas between them; wins over train.gpus.
	// Example: GPU-8a5f1c9e-0000-4000-8000-000000000000
	// +optional
	gpus string,
	// Containers that train together (MultiWorkerMirroredStrategy); wins over train.workers.
	// +optional
	workers int,
	// Platform of the project's containers and images: linux/amd64 or linux/arm64; wins over platform. On an engine of
	// another processor it also asks for emulation. Example: linux/arm64
	// +optional
	platform string,
	// Volume for downloaded packages, to share one with other modules. It speeds installs, never decides them.
	// +optional
	cache *dagger.CacheVolume,
	// Address of the package index, credentials included, where it is not the public one. It reaches the installer alone,
	// never a layer or a log. Example: env://PACKAGE_INDEX
	// +optional
	packageIndex *dagger.Secret,
	// Configuration of rclone that reaches the bucket of a train.data such as s3://bucket/prefix: its section [s3] or [gs].
	// Example: file:rclone.conf
	// +optional
	dataConfig *dagger.Secret,
	// Configuration of rclone that reaches the bucket of train.checkpoints: its section [s3] or [gs]. No container in which
	// the project's code runs has it, and a change of it trains nothing again. Example: file:rclone.conf
	// +optional
	checkpointConfig *dagger.Secret,
	// Git commit of the project, recorded in the lineage. Example: $CI_COMMIT_SHA
	// +optional
	commit string,
) *TensorflowCi {
	if gpus != "" {
		set = append(set, "train.gpus="+gpus)
	}
	if platform != "" {
		set = append(set, platformFlag+platform)
	}
	if workers != 0 {
		set = append(set, fmt.Sprintf("train.workers=%d", workers))
	}
	return &TensorflowCi{
		Source: source, Data: data, Set: set, Lock: images, Cache: cache, PackageIndex: packageIndex, DataConfig: dataConfig,
		CheckpointConfig: checkpointConfig, Commit: commit,
	}
}

// settings reads the project's tensorflow-ci.yaml, or the documented defaults where it has none, and applies --set.
func (m *TensorflowCi) settings(ctx context.Context) (config.Config, error) {
	settings := config.Default()
	names, err := m.topOf(ctx)
	if err != nil {
		return settings, err
	}
	if slices.Contains(names, config.FileName) {
		text, err := configTexts.Find(m.Source, func() (string, error) { return m.Source.File(config.FileName).Contents(ctx) })
		if err != nil {
			return settings, failure("cannot read "+config.FileName, err)
		}
		if settings, err = config.Parse([]byte(text)); err != nil {
			return settings, err
		}
	}
	return settings.Override(m.Set)
}

// What this call knows of projects.
var (
	tops        answers.Book[*dagger.Directory, []string]
	configTexts answers.Book[*dagger.Directory, string]
)

// topOf are the names at the top of the project, those of folders with a slash.
func (m *TensorflowCi) topOf(ctx context.Context) ([]string, error) {
	names, err := tops.Find(m.Source, func() ([]string, error) { return m.Source.Entries(ctx) })
	if err != nil {
		return nil, failure("cannot read the project", err)
	}
	return names, nil
}
