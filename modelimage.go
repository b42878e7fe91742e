package main

import (
	"context"
	"fmt"
	"path"

	"dagger/tensorflow-ci/internal/dagger"
)

// digestLabel is the canonical digest of the model in an image.
const digestLabel = "tensorflow-ci.model.digest"

// Return an image that holds the model alone, for clusters that take models from a registry (oci:// in KServe).
//
// The model lies in /models/VERSION. The base is BusyBox, since KServe starts a shell in such an image. Equal models give
// an equal digest.
func (m *Model) ModelImage(
	ctx context.Context,
	// Number of the version.
	// +default=1
	version int,
) (*dagger.Container, error) {
	if version < 1 {
		return nil, fmt.Errorf("--version is %d: want 1 or more", version)
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	base, err := m.Line.resolved(ctx, settings, "busybox")
	if err != nil {
		return nil, err
	}
	digest, err := m.Digest(ctx)
	if err != nil {
		return nil, err
	}
	files := dag.Directory().
		WithDirectory(path.Join("models", fmt.Sprint(version)), m.SavedModel).
		WithTimestamps(imageTime)
	return base.bottom().
		WithDirectory("/", files, dagger.ContainerWithDirectoryOpts{Owner: "0:0"}).
		WithLabel(digestLabel, digest), nil
}

// Scan the model and publish it as an image, where the gate opens; returns its reference by digest.
//
// +cache="never"
func (m *Model) PublishModelImage(
	ctx context.Context,
	// Where to, with a tag. Example: registry.example.com/models/phishing:3
	address string,
	// Number of the version.
	// +default=1
	version int,
	// User of the registry; leave it out where none is needed.
	// +optional
	username string,
	// Password or token of the user. Example: env://REGISTRY_PASSWORD
	// +optional
	password *dagger.Secret,
) (string, error) {
	target, err := publishTarget(address, username, password)
	if err != nil {
		return "", err
	}
	image, err := m.ModelImage(ctx, version)
	if err != nil {
		return "", err
	}
	report, err := m.Scan(ctx)
	if err != nil {
		return "", err
	}
	if err := report.Check(); err != nil {
		return "", fmt.Errorf("nothing was published: %w", err)
	}
	return published(ctx, image, nil, target, username, password)
}
