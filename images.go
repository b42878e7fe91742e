package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/imagelock"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/platform"
)

// Every default image of the line, and nowhere else. A project names its own under images: in tensorflow-ci.yaml, a
// lock file (--images) wins over both. Whatever is named, a run resolves it to a digest once and uses that.
var defaultImages = map[string]string{
	// renovate: datasource=docker depName=busybox
	"busybox": "busybox:1.37.0",
	// renovate: datasource=docker depName=node
	"node": "node:22.20.0-bookworm-slim",
	// What TensorFlow's wheels go into (images.tensorflow: wheel:VERSION); their lock files are for Python 3.11.
	// renovate: datasource=docker depName=python versioning=regex:^3\.(?<minor>11)(?<compatibility>-slim-bookworm)$
	"python": "python:3.11-slim-bookworm",
	// renovate: datasource=docker depName=rclone/rclone
	"rclone": "rclone/rclone:1.76.0",
	// The server of the line of versions that tensorflow below is of.
	// renovate: datasource=docker depName=tensorflow/serving
	"serving": "tensorflow/serving:2.21.0",
	// renovate: datasource=docker depName=tensorflow/tensorflow
	"tensorflow": "tensorflow/tensorflow:2.21.0",
	// renovate: datasource=docker depName=tensorflow/tensorflow versioning=regex:^(?<major>\d+)\.(?<minor>\d+)\.(?<patch>\d+)-gpu$
	"tensorflow-gpu": "tensorflow/tensorflow:2.21.0-gpu",
	// Never 0.69.4 to 0.69.6, which steal credentials; package imageref refuses them.
	// renovate: datasource=docker depName=aquasec/trivy
	"trivy": "aquasec/trivy:0.74.0",
}

// image is what a role's containers begin with. Two of them are equal when nothing that decides their content differs.
type image struct {
	Reference string // as the project, the lock file or the default names it
	Resolved  string // the same by digest: name@sha256:…, or wheel:VERSION@sha256:…
	Platform  string
	Base      string // of wheels: the Python image by digest
}

// Digest is that of the image or, of wheels, of their lock file.
func (i image) Digest() string {
	_, digest, _ := strings.Cut(i.Resolved, "@")
	return digest
}

// String names the image and all that decides its content.
func (i image) String() string {
	return strings.TrimSpace(strings.TrimSpace(i.Resolved+" "+i.Platform) + " " + i.Base)
}

// published is the reference, by digest, of the published image below everything that the module adds.
func (i image) published() string {
	return cmp.Or(i.Base, i.Resolved)
}

// bottom is a container of the published image.
func (i image) bottom() *dagger.Container {
	return containerFor(i.Platform).From(i.published())
}

// container begins a container of a role's image.
func (m *TensorflowCi) container(ctx context.Context, of image) (*dagger.Container, error) {
	if of.Base != "" {
		return m.fromWheels(ctx, of)
	}
	return of.bottom(), nil
}

// image is a role's image, by the digest that it has now, for containers that run on this engine.
func (m *TensorflowCi) image(ctx context.Context, settings config.Config, role string) (image, error) {
	if err := m.runs(ctx, settings, role); err != nil {
		return image{}, err
	}
	return m.resolved(ctx, settings, role)
}

// resolved is a role's image for what is made or looked at, and not run here: an image for other machines.
func (m *TensorflowCi) resolved(ctx context.Context, settings config.Config, role string) (image, error) {
	reference, err := m.reference(ctx, settings, role)
	if err != nil {
		return image{}, err
	}
	if platform.IsWheel(reference) {
		return m.wheelImage(ctx, settings, reference)
	}
	found := image{Reference: reference, Platform: settings.PlatformOf(role)}
	parsed, err := imageref.Parse(reference)
	if err == nil {
		err = parsed.Allowed(settings.Scan.Registries)
	}
	if err == nil {
		err = unmoved(ctx, parsed, found.Platform)
	}
	if err == nil {
		found.Resolved, err = resolve(ctx, parsed, found.Platform)
	}
	if err != nil {
		return image{}, fmt.Errorf("image for %s: %w", role, err)
	}
	return found, nil
}

// reference looks a role up: lock file, then tensorflow-ci.yaml, then the default.
func (m *TensorflowCi) reference(ctx context.Context, settings config.Config, role string) (string, error) {
	if lock := m.lockFile(settings); lock != nil {
		locked, err := locks.Find(lockPlace{m.Lock, m.Source, settings.ImageLock}, func() (imagelock.Lock, error) {
			return lockedImages(ctx, lock)
		})
		if err != nil {
			return "", err
		}
		if reference, found := locked.Images[role]; found {
			return reference, locked.Fits(role, settings.PlatformOf(role))
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
var locks answers.Book[lockPlace, imagelock.Lock]

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

// lockedImages reads a lock file.
func lockedImages(ctx context.Context, file *dagger.File) (imagelock.Lock, error) {
	text, err := file.Contents(ctx)
	if err != nil {
		return imagelock.Lock{}, failure("cannot read the image lock file", err)
	}
	return imagelock.Read([]byte(text))
}
