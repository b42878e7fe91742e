package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/objectstore"
	"dagger/tensorflow-ci/release"
)

// Where things lie in rclone's container.
const (
	rclonePort   = 5572
	rcloneConfig = "/rclone.conf"
	uploadDir    = "/model"
	folderStores = "/stores" // a volume of the engine
	remoteName   = "store"
)

// openStore is a store while a function uses it.
type openStore struct {
	*objectstore.Client
	address objectstore.Address
	book    release.Book
	service *dagger.Service
	notes   []string // of what went on beside what was asked for
}

// open starts rclone for a store, in a container that knows the store's credentials and, of what it uploads, the model.
//
// rclone serves calls for as long as the function runs: a transition is dozens of small ones, and a container for each
// would take seconds. Whoever else runs in the engine cannot call it: the password is made here, for this time.
func (r *Release) open(ctx context.Context, settings config.Config, model *dagger.Directory) (*openStore, error) {
	address, err := r.address(settings)
	if err != nil {
		return nil, err
	}
	verify, err := r.verifier(ctx)
	if err != nil {
		return nil, err
	}
	container, remote, err := r.rclone(ctx, settings, address)
	if err != nil {
		return nil, err
	}
	if model != nil {
		container = container.WithMountedDirectory(uploadDir, model)
	}
	store := &openStore{address: address}
	if store.Client, store.service, err = startRclone(ctx, container); err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	store.At, store.Model, store.Beside = address.At(remote), uploadDir, address.Kind == objectstore.Folder
	store.book = release.Book{
		Store: store.Client, Model: settings.Model, Verify: verify, Base: settings.Release.ServingPath, Settle: settings.Release.Settle,
		Policy: release.Policy{
			Approvals: settings.Release.Approvals, FourEyes: settings.Release.FourEyes,
			Expiry: settings.Release.ApprovalExpiry, CanaryFirst: settings.Release.CanaryPercent > 0,
		},
		Say: func(format string, args ...any) {
			store.notes = append(store.notes, fmt.Sprintf(format, args...))
			fmt.Println(store.notes[len(store.notes)-1]) // for who watches
		},
	}
	return store, nil
}

// do carries an order out.
func (s *openStore) do(ctx context.Context, order release.Order, lineage map[string][]byte) (string, error) {
	said, err := s.book.Do(ctx, order, lineage)
	if err != nil {
		return "", errors.New(strings.TrimSuffix(joined(s.notes, s.address.String()+": "+err.Error()), "\n"))
	}
	return joined(s.notes, said), nil
}

// close ends rclone; what it was told is done by then. To ask the program is quicker than to have the engine take its
// container away while the caller waits.
func (s *openStore) close(ctx context.Context) {
	ctx = context.WithoutCancel(ctx)
	if s.Quit(ctx) != nil {
		_, _ = s.service.Stop(ctx, dagger.ServiceStopOpts{Kill: true})
	}
}

// rclone is a container that can reach a store, and the name that the store has there.
func (r *Release) rclone(ctx context.Context, settings config.Config, address objectstore.Address) (*dagger.Container, string, error) {
	image, err := r.Line.image(ctx, settings, "rclone")
	if err != nil {
		return nil, "", err
	}
	container := image.bottom().
		WithEnvVariable("RCLONE_CONFIG", "/notfound"). // what rclone calls none
		// What goes wrong is in the answers; what is not there is asked for on every first call.
		WithEnvVariable("RCLONE_LOG_LEVEL", "CRITICAL").
		// What a caller waits for at most, before it is told.
		WithEnvVariable("RCLONE_CONTIMEOUT", "10s").
		WithEnvVariable("RCLONE_TIMEOUT", "1m").
		WithEnvVariable("RCLONE_LOW_LEVEL_RETRIES", "3").
		WithEnvVariable("RCLONE_RETRIES", "1").
		// The store's own clock decides which lock is older.
		WithEnvVariable("RCLONE_USE_SERVER_MODTIME", "true").
		// Buckets are made by people, with their rules.
		WithEnvVariable("RCLONE_S3_NO_CHECK_BUCKET", "true").
		WithEnvVariable("RCLONE_GCS_NO_CHECK_BUCKET", "true").
		WithEnvVariable("RCLONE_GCS_BUCKET_POLICY_ONLY", "true")
	if address.Kind == objectstore.Folder {
		return container.WithMountedCache(folderStores, dag.CacheVolume("stores")), folderStores, nil
	}
	if r.StoreConfig != nil {
		text, err := r.StoreConfig.Plaintext(ctx)
		if err != nil {
			return nil, "", failure("--store-config cannot be read", err)
		}
		remote, err := objectstore.RemoteOf(text, address.Kind)
		return container.WithMountedSecret(rcloneConfig, r.StoreConfig).WithEnvVariable("RCLONE_CONFIG", rcloneConfig), remote, err
	}
	if (r.AccessKey == nil) != (r.SecretKey == nil) {
		return nil, "", errors.New("--access-key and --secret-key go together: give both, or --store-config")
	}
	option := func(name, value string) {
		if value != "" {
			container = container.WithEnvVariable("RCLONE_CONFIG_STORE_"+name, value)
		}
	}
	secret := func(name string, value *dagger.Secret) {
		if value != nil {
			container = container.WithSecretVariable("RCLONE_CONFIG_STORE_"+name, value)
		}
	}
	option("ENDPOINT", r.Endpoint)
	switch address.Kind {
	case objectstore.S3:
		option("TYPE", "s3")
		provider := "AWS"
		if r.Endpoint != "" {
			provider = "Other"
		}
		option("PROVIDER", provider)
		option("REGION", r.Region)
		secret("ACCESS_KEY_ID", r.AccessKey)
		secret("SECRET_ACCESS_KEY", r.SecretKey)
		secret("SESSION_TOKEN", r.SessionToken)
		if r.AccessKey == nil {
			option("ENV_AUTH", "true") // what the machine itself may do
		}
	case objectstore.GCS:
		option("TYPE", "google cloud storage")
		secret("SERVICE_ACCOUNT_CREDENTIALS", r.ServiceAccount)
		if r.ServiceAccount == nil {
			option("ENV_AUTH", "true")
		}
	}
	return container, remoteName, nil
}

