package main

import (
	"context"
	"errors"
	"fmt"
	"path"
	"regexp"

	"dagger/tensorflow-ci/internal/dagger"
)

// Logs are TensorBoard's event files of training runs.
type Logs struct {
	// +private
	Store *Release
}

// logsFolder is where the logs of all models lie in a store: no model is called so.
const logsFolder = "_logs"

// Keep TensorBoard's logs in a store, or look at them: logs sync, logs tensorboard.
//
// +cache="session"
func (m *TensorflowCi) Logs(
	// Where the logs are kept: s3://bucket/prefix, gs://bucket/prefix or file:///NAME, a folder in a cache volume of the
	// engine, which an engine of v0.21 that is killed deletes. Takes the place of release.store.
	// +optional
	store string,
	// rclone.conf with the store's credentials. Example: file:rclone.conf
	// +optional
	storeConfig *dagger.Secret,
	// Key id for an S3 store, in place of a file. Example: env://AWS_ACCESS_KEY_ID
	// +optional
	accessKey *dagger.Secret,
	// Secret key for an S3 store. Example: env://AWS_SECRET_ACCESS_KEY
	// +optional
	secretKey *dagger.Secret,
	// Session token beside them. Example: env://AWS_SESSION_TOKEN
	// +optional
	sessionToken *dagger.Secret,
	// Key file (JSON) of a service account for a Google store. Example: env://GOOGLE_CREDENTIALS
	// +optional
	serviceAccount *dagger.Secret,
	// Address of an S3 server that is not Amazon's. Example: https://s3.example.com
	// +optional
	endpoint string,
	// Region of the bucket. Example: eu-central-1
	// +optional
	region string,
) *Logs {
	return &Logs{Store: m.Release(store, storeConfig, accessKey, secretKey, sessionToken, serviceAccount, endpoint, region, nil, "", "", "")}
}

var runForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`)

// Upload the event files of a run, those that are not in the store yet; called again it goes on where it was cut off.
//
// +cache="never"
func (l *Logs) Sync(
	ctx context.Context,
	// Output of run or of train, with logs/ in it, or a folder of event files.
	directory *dagger.Directory,
	// Name of the run among those of the model. Example: $CI_PIPELINE_ID
	runId string,
) (string, error) {
	if !runForm.MatchString(runId) {
		return "", fmt.Errorf("--run-id is %.60q: want up to 100 of A-Z a-z 0-9 _ . -, not starting with a dot or a dash", runId)
	}
	settings, err := l.Store.Line.settings(ctx)
	if err != nil {
		return "", err
	}
	events, found, err := eventFiles(ctx, directory)
	if err != nil {
		return "", err
	}
	store, err := l.Store.open(ctx, settings, events)
	if err != nil {
		return "", err
	}
	defer store.close(ctx)
	folder := path.Join(logsFolder, settings.Model, runId)
	moved, err := store.Add(ctx, uploadDir, folder)
	if err != nil {
		return "", fmt.Errorf("%s/%s: %w; call it again, it goes on from here", store.address, folder, err)
	}
	return fmt.Sprintf("%s/%s: %d event files, %d of them uploaded now\n", store.address, folder, found, moved), nil
}

// eventFiles picks TensorBoard's own files.
func eventFiles(ctx context.Context, directory *dagger.Directory) (*dagger.Directory, int, error) {
	if found, err := directory.Exists(ctx, "logs"); err != nil {
		return nil, 0, failure("cannot read --directory", err)
	} else if found {
		directory = directory.Directory("logs")
	}
	const pattern = "**/events.out.tfevents.*"
	names, err := directory.Glob(ctx, pattern)
	if err != nil {
		return nil, 0, failure("cannot read --directory", err)
	}
	if len(names) == 0 {
		return nil, 0, errors.New("--directory holds no event files (events.out.tfevents.*): does the training script take --log-dir and write there?")
	}
	return dag.Directory().WithDirectory("/", directory, dagger.DirectoryWithDirectoryOpts{Include: []string{pattern}}), len(names), nil
}

// Open TensorBoard on the logs of the model, all runs in the store or those of a directory: tensorboard up.
//
// +cache="never"
func (l *Logs) Tensorboard(
	ctx context.Context,
	// Output of run or of train, or a folder of event files, to look at in place of the store's.
	// +optional
	directory *dagger.Directory,
) (*dagger.Service, error) {
	settings, err := l.Store.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	var events *dagger.Directory
	if directory != nil {
		events, _, err = eventFiles(ctx, directory)
	} else {
		events, err = l.Store.fetched(ctx, settings, path.Join(logsFolder, settings.Model))
	}
	if err != nil {
		return nil, err
	}
	python, err := l.Store.Line.pythonWith(ctx, settings, "tensorboard")
	if err != nil {
		return nil, err
	}
	return python.
		WithMountedDirectory("/logs", events).
		WithExposedPort(tensorboardPort).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{
			"python3", "-m", "tensorboard.main", "--logdir", "/logs", "--bind_all", "--port", fmt.Sprint(tensorboardPort),
		}}), nil
}

const tensorboardPort = 6006
