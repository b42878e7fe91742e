package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/ociimage"
)

// imageTime is the time stamp of every file that the line puts into an image: 1980-01-01, the first that zip archives know.
const imageTime = 315532800

// Return the training image: TensorFlow's image, the project's packages, and its training code, which it runs.
//
// It is built on the image that training runs in: that for GPUs where train.gpus asks for some.
//
// Equal inputs give an equal digest. It holds neither the data, which a run mounts at train.data, nor anything of the
// line's own.
func (m *TensorflowCi) Image(ctx context.Context) (*dagger.Container, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	// The difference below leaves out etc, var and root, which are the base's: it must be the one that was installed on.
	origin, err := m.image(ctx, settings, trainingRole(settings))
	if err != nil {
		return nil, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	base := origin.bottom() // of wheels too: what was installed then lies in one layer with the requirements
	_, digest, _ := strings.Cut(origin.published(), "@")
	// What the install added, with time stamps that say nothing of when it ran.
	added := base.Rootfs().Diff(installed.Rootfs()).WithTimestamps(imageTime)
	return base.
		WithDirectory("/", added, dagger.ContainerWithDirectoryOpts{Exclude: []string{
			strings.TrimPrefix(lineDir, "/"), strings.TrimPrefix(packages, "/"), "etc", "root", "run", "tmp", "var",
		}}).
		WithDirectory("/", placed(sourceDir, m.trainingSource(settings))).
		WithWorkdir(sourceDir).
		WithEnvVariable("PYTHONUNBUFFERED", "1").
		With(reproducible(settings)).
		WithLabel("org.opencontainers.image.base.digest", digest).
		WithDefaultArgs([]string{"python3", settings.Train.Script}), nil
}

// placed is a directory as part of an image: at its path below "/", with the time stamps of all images. Added to a
// container at the path itself, it would get the time of that step from Dagger v0.21 on.
func placed(path string, directory *dagger.Directory) *dagger.Directory {
	return dag.Directory().WithDirectory(strings.TrimPrefix(path, "/"), directory).WithTimestamps(imageTime)
}

// Scan the training image and publish it where the gate opens; returns its reference by digest.
//
// Nothing is published that was not scanned in the same call: the image for known vulnerabilities, and the source that it
// holds a part of for secrets. Its bill of materials, with the vulnerabilities that are
// known, is attached to it (an OCI referrer). The module itself sends both: no container sees the credentials.
//
// +cache="never"
func (m *TensorflowCi) Publish(
	ctx context.Context,
	// Where to, with a tag. Example: registry.example.com/team/phishing:1.4.0
	address string,
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
	settings, err := m.settings(ctx)
	if err != nil {
		return "", err
	}
	image, err := m.Image(ctx)
	if err != nil {
		return "", err
	}
	report, err := m.safeWith(ctx, settings, config.ScanImage, image.Rootfs())
	if err != nil {
		return "", fmt.Errorf("nothing was published: %w", err)
	}
	return publishScanned(ctx, image, report, target, username, password)
}

// publishTarget is where an image is to be published, of the flags that say so.
func publishTarget(address, username string, password *dagger.Secret) (imageref.Ref, error) {
	target, err := imageref.Parse(address)
	switch {
	case err != nil:
		return target, err
	case target.Tag == "" || target.Pinned():
		return target, fmt.Errorf("address %s: name a tag and no digest, which follows from the image", address)
	case (username == "") != (password == nil):
		return target, fmt.Errorf("--username and --password go together: give both, or none where the registry needs none")
	}
	return target, nil
}

// publishScanned sends an image that the gate let pass, and attaches the bill of materials that its scan made.
func publishScanned(
	ctx context.Context, image *dagger.Container, report *ScanReport, target imageref.Ref, username string, password *dagger.Secret,
) (string, error) {
	bill, err := report.Reports().File("sbom.cdx.json").Contents(ctx)
	if err != nil {
		return "", failure("the image's bill of materials", err)
	}
	return published(ctx, image, []byte(bill), target, username, password)
}

// published sends an image, and attaches a bill of materials; nil for none.
func published(
	ctx context.Context, image *dagger.Container, bill []byte, target imageref.Ref, username string, password *dagger.Secret,
) (string, error) {
	registry := &ociimage.Registry{Host: target.Registry, Repository: target.Repository, Username: username}
	if password != nil {
		var err error
		if registry.Password, err = password.Plaintext(ctx); err != nil {
			return "", failure("the password cannot be read", err)
		}
	}
	var digest string
	err := archived(ctx, image, func(archive *ociimage.Archive) (err error) {
		if digest, err = registry.Push(ctx, archive, target.Tag); err != nil {
			return fmt.Errorf("publishing %s: %w", target, err)
		}
		if bill == nil {
			return nil
		}
		if _, err = registry.Attach(ctx, archive.Descriptor(), "application/vnd.cyclonedx+json", "sbom.cdx.json", bill); err != nil {
			return fmt.Errorf("%s@%s is published, its bill of materials is not: %w", target, digest, err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return target.String() + "@" + digest, nil
}

// Return the digest that the training image has wherever it is published: equal for equal inputs.
func (m *TensorflowCi) ImageDigest(ctx context.Context) (string, error) {
	image, err := m.Image(ctx)
	if err != nil {
		return "", err
	}
	return imageDigest(ctx, image)
}

func imageDigest(ctx context.Context, image *dagger.Container) (string, error) {
	var digest string
	err := archived(ctx, image, func(archive *ociimage.Archive) error {
		digest = archive.Descriptor().Digest
		return nil
	})
	return digest, err
}

// archived hands over an image as it is published, without the times at which its layers came into this engine's cache.
func archived(ctx context.Context, image *dagger.Container, use func(*ociimage.Archive) error) error {
	folder, err := os.MkdirTemp("", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	packed := image.AsTarball(dagger.ContainerAsTarballOpts{MediaTypes: dagger.ImageMediaTypesOcimediaTypes})
	name, err := packed.Export(ctx, folder+"/image.tar")
	if err != nil {
		return failure("the image cannot be packed", err)
	}
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	archive, err := ociimage.Open(file, info.Size())
	if err != nil {
		return err
	}
	return use(archive)
}
