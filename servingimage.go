package main

import (
	"context"
	"fmt"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// Return the serving image: TensorFlow Serving with the model in it, which it serves on ports 8500 and 8501.
//
// Equal models give an equal digest. It runs as a user without rights; flags of tensorflow_model_server follow its name:
// docker run IMAGE --enable_batching. Its label tensorflow-ci.canonical-digest names the model.
func (m *Model) ServingImage(
	ctx context.Context,
	// Number of the version to serve the model as, 1 or more.
	// +default=1
	version int,
) (*dagger.Container, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	origin, err := m.Line.resolved(ctx, settings, servingRole)
	if err != nil {
		return nil, err
	}
	server, err := m.server(ctx, settings, version)
	if err != nil {
		return nil, err
	}
	model, err := m.Digest(ctx)
	if err != nil {
		return nil, err
	}
	return server.
		WithEntrypoint(serverCommand()).
		WithDefaultArgs(nil).
		WithLabel("org.opencontainers.image.base.digest", origin.Digest()).
		WithLabel("tensorflow-ci.canonical-digest", model), nil
}

// Return the digest that the serving image has wherever it is published: equal for equal models.
func (m *Model) ServingImageDigest(
	ctx context.Context,
	// Number of the version to serve the model as, 1 or more.
	// +default=1
	version int,
) (string, error) {
	image, err := m.ServingImage(ctx, version)
	if err != nil {
		return "", err
	}
	return imageDigest(ctx, image)
}

// Scan the serving image and the model and publish the image where the gate opens; returns its reference by digest.
//
// The rules for the image are those of scan.targets.serving, for the model's files those of scan.targets.model. The bill of
// materials is attached to the image (an OCI referrer). No container sees the credentials.
//
// +cache="never"
func (m *Model) PublishServing(
	ctx context.Context,
	// Where to, with a tag. Example: registry.example.com/team/phishing-serving:1.4.0
	address string,
	// User of the registry; leave it out where none is needed.
	// +optional
	username string,
	// Password or token of the user. Example: env://REGISTRY_PASSWORD
	// +optional
	password *dagger.Secret,
	// Number of the version to serve the model as, 1 or more.
	// +default=1
	version int,
) (string, error) {
	target, err := publishTarget(address, username, password)
	if err != nil {
		return "", err
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return "", err
	}
	image, err := m.ServingImage(ctx, version)
	if err != nil {
		return "", err
	}
	report, err := m.Line.scanBoth(ctx, settings, config.ScanServing, image.Rootfs(), config.ScanModel, m.SavedModel)
	if err != nil {
		return "", fmt.Errorf("nothing was published: %w", err)
	}
	return publishScanned(ctx, image, report, target, username, password)
}
