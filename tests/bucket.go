package main

import (
	"context"
	"fmt"
	"time"

	"dagger/tests/internal/dagger"
)

// What the tests' own S3 server and its client are; `ci test` brings both where no image registry can be reached.
const (
	bucketServer = "versity/versitygw:v1.8.0"
	bucketClient = "rclone/rclone:1.76.0"
	bucketUser   = "tester"
	bucketSecret = "bucket-planted-secret"
)

// bucket: training data come out of a bucket as they are there now, and a change there is noticed.
func (t *Tests) bucket() []check {
	stored := tiny().
		WithNewFile("tensorflow-ci.yaml", settingsTiny+"train: {data: \"s3://models/tiny\"}\n").
		WithoutDirectory("data")
	checks := []check{
		{"bucket/without a configuration the data cannot be reached", func(ctx context.Context) error {
			_, err := line(stored).Train().SavedModel().Sync(ctx)
			return refused(err, "train.data is s3://models/tiny", "--data-config", "[s3]")
		}},
		{"bucket/a place that is none", func(ctx context.Context) error {
			_, err := line(tiny(), "train.data=ftp://models/tiny").Train().SavedModel().Sync(ctx)
			return refused(err, "train.data", "is no place in an object store")
		}},
	}
	if t.Database == "" {
		return checks // no registry of this machine, and so perhaps no image of a server
	}
	return append(checks, check{"bucket/data are fetched, recorded and locked; a change under the same name is refused", func(ctx context.Context) error {
		endpoint, err := bucketStarted(ctx)
		if err != nil {
			return err
		}
		configuration := dag.SetSecret("bucket-configuration", bucketConfiguration(bucketSecret, endpoint))
		if err := bucketFilled(ctx, configuration, tiny().Directory("data")); err != nil {
			return err
		}
		bound := func(project *dagger.Directory, configuration *dagger.Secret) *dagger.TensorflowCi {
			return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: project, Set: always, DataConfig: configuration})
		}
		text, err := bound(stored, configuration).Train().Manifest().Contents(ctx)
		if err := wants(err, text, `"path": "s3://models/tiny"`, `"version": "sha256:`, `"data/train.csv"`); err != nil {
			return err
		}
		locked := stored.WithFile("data.lock", bound(stored, configuration).DataLock())
		if err := bound(locked, configuration).DataCheck().Check(ctx); err != nil {
			return err
		}
		wrong := dag.SetSecret("bucket-wrong", bucketConfiguration("wrong-planted-secret", endpoint))
		_, err = bound(stored, wrong).Train().SavedModel().Sync(ctx)
		if err := refused(err, "train.data s3://models/tiny cannot be listed"); err != nil {
			return err
		}
		if err := bucketFilled(ctx, configuration, tiny().Directory("data").WithNewFile("train.csv", rowsTiny(nil))); err != nil {
			return err
		}
		_, err = bound(locked, configuration).Train().SavedModel().Sync(ctx)
		return refused(err, "s3://models/tiny changed under the same name")
	}})
}

// bucketStarted starts an S3 server with an empty bucket and returns its host and port.
func bucketStarted(ctx context.Context) (string, error) {
	service, err := dag.Container().From(bucketServer).
		WithEnvVariable("ROOT_ACCESS_KEY", bucketUser).
		WithEnvVariable("ROOT_SECRET_KEY", bucketSecret).
		WithDirectory("/buckets", dag.Directory().WithNewDirectory("models")).
		WithExposedPort(7070).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"versitygw", "--port", ":7070", "posix", "/buckets"}}).
		Start(ctx)
	if err != nil {
		return "", fmt.Errorf("the S3 server: %w", err)
	}
	return service.Endpoint(ctx)
}

// bucketConfiguration is the rclone.conf that reaches the server.
func bucketConfiguration(secret, endpoint string) string {
	return "[s3]\ntype = s3\nprovider = Other\naccess_key_id = " + bucketUser + "\nsecret_access_key = " + secret + "\nendpoint = http://" + endpoint + "\n"
}

// bucketFilled puts data into the bucket, over what is there under their names.
func bucketFilled(ctx context.Context, configuration *dagger.Secret, data *dagger.Directory) error {
	_, err := dag.Container().From(bucketClient).
		WithMountedSecret("/rclone.conf", configuration).
		WithMountedDirectory("/source", data).
		WithEnvVariable("TENSORFLOW_CI_NOW", time.Now().Format(time.RFC3339Nano)).
		WithExec([]string{"rclone", "copy", "--config", "/rclone.conf", "/source", "s3:models/tiny"}).
		Sync(ctx)
	return err
}