// startRclone starts a container's rclone, and returns how to call it.
func startRclone(ctx context.Context, container *dagger.Container) (*objectstore.Client, *dagger.Service, error) {
	client := &objectstore.Client{User: "line", Password: rand.Text()}
	service, err := container.
		WithEnvVariable("RCLONE_RC_ADDR", fmt.Sprintf(":%d", rclonePort)).
		WithEnvVariable("RCLONE_RC_SERVE", "true").
		WithEnvVariable("RCLONE_RC_USER", client.User).
		WithSecretVariable("RCLONE_RC_PASS", dag.SetSecret("rclone-"+rand.Text(), client.Password)).
		// A fresh value on this one service: two functions at once have one each.
		WithEnvVariable("TENSORFLOW_CI_NOW", time.Now().UTC().Format(time.RFC3339Nano)).
		WithExposedPort(rclonePort).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{"rclone", "rcd"}}).
		Start(ctx)
	if err != nil {
		return nil, nil, failure("rclone does not start", err)
	}
	endpoint, err := service.Endpoint(ctx, dagger.ServiceEndpointOpts{Port: rclonePort})
	if err != nil {
		return nil, nil, failure("rclone cannot be found", err)
	}
	client.URL = "http://" + endpoint
	return client, service, nil
}

// verifier opens attestations with --public-key; nil where none is given.
func (r *Release) verifier(ctx context.Context) (release.Verifier, error) {
	if r.PublicKey == nil {
		return nil, nil
	}
	key, err := r.PublicKey.Contents(ctx)
	if err != nil {
		return nil, failure("--public-key cannot be read", err)
	}
	return func(envelope []byte) (string, bool, string, error) {
		verified, err := attest.Verify(envelope, []byte(key))
		if err != nil {
			return "", false, "", err
		}
		return verified.CanonicalDigest, verified.GatePassed(), verified.Manifest.Source.Commit, nil
	}, nil
}

// Return the store as a directory: of a folder of the engine (file:///NAME), to look at it or to serve it.
//
// +cache="never"
func (r *Release) Directory(ctx context.Context) (*dagger.Directory, error) {
	settings, err := r.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	return r.fetched(ctx, settings, "")
}

// fetched is a folder of the store as it is now.
func (r *Release) fetched(ctx context.Context, settings config.Config, folder string) (*dagger.Directory, error) {
	address, err := r.address(settings)
	if err != nil {
		return nil, err
	}
	container, remote, err := r.rclone(ctx, settings, address)
	if err != nil {
		return nil, err
	}
	copied, err := container.
		WithEnvVariable("TENSORFLOW_CI_NOW", time.Now().UTC().Format(time.RFC3339Nano)).
		WithDirectory(outDir, dag.Directory()).
		WithExec([]string{"rclone", "copy", strings.TrimSuffix(address.At(remote), "/") + "/" + folder, outDir}).
		Directory(outDir).
		Sync(ctx)
	if err != nil {
		return nil, failure(address.String()+" cannot be copied", err)
	}
	return copied, nil
}

// address is the store's: the flag's or, without one, the project's.
func (r *Release) address(settings config.Config) (objectstore.Address, error) {
	if r.Address != "" {
		return objectstore.Parse(r.Address)
	}
	return objectstore.Parse(settings.Release.Store)
}
