package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/imagelock"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/platform"
)

// Images are the images that the line runs in.
type Images struct {
	// +private
	Line *TensorflowCi
}

// Look at the images that the line runs in: images lock.
//
// +cache="session"
func (m *TensorflowCi) Images() *Images {
	return &Images{Line: m}
}

// Return a lock file: the project's roles, each with its image by tag and digest. Give it back with --images.
//
// A lock file that is there already (--images, image-lock) is not read, so that this renews it. From then on a tag that means another
// image than when it was locked is an error that shows both.
//
// +cache="never"
func (i *Images) Lock(ctx context.Context) (*dagger.File, error) {
	line := *i.Line
	line.Lock = nil
	settings, err := line.settings(ctx)
	if err != nil {
		return nil, err
	}
	settings.ImageLock = config.NoImageLock
	if settings.Release.Store != "" { // a run needs no rclone, a release does
		if settings.Images["rclone"], err = line.reference(ctx, settings, "rclone"); err != nil {
			return nil, err
		}
	}
	images, err := line.images(ctx, settings)
	if err != nil {
		return nil, err
	}
	locked := imagelock.Lock{Images: map[string]string{}, Platforms: map[string]string{}}
	for role, image := range images {
		locked.Images[role], locked.Platforms[role] = image.Resolved, image.Platform
		if image.Base != "" {
			continue
		}
		parsed, err := imageref.Parse(image.Resolved)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", role, err)
		}
		locked.Images[role] = parsed.Familiar()
	}
	text, err := locked.Marshal()
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile("images.json", string(text)).File("images.json"), nil
}

// images resolves every role that the project uses, before anything is built in one of them.
func (m *TensorflowCi) images(ctx context.Context, settings config.Config) (map[string]image, error) {
	used := roles(settings)
	resolved := make([]image, len(used))
	group, ctx := errgroup.WithContext(ctx)
	for at, role := range used {
		group.Go(func() (err error) {
			resolved[at], err = m.resolved(ctx, settings, role)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	images := map[string]image{}
	for at, role := range used {
		images[role] = resolved[at]
	}
	return images, nil
}

// roles are those that the project uses: what it names itself, and what the line needs whatever it names.
func roles(settings config.Config) []string {
	used := map[string]bool{"tensorflow": true, "trivy": true}
	if settings.Train.GPUs != config.NoGPUs {
		used["tensorflow-gpu"] = true
	}
	if slices.Contains(settings.Exports, config.Tfjs) {
		used["node"] = true
	}
	if platform.IsWheel(settings.Images["tensorflow"]) {
		used[pythonRole] = true
	}
	if settings.Train.Store != "" || settings.Train.Checkpoints != "" {
		used["rclone"] = true
	}
	for role := range settings.Images {
		used[role] = true
	}
	return slices.Sorted(maps.Keys(used))
}

// unmoved refuses a reference whose tag means another image now than the digest beside it says.
func unmoved(ctx context.Context, wanted imageref.Ref, platform string) error {
	if wanted.Tag == "" || !wanted.Pinned() {
		return nil
	}
	tag := wanted
	tag.Digest = ""
	resolved, err := resolve(ctx, tag, platform)
	if err != nil {
		return err
	}
	if _, now, _ := strings.Cut(resolved, "@"); now != wanted.Digest {
		return fmt.Errorf("the tag %s has moved: it was locked at %s and is %s now; find out why, then lock again (images lock)",
			tag.Familiar(), wanted.Digest, now)
	}
	return nil
}

// resolveLimit is more than a registry needs for a few small documents. The engine itself goes on asking for minutes where a
// network swallows its packets, and nobody is told.
const resolveLimit = 2 * time.Minute

// resolutions are what registries have told this call: all of it runs in the images that it began with.
var resolutions answers.Book[resolution, string]

// resolution is what a registry is asked.
type resolution struct{ reference, platform string }

// resolve asks the registry for a reference's digest, once in a call; the image must be one for the platform.
func resolve(ctx context.Context, wanted imageref.Ref, platform string) (string, error) {
	return resolutions.Find(resolution{wanted.String(), platform}, func() (string, error) {
		return askRegistry(ctx, wanted, platform)
	})
}

func askRegistry(ctx context.Context, wanted imageref.Ref, target string) (string, error) {
	asking, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	found := containerFor(target).From(wanted.String())
	resolved, err := found.ImageRef(asking)
	var has dagger.Platform
	if err == nil {
		// A tag that names one image and no index gives that image, for whatever processor it is.
		has, err = found.Platform(asking)
	}
	switch {
	case err == nil && platform.Normal(string(has)) != target:
		return "", imageref.Foreign(wanted, target, []string{platform.Normal(string(has))})
	case err == nil:
		return resolved, nil
	case asking.Err() != nil && ctx.Err() == nil:
		return "", imageref.Silent(wanted, resolveLimit)
	case ctx.Err() != nil:
		return "", ctx.Err()
	}
	fault := imageref.FaultOf(err.Error())
	if fault == imageref.OtherPlatforms {
		return "", imageref.Foreign(wanted, target, platformsOf(asking, wanted))
	}
	return "", failure(fault.Words(wanted), err)
}

// platformsOf are those of the common platforms that an image index has, as the registry answers for each.
func platformsOf(ctx context.Context, wanted imageref.Ref) []string {
	common := platform.Common()
	var group errgroup.Group
	found := make([]string, len(common))
	for at, one := range common {
		group.Go(func() error {
			if has, err := containerFor(one).From(wanted.String()).Platform(ctx); err == nil && string(has) == one {
				found[at] = one
			}
			return nil
		})
	}
	_ = group.Wait() // what cannot be asked is not named
	return slices.DeleteFunc(found, func(one string) bool { return one == "" })
}
