package main

import (
	"context"
	"fmt"
	"time"

	"dagger/tests/internal/dagger"
)

// What the S3 server of the tests lets in; the secret must appear nowhere.
const storeKey, storeSecret = "tester", "store-planted-secret"

// s3Image is a real S3 server.
//
// renovate: datasource=docker depName=versity/versitygw
const s3Image = "versity/versitygw:v1.8.0"

// rcloneImage is what the line releases with; the tests use it to look into a store, and to damage one.
//
// renovate: datasource=docker depName=rclone/rclone
const rcloneImage = "rclone/rclone:1.76.0"

// s3Server is an S3 server with one bucket, models.
type s3Server struct {
	service  *dagger.Service
	endpoint string
}

// startS3 starts a server of its own for each name; size limits what it can hold, in bytes, 0 for no limit.
func startS3(ctx context.Context, name string, size int) (*s3Server, error) {
	container := dag.Container().From(s3Image).
		WithEnvVariable("ROOT_ACCESS_KEY", storeKey).
		WithEnvVariable("ROOT_SECRET_KEY", storeSecret).
		WithEnvVariable("TESTS", name+time.Now().String()).
		WithDirectory("/data/models", dag.Directory()).
		WithDirectory("/side", dag.Directory())
	if size > 0 {
		container = container.WithMountedTemp("/data/models", dagger.ContainerWithMountedTempOpts{Size: size})
	}
	service, err := container.
		WithExposedPort(7070).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"/usr/local/bin/versitygw", "--port", ":7070", "posix", "--sidecar", "/side", "/data"}}).
		Start(ctx)
	if err != nil {
		return nil, err
	}
	endpoint, err := service.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: 7070})
	return &s3Server{service, "http://" + endpoint}, err
}

func (s *s3Server) stop(ctx context.Context) {
	_, _ = s.service.Stop(ctx, dagger.ServiceStopOpts{Kill: true})
}

// store is how to release to the server: with its key and secret.
func (s *s3Server) store(prefix string) dagger.TensorflowCiReleaseOpts {
	return dagger.TensorflowCiReleaseOpts{
		Store: "s3://models/" + prefix, Endpoint: s.endpoint, By: "ann",
		AccessKey: dag.SetSecret("store-key", storeKey), SecretKey: dag.SetSecret("store-secret", storeSecret),
	}
}

// rclone runs one command of rclone on the server, behind the line's back. What it copies lies in /planted.
func (s *s3Server) rclone(ctx context.Context, planted *dagger.Directory, args ...string) (string, error) {
	return dag.Container().From(rcloneImage).
		WithEnvVariable("RCLONE_CONFIG", "/notfound").
		WithEnvVariable("RCLONE_CONFIG_STORE_TYPE", "s3").
		WithEnvVariable("RCLONE_CONFIG_STORE_PROVIDER", "Other").
		WithEnvVariable("RCLONE_CONFIG_STORE_ENDPOINT", s.endpoint).
		WithEnvVariable("RCLONE_CONFIG_STORE_ACCESS_KEY_ID", storeKey).
		WithEnvVariable("RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY", storeSecret).
		WithEnvVariable("TESTS", time.Now().String()).
		WithDirectory("/planted", planted).
		WithExec(append([]string{"rclone"}, args...)).
		Stdout(ctx)
}

// remove takes an object away.
func (s *s3Server) remove(ctx context.Context, name string) error {
	_, err := s.rclone(ctx, dag.Directory(), "deletefile", "store:models/"+name)
	return err
}

// read is an object of the server's bucket.
func (s *s3Server) read(ctx context.Context, name string) (string, error) {
	text, err := s.rclone(ctx, dag.Directory(), "cat", "store:models/"+name)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", name, err)
	}
	return text, nil
}
