package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/platform"
)

// pythonRole is the image into which TensorFlow's wheels are installed.
const pythonRole = "python"

// wheelImage is TensorFlow from wheels as an image: a lock file of hashes, and the Python image that the wheels go into.
func (m *TensorflowCi) wheelImage(ctx context.Context, settings config.Config, reference string) (image, error) {
	wheel, err := platform.ParseWheel(reference)
	if err != nil {
		return image{}, err
	}
	target := settings.PlatformOf("tensorflow")
	text, err := programs.ReadFile(path.Join("scripts/requirements", wheel.LockFile(target)))
	if err != nil {
		return image{}, fmt.Errorf("%s for %s: %w", reference, target, err)
	}
	now := fmt.Sprintf("sha256:%x", sha256.Sum256(text))
	if wheel.Digest != "" && wheel.Digest != now {
		return image{}, fmt.Errorf("the lock file of %s has changed: it was locked at %s and is %s in this version of the "+
			"module; use the version that locked it, or lock again (images lock)",
			platform.Wheel{Version: wheel.Version}, wheel.Digest, now)
	}
	wheel.Digest = now
	base, err := m.resolved(ctx, settings, pythonRole)
	if err != nil {
		return image{}, err
	}
	if base.Platform != target {
		return image{}, fmt.Errorf("platforms: %s is for %s and tensorflow for %s: the wheels go into that image, "+
			"give both one platform", pythonRole, base.Platform, target)
	}
	return image{Reference: reference, Resolved: wheel.String(), Platform: target, Base: base.Resolved}, nil
}

// wheelsInstalled are the images of wheels that this call has made sure of.
var wheelsInstalled answers.Book[wheelInstall, *dagger.Container]

// wheelInstall is all that an image of wheels follows from.
type wheelInstall struct {
	image image
	cache *dagger.CacheVolume
	index *dagger.Secret
}

// fromWheels is the Python image with TensorFlow's wheels in it and nothing else, as a published image would be.
func (m *TensorflowCi) fromWheels(ctx context.Context, of image) (*dagger.Container, error) {
	return wheelsInstalled.Find(wheelInstall{of, m.Cache, m.PackageIndex}, func() (*dagger.Container, error) {
		wheel, err := platform.ParseWheel(of.Resolved)
		if err != nil {
			return nil, err
		}
		lock := "requirements/" + wheel.LockFile(of.Platform)
		base := of.bottom()
		installed, err := m.withUv(base).
			With(scripts("wheels.py", "intact.py", "bytecode.py", lock)).
			With(m.installing(
				"python3", lineDir+"/wheels.py", "--uv", lineDir+"/uv/bin/uv", "--lock", lineDir+"/"+lock,
				"--python", platform.WheelPython, "--limit", seconds(installLimit),
			)).
			Sync(ctx)
		if err != nil {
			return nil, failure(fmt.Sprintf("TensorFlow %s from wheels, for %s", wheel.Version, of.Platform), err)
		}
		return base.WithRootfs(installed.Rootfs().WithoutDirectory(lineDir).WithoutDirectory(packages)), nil
	})
}
