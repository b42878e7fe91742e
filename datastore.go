package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/dataset"
	"dagger/tensorflow-ci/internal/dagger"
)

// callBegan is when this call of the module began: what lies outside and may change is asked for once in each call.
var callBegan = time.Now().UTC().Format(time.RFC3339Nano)

// stored is a folder of a bucket as it was when this call began.
type stored struct {
	files   *dagger.Directory
	version string // digest of the listing
}

// dataFolder is the folder that train.data means, with everything in it: given with --data, fetched, or the project's own.
func (m *TensorflowCi) dataFolder(ctx context.Context, settings config.Config) (*dagger.Directory, error) {
	if m.Data != nil {
		return m.Data, nil
	}
	if settings.Train.Store != "" {
		fetched, err := m.fetched(ctx, settings)
		return fetched.files, err
	}
	if err := m.present(ctx, "train.data", settings.Train.Data); err != nil {
		return nil, err
	}
	return m.Source.Directory(settings.Train.Data), nil
}

// evaluationData is the file that evaluate.data names, wherever the data lie.
func (m *TensorflowCi) evaluationData(ctx context.Context, settings config.Config) (*dagger.File, error) {
	name := settings.Evaluate.Data
	if inside, found := strings.CutPrefix(name, settings.Train.Data+"/"); found && (m.Data != nil || settings.Train.Store != "") {
		data, err := m.dataFolder(ctx, settings)
		if err != nil {
			return nil, err
		}
		return data.File(inside), nil
	}
	if err := m.present(ctx, "evaluate.data", name); err != nil {
		return nil, err
	}
	return m.Source.File(name), nil
}

// fetched copies the data out of their bucket.
//
// The bucket is listed in each call, and the copy follows from the listing: what is there already is not fetched again, and
// data that changed under the same name are never taken for those of yesterday.
func (m *TensorflowCi) fetched(ctx context.Context, settings config.Config) (stored, error) {
	place := settings.Train.Store
	scheme, path, _ := strings.Cut(place, "://")
	if m.DataConfig == nil {
		return stored{}, fmt.Errorf("train.data is %s: give --data-config, an rclone configuration whose section [%s] reaches the bucket", place, scheme)
	}
	image, err := m.image(ctx, settings, "rclone")
	if err != nil {
		return stored{}, err
	}
	const configuration, copied = "/rclone.conf", "/rows"
	rclone := image.bottom().
		WithMountedSecret(configuration, m.DataConfig).
		// What a caller waits for at most, before it is told.
		WithEnvVariable("RCLONE_CONTIMEOUT", "10s").
		WithEnvVariable("RCLONE_TIMEOUT", "1m").
		WithEnvVariable("RCLONE_LOW_LEVEL_RETRIES", "3").
		WithEnvVariable("RCLONE_RETRIES", "1")
	list := func(container *dagger.Container, place string) (dataset.Listing, error) {
		text, err := container.
			WithExec([]string{"rclone", "lsjson", "--config", configuration, "--recursive", "--files-only", "--hash", "--hash-type", "md5", place}).
			Stdout(ctx)
		if err != nil {
			return nil, failure("train.data "+settings.Train.Store+" cannot be listed", err)
		}
		return dataset.ReadListing([]byte(text))
	}
	remote := scheme + ":" + path
	listing, err := list(rclone.WithEnvVariable("TENSORFLOW_CI_NOW", callBegan), remote)
	if err != nil {
		return stored{}, fmt.Errorf("train.data %s: %v", place, err)
	}
	there := rclone.
		WithEnvVariable("TENSORFLOW_CI_VERSION", listing.Version()).
		WithExec([]string{"rclone", "copy", "--config", configuration, "--checksum", remote, copied})
	if _, err := there.Sync(ctx); err != nil {
		return stored{}, failure("train.data "+place+" cannot be fetched", err)
	}
	got, err := list(there, copied)
	if err == nil {
		err = listing.Fetched(got)
	}
	if err != nil {
		return stored{}, fmt.Errorf("train.data %s: %v", place, err)
	}
	return stored{there.Directory(copied), listing.Version()}, nil
}
