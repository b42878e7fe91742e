package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

const (
	amd64 = "linux/amd64"
	arm64 = "linux/arm64"
)

// platforms: what runs and what is made is for the processor that the project asks for, whatever the engine's; a
// registry that gives no image says why.
func (t *Tests) platforms() []check {
	checks := []check{
		{"platform/another processor's is refused before anything runs, with the ways on", func(ctx context.Context) error {
			own, other, err := platformsHere(ctx)
			if err != nil {
				return err
			}
			project := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"platform: "+other+"\n")
			_, err = line(project).Environment().Sync(ctx)
			return refused(err, "are for "+other+", and the engine's machine is "+own, "nothing was run",
				"an engine on a "+other+" machine", "--platform "+other, "the engine's own platform")
		}},
		{"platform/emulation that is asked for is tried, and refused where the engine cannot", func(ctx context.Context) error {
			own, other, err := platformsHere(ctx)
			if err != nil {
				return err
			}
			if own != amd64 {
				return errors.New("this test is written for an engine on " + amd64)
			}
			asked := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Platform: other})
			_, err = asked.Environment().Sync(ctx)
			if refused(err, "image for tensorflow", " has no image for "+other) == nil {
				return nil // an engine that emulates gets as far as to ask for an image
			}
			return refused(err, "it was asked to emulate that, and a program for "+other+" does not start there",
				"qemu-user-static", "an engine on a "+other+" machine")
		}},
		{"platform/the engine's own runs, asked for or not", func(ctx context.Context) error {
			own, _, err := platformsHere(ctx)
			if err != nil {
				return err
			}
			_, err = dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Platform: own}).Environment().Sync(ctx)
			return err
		}},
		{"platform/one that nobody makes is refused in words", func(ctx context.Context) error {
			_, err := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Platform: "linux/s390x"}).Environment().Sync(ctx)
			return refused(err, "platform", `"linux/s390x" is none of the choices`, amd64, arm64)
		}},
		{"platform/a lock file names it, and stops where another one is asked for", func(ctx context.Context) error {
			lock := line(tiny()).Images().Lock()
			text, err := lock.Contents(ctx)
			if err := said(text, err, `"platforms": {`, `"tensorflow": "`+amd64+`"`); err != nil {
				return err
			}
			_, err = dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny(), Images: lock, Platform: arm64}).Environment().Sync(ctx)
			return refused(err, "image lock file, tensorflow: it was locked for "+amd64+", and "+arm64+" is asked for")
		}},
		{"platform/the manifest records it", func(ctx context.Context) error {
			images, err := imagesOf(ctx, line(tiny()).Train())
			if err == nil && images["tensorflow"].Platform != amd64 {
				return fmt.Errorf("the manifest has the images %+v, want tensorflow's for %s", images, amd64)
			}
			return err
		}},
		{"platform/a registry at which nothing listens", func(ctx context.Context) error {
			_, err := line(tiny(), "images.tensorflow=127.0.0.1:9/tensorflow:1").Environment().Sync(ctx)
			return refused(err, "image for tensorflow", "the engine does not reach 127.0.0.1:9", "network", "mirror")
		}},
		{"platform/a registry that has no address", func(ctx context.Context) error {
			_, err := line(tiny(), "images.tensorflow=registry.invalid/tensorflow:1").Environment().Sync(ctx)
			return refused(err, "image for tensorflow", "the engine does not reach registry.invalid")
		}},
	}
	checks = append(checks, t.wheels()...)
	if t.Database == "" {
		return checks
	}
	return append(checks, t.foreignImages()...)
}

// foreignImages: a registry's images are looked at before anything runs in one of them.
func (t *Tests) foreignImages() []check {
	index := func(ctx context.Context, name string, platforms ...string) (string, error) {
		address := t.registry() + "/tests/" + name + ":1"
		var variants []*dagger.Container
		for _, platform := range platforms {
			variants = append(variants, dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(platform)}).
				WithRootfs(dag.Directory().WithNewFile("etc/platform", platform+"\n")))
		}
		_, err := dag.Container().Publish(ctx, address, dagger.ContainerPublishOpts{PlatformVariants: variants})
		return address, err
	}
	return []check{
		{"platform/an index without the wanted one is refused, with those that it has", func(ctx context.Context) error {
			address, err := index(ctx, "index-foreign", "linux/s390x", arm64)
			if err != nil {
				return err
			}
			_, err = line(tiny(), "images.tensorflow="+address).Environment().Sync(ctx)
			return refused(err, "image for tensorflow", address+" has no image for "+amd64+": it has "+arm64+", linux/s390x")
		}},
		{"platform/a single image of another processor is refused", func(ctx context.Context) error {
			address := t.registry() + "/tests/single-foreign:1"
			_, err := dag.Container(dagger.ContainerOpts{Platform: arm64}).
				WithRootfs(dag.Directory().WithNewFile("etc/platform", arm64+"\n")).
				Publish(ctx, address)
			if err != nil {
				return err
			}
			_, err = line(tiny(), "images.tensorflow="+address).Environment().Sync(ctx)
			return refused(err, "image for tensorflow", address+" has no image for "+amd64+": it has "+arm64)
		}},
		{"platform/what is made is for the asked one, whatever the engine's", func(ctx context.Context) error {
			address, err := index(ctx, "index-both", amd64, arm64)
			if err != nil {
				return err
			}
			model := dag.Directory().WithDirectory("model", line(tiny()).Train().SavedModel())
			for _, platform := range []string{amd64, arm64} {
				made := line(tiny(), "images.busybox="+address, "platforms.busybox="+platform).Model(model)
				published, err := made.PublishModelImage(ctx, t.registry()+"/tests/model-"+platform[len("linux/"):]+":1")
				if err != nil {
					return err
				}
				if err := t.architecture(ctx, published, platform); err != nil {
					return err
				}
				text, err := made.ModelImage().File("/etc/platform").Contents(ctx)
				if err := said(text, err, platform); err != nil {
					return err
				}
			}
			served, err := line(tiny(), "images.serving="+address, "platforms.serving="+arm64).Model(model).ServingImage().Sync(ctx)
			if err != nil {
				return err
			}
			if platform, err := served.Platform(ctx); err != nil || string(platform) != arm64 {
				return fmt.Errorf("the serving image is for %s (%v), want %s", platform, err, arm64)
			}
			text, err := served.File("/etc/platform").Contents(ctx)
			return said(text, err, arm64)
		}},
	}
}

