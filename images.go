package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/internal/dagger"
)

// Every default image of the line, and nowhere else. A project names its own under images: in tensorflow-ci.yaml, a
// lock file (--images) wins over both. Whatever is named, a run resolves it to a digest once and uses that.
var defaultImages = map[string]string{
	// renovate: datasource=docker depName=busybox
	"busybox": "busybox:1.37.0",
	// renovate: datasource=docker depName=node
	"node": "node:22.20.0-bookworm-slim",
	// renovate: datasource=docker depName=rclone/rclone
	"rclone": "rclone/rclone:1.76.0",
	// The server of the line of versions that tensorflow below is of.
	// renovate: datasource=docker depName=tensorflow/serving
	"serving": "tensorflow/serving:2.16.1",
	// renovate: datasource=docker depName=tensorflow/tensorflow
	"tensorflow": "tensorflow/tensorflow:2.16.2",
	// renovate: datasource=docker depName=tensorflow/tensorflow versioning=regex:^(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)-gpu$
	"tensorflow-gpu": "tensorflow/tensorflow:2.16.2-gpu",
	// Never 0.69.4 to 0.69.6, which steal credentials; package imageref refuses them.
	// renovate: datasource=docker depName=aquasec/trivy
	"trivy": "aquasec/trivy:0.74.0",
}

// image returns the reference of a role, resolved to the digest that it has now.
func (m *TensorflowCi) image(ctx context.Context, settings config.Config, role string) (string, error) {
	reference, err := m.reference(ctx, settings, role)
	if err != nil {
		return "", err
	}
	parsed, err := imageref.Parse(reference)
	if err == nil {
		err = parsed.Allowed(settings.Scan.Registries)
	}
	if err == nil {
		err = unmoved(ctx, parsed)
	}
	var resolved string
	if err == nil {
		resolved, err = resolve(ctx, parsed)
	}
	if err != nil {
		return "", fmt.Errorf("image for %s: %w", role, err)
	}
	return resolved, nil
}

// reference looks a role up: lock file, then tensorflow-ci.yaml, then the default.
func (m *TensorflowCi) reference(ctx context.Context, settings config.Config, role string) (string, error) {
	if lock := m.lockFile(settings); lock != nil {
		locked, err := locks.Find(lockPlace{m.Lock, m.Source, settings.ImageLock}, func() (map[string]string, error) { return lockedImages(ctx, lock) })
		if err != nil {
			return "", err
		}
		if reference, found := locked[role]; found {
			return reference, nil
		}
	}
	if reference, found := settings.Images[role]; found {
		return reference, nil
	}
	if reference, found := defaultImages[role]; found {
		return reference, nil
	}
	return "", fmt.Errorf("no image for %s: name one under images.%s in %s (roles with a default: %v)",
		role, role, config.FileName, slices.Sorted(maps.Keys(defaultImages)))
}

// locks are the lock files that this call has read.
var locks answers.Book[lockPlace, map[string]string]

type lockPlace struct {
	given  *dagger.File
	source *dagger.Directory
	name   string // in source, where none is given
}

// lockFile is the one given with --images, or the project's own.
func (m *TensorflowCi) lockFile(settings config.Config) *dagger.File {
	if m.Lock == nil && settings.ImageLock != config.NoImageLock {
		return m.Source.File(settings.ImageLock)
	}
	return m.Lock
}

// lockedImages reads a lock file; each reference in it must carry a digest.
func lockedImages(ctx context.Context, file *dagger.File) (map[string]string, error) {
	text, err := file.Contents(ctx)
	if err != nil {
		return nil, failure("cannot read the image lock file", err)
	}
	locked := map[string]string{}
	if err := json.Unmarshal([]byte(text), &locked); err != nil {
		return nil, fmt.Errorf("image lock file: want a JSON object, role to reference@digest: %w", err)
	}
	for role, reference := range locked {
		parsed, err := imageref.Parse(reference)
		if err != nil {
			return nil, fmt.Errorf("image lock file, %s: %w", role, err)
		}
		if !parsed.Pinned() {
			return nil, fmt.Errorf("image lock file, %s: %s has no digest: write it as name:tag@sha256:…", role, reference)
		}
	}
	return locked, nil
}
