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
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/internal/dagger"
)

// Images are the images that the line runs in.
type Images struct {
	// +private
	Line *TensorflowCi
}

// Look at the images that the line runs in: images lock.
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
	locked, err := line.images(ctx, settings)
	if err != nil {
		return nil, err
	}
	for role, reference := range locked {
		parsed, err := imageref.Parse(reference)
		if err != nil {
			return nil, fmt.Errorf("image for %s: %w", role, err)
		}
		locked[role] = parsed.Familiar()
	}
	text, err := indented(locked)
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile("images.json", text).File("images.json"), nil
}

// images resolves every role that the project uses, before anything is built in one of them.
func (m *TensorflowCi) images(ctx context.Context, settings config.Config) (map[string]string, error) {
	used := roles(settings)
	resolved := make([]string, len(used))
	group, ctx := errgroup.WithContext(ctx)
	for at, role := range used {
		group.Go(func() (err error) {
			resolved[at], err = m.image(ctx, settings, role)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	images := map[string]string{}
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
	if settings.Train.Store != "" || settings.Train.Checkpoints != "" {
		used["rclone"] = true
	}
	for role := range settings.Images {
		used[role] = true
	}
	return slices.Sorted(maps.Keys(used))
}

// unmoved refuses a reference whose tag means another image now than the digest beside it says.
func unmoved(ctx context.Context, wanted imageref.Ref) error {
	if wanted.Tag == "" || !wanted.Pinned() {
		return nil
	}
	tag := wanted
	tag.Digest = ""
	resolved, err := resolve(ctx, tag)
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

// resolutions are what registries have told this call, by reference: all of it runs in the images that it began with.
var resolutions answers.Book[string, string]

// resolve asks the registry for a reference's digest, once in a call.
func resolve(ctx context.Context, wanted imageref.Ref) (string, error) {
	return resolutions.Find(wanted.String(), func() (string, error) { return askRegistry(ctx, wanted) })
}

func askRegistry(ctx context.Context, wanted imageref.Ref) (string, error) {
	asking, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	resolved, err := dag.Container().From(wanted.String()).ImageRef(asking)
	switch {
	case err == nil:
		return resolved, nil
	case asking.Err() != nil && ctx.Err() == nil:
		return "", fmt.Errorf("%s cannot be had: neither %s nor a mirror of it answers within %s: does the engine's network reach them",
			wanted.Familiar(), wanted.Registry, resolveLimit)
	case strings.Contains(err.Error(), "no match for platform"):
		return "", failure(wanted.Familiar()+" holds no image for this machine's kind of processor", err)
	case strings.Contains(err.Error(), "not found"):
		return "", failure(fmt.Sprintf("%s: this tag does not exist (asked: %s and its mirrors)", wanted.Familiar(), wanted.Registry), err)
	}
	return "", failure(fmt.Sprintf("%s cannot be had: is %s up, and does this tag exist there", wanted.Familiar(), wanted.Registry), err)
}