// wheels: TensorFlow from a lock file of hashes is as good as an image, and the same rules hold.
func (t *Tests) wheels() []check {
	const wheel = "images.tensorflow=wheel:2.21.0"
	return []check{
		{"platform/TensorFlow from wheels trains, and the manifest names lock file, base and platform", func(ctx context.Context) error {
			trained := line(tiny(), wheel).Train()
			images, err := imagesOf(ctx, trained)
			if err != nil {
				return err
			}
			for role, reference := range map[string]string{"tensorflow": "wheel:2.21.0", "python": "python:3.11-slim-bookworm"} {
				if got := images[role]; got.Reference != reference || !strings.HasPrefix(got.Digest, "sha256:") || got.Platform != amd64 {
					return fmt.Errorf("%s is recorded as %+v, want %s, a digest and %s", role, got, reference, amd64)
				}
			}
			lock := line(tiny(), wheel).Images().Lock()
			locked, err := readLock(ctx, lock)
			if err != nil {
				return err
			}
			want := "wheel:2.21.0@" + images["tensorflow"].Digest
			if locked["tensorflow"] != want || !strings.HasSuffix(locked["python"], images["python"].Digest) {
				return fmt.Errorf("the lock file has %q, want tensorflow as %s", locked, want)
			}
			_, err = from(lock).Environment().Sync(ctx)
			return err
		}},
		{"platform/requirements cannot replace what the wheels brought", func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("requirements.txt", "numpy==1.26.4\n"), wheel).Environment().Sync(ctx)
			return refused(err, "requirements", "would replace the image's numpy", "by 1.26.4")
		}},
		{"platform/a version without a lock file of wheels is refused, with those that have one", func(ctx context.Context) error {
			_, err := line(tiny(), "images.tensorflow=wheel:2.20.0").Environment().Sync(ctx)
			return refused(err, "images.tensorflow", `TensorFlow "2.20.0" from wheels`, "wheel:2.16.2 or wheel:2.21.0")
		}},
		{"platform/wheels that another version of the module locked are refused", func(ctx context.Context) error {
			before := "wheel:2.21.0@sha256:" + strings.Repeat("0", 64)
			lock := dag.Directory().WithNewFile("images.json", `{"tensorflow": "`+before+`"}`).File("images.json")
			_, err := from(lock).Environment().Sync(ctx)
			return refused(err, "the lock file of wheel:2.21.0 has changed", "sha256:000000")
		}},
	}
}

// platformsHere are the engine's own platform, and one that is not.
func platformsHere(ctx context.Context) (own, other string, err error) {
	here, err := dag.DefaultPlatform(ctx)
	if own, other = string(here), arm64; strings.HasPrefix(own, arm64) {
		own, other = arm64, amd64
	}
	return own, other, err
}

// recordedImage is an image as a manifest records it.
type recordedImage struct{ Reference, Digest, Platform string }

func imagesOf(ctx context.Context, model *dagger.TensorflowCiModel) (map[string]recordedImage, error) {
	text, err := model.Output().File("manifest.json").Contents(ctx)
	if err != nil {
		return nil, err
	}
	var manifest struct{ Images map[string]recordedImage }
	return manifest.Images, json.Unmarshal([]byte(text), &manifest)
}

// architecture wants a published image to say in its config that it is for a platform: that is what a cluster reads.
func (t *Tests) architecture(ctx context.Context, reference, platform string) error {
	name, digest, _ := strings.Cut(strings.TrimPrefix(reference, t.registry()+"/"), "@")
	name, _, _ = strings.Cut(name, ":")
	host := t.registry()
	manifest, err := fetched[struct{ Config struct{ Digest string } }](ctx, host, name+"/manifests/"+digest)
	if err != nil {
		return err
	}
	config, err := fetched[struct{ OS, Architecture string }](ctx, host, name+"/blobs/"+manifest.Config.Digest)
	if err == nil && config.OS+"/"+config.Architecture != platform {
		return fmt.Errorf("%s is for %s/%s, want %s", reference, config.OS, config.Architecture, platform)
	}
	return err
}

func fetched[T any](ctx context.Context, host, path string) (answer T, err error) {
	_, text, err := send(ctx, "GET", "http://"+host+"/v2/"+path, "", nil, 200)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(text, &answer)
}
