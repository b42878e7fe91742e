package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/internal/dagger"
)

// imageTime is the time stamp of every file that the line puts into an image: 1980-01-01, the first that zip archives know.
const imageTime = 315532800

// Return the training image: TensorFlow's image, the project's packages, and its training code, which it runs.
//
// Equal inputs give an equal digest. It holds neither the data, which a run mounts at train.data, nor anything of the
// line's own.
func (m *TensorflowCi) Image(ctx context.Context) (*dagger.Container, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	reference, err := m.image(ctx, settings, "tensorflow")
	if err != nil {
		return nil, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	base := dag.Container().From(reference)
	_, digest, _ := strings.Cut(reference, "@")
	// What the install added, with time stamps that say nothing of when it ran.
	added := base.Rootfs().Diff(installed.Rootfs()).WithTimestamps(imageTime)
	return base.
		WithDirectory("/", added, dagger.ContainerWithDirectoryOpts{Exclude: []string{
			strings.TrimPrefix(lineDir, "/"), strings.TrimPrefix(packages, "/"), "etc", "root", "run", "tmp", "var",
		}}).
		WithDirectory(sourceDir, m.trainingSource(settings).WithTimestamps(imageTime)).
		WithWorkdir(sourceDir).
		WithEnvVariable("PYTHONUNBUFFERED", "1").
		With(reproducible(settings)).
		WithLabel("org.opencontainers.image.base.digest", digest).
		WithDefaultArgs([]string{"python3", settings.Train.Script}), nil
}

// Scan the training image and publish it where the gate opens; returns its reference by digest.
//
// Nothing is published that was not scanned in the same call. Its bill of materials, with the vulnerabilities that are
// known, goes beside it, to the tag sha256-DIGEST.sbom, as cosign names it. The engine itself pushes both: no container
// sees the credentials.
//
// +cache="never"
func (m *TensorflowCi) Publish(
	ctx context.Context,
	// Where to, with a tag. Example: registry.example.com/team/phishing:1.4.0
	address string,
	// User of the registry; leave it out where none is needed.
	// +optional
	username string,
	// Password or token of the user. Example: env:REGISTRY_PASSWORD
	// +optional
	password *dagger.Secret,
) (string, error) {
	target, err := imageref.Parse(address)
	switch {
	case err != nil:
		return "", err
	case target.Tag == "" || target.Pinned():
		return "", fmt.Errorf("address %s: name a tag and no digest, which follows from the image", address)
	case (username == "") != (password == nil):
		return "", fmt.Errorf("--username and --password go together: give both, or none where the registry needs none")
	}
	settings, err := m.settings(ctx)
	if err != nil {
		return "", err
	}
	image, err := m.Image(ctx)
	if err != nil {
		return "", err
	}
	report, err := m.scan(ctx, settings, config.ScanImage, image.Rootfs(), nil)
	if err != nil {
		return "", err
	}
	if err := report.Check(); err != nil {
		return "", fmt.Errorf("nothing was published: %w", err)
	}
	push := func(container *dagger.Container, to imageref.Ref) (string, error) {
		if password != nil {
			container = container.WithRegistryAuth(to.Registry, username, password)
		}
		published, err := container.Publish(ctx, to.String())
		if err != nil {
			return "", failure(fmt.Sprintf("publishing %s: is the registry up, and may this user write there", to), err)
		}
		return published, nil
	}
	published, err := push(image, target)
	if err != nil {
		return "", err
	}
	_, digest, _ := strings.Cut(published, "@")
	beside := target
	beside.Tag = strings.Replace(digest, ":", "-", 1) + ".sbom"
	bill := dag.Directory().WithFile("sbom.cdx.json", report.Reports.File("sbom.cdx.json")).WithTimestamps(imageTime)
	if _, err := push(dag.Container().WithRootfs(bill), beside); err != nil {
		return "", fmt.Errorf("%s is published, its bill of materials is not: %w", published, err)
	}
	return published, nil
}
