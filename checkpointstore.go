package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

const (
	checkpointHost = "checkpoints"
	checkpointPort = 8472
)

// checkpointStore is a training's part of train.checkpoints.
type checkpointStore struct {
	place   string // for people: s3://bucket/prefix/DIGEST
	service *dagger.Service
}

// checkpointStore prepares the service that keeps a training's checkpoints outside the engine; nil without one.
//
// The engine starts it with the training, and not for a training that it serves from its cache. It alone has the
// credentials, in a container of its own (scripts/checkpointstore.py). The training calls it by digests of files.
func (m *TensorflowCi) checkpointStore(
	ctx context.Context, settings config.Config, name string,
) (*checkpointStore, error) {
	where := settings.Train.Checkpoints
	if where == "" || m.Again != "" {
		return nil, nil
	}
	scheme, path, _ := strings.Cut(where, "://")
	if m.CheckpointConfig == nil {
		return nil, fmt.Errorf("train.checkpoints is %s: give --checkpoint-config, an rclone configuration whose "+
			"section [%s] reaches the bucket", where, scheme)
	}
	text, err := m.checkpointConfiguration(ctx, scheme)
	if err != nil {
		return nil, err
	}
	image, err := m.image(ctx, settings, "rclone")
	if err != nil {
		return nil, err
	}
	python, err := m.python(ctx)
	if err != nil {
		return nil, err
	}
	// A key for each training: the engine takes secrets of the same key for each other, also two of one session.
	configuration, err := unidentified(text, "tensorflow-ci checkpoints "+where+"/"+name)
	if err != nil {
		return nil, fmt.Errorf("--checkpoint-config cannot be handed on: %w", err)
	}
	rclone := image.bottom()
	const program, certificates = lineDir + "/rclone", lineDir + "/certificates.crt"
	service := python.
		With(scripts("checkpointstore.py")).
		WithMountedFile(program, rclone.File("/usr/local/bin/rclone")).
		WithMountedFile(certificates, rclone.File("/etc/ssl/certs/ca-certificates.crt")).
		WithMountedSecret(rcloneConfig, configuration).
		WithEnvVariable("CHECKPOINT_REMOTE", scheme+":"+path+"/"+name).
		// What a training waits for at most, before it is told.
		WithEnvVariable("RCLONE_CONTIMEOUT", "10s").
		WithEnvVariable("RCLONE_TIMEOUT", "1m").
		WithEnvVariable("RCLONE_LOW_LEVEL_RETRIES", "3").
		WithEnvVariable("RCLONE_RETRIES", "1").
		// Buckets are made by people, with their rules.
		WithEnvVariable("RCLONE_S3_NO_CHECK_BUCKET", "true").
		WithEnvVariable("RCLONE_GCS_NO_CHECK_BUCKET", "true").
		WithEnvVariable("RCLONE_GCS_BUCKET_POLICY_ONLY", "true").
		WithExposedPort(checkpointPort).
		AsService(dagger.ContainerAsServiceOpts{Args: []string{
			"python3", lineDir + "/checkpointstore.py",
			"--port", strconv.Itoa(checkpointPort), "--rclone", program, "--certificates", certificates,
		}})
	return &checkpointStore{where + "/" + name, service}, nil
}

// checkpointConfiguration is the text of --checkpoint-config, which has the section that is needed.
func (m *TensorflowCi) checkpointConfiguration(ctx context.Context, section string) (string, error) {
	text, err := m.CheckpointConfig.Plaintext(ctx)
	if err != nil {
		return "", failure("--checkpoint-config cannot be read", err)
	}
	if !hasSection(text, section) {
		return "", fmt.Errorf("--checkpoint-config has no section [%s], which train.checkpoints at %s:// needs",
			section, section)
	}
	return text, nil
}

// unidentified makes a secret that the identity of what uses it does not depend on: new keys train nothing again.
//
// The engine derives the identity from a secret's text, or from a cache key. Only a secret with an address has a key.
// The address is that of a file in this process's own container: in memory, and gone when this call ends.
func unidentified(text, key string) (*dagger.Secret, error) {
	file, err := os.CreateTemp("/dev/shm", "secret-")
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString(text)
	// From v0.21 on the address is a part of the identity too: it follows from the key.
	address := fmt.Sprintf("/dev/shm/secret-%x", sha256.Sum256([]byte(key)))
	if err := errors.Join(err, file.Close(), os.Rename(file.Name(), address)); err != nil {
		return nil, err
	}
	return dag.Secret("file://"+address, dagger.SecretOpts{CacheKey: key}), nil
}

// hasSection reports whether an rclone.conf has a section.
func hasSection(configuration, section string) bool {
	for line := range strings.Lines(configuration) {
		if strings.TrimSpace(line) == "["+section+"]" {
			return true
		}
	}
	return false
}

// bound gives a training its service.
func (s *checkpointStore) bound(container *dagger.Container) *dagger.Container {
	if s == nil {
		return container
	}
	return container.WithServiceBinding(checkpointHost, s.service)
}

// command is the training's command, within the one that restores its checkpoints and keeps them.
func (s *checkpointStore) command(training []string) []string {
	if s == nil {
		return training
	}
	return append([]string{
		"python3", lineDir + "/keepcheckpoints.py",
		"--service", fmt.Sprintf("http://%s:%d", checkpointHost, checkpointPort),
		"--place", s.place,
		"--folder", checkpointDir,
		"--record", outDir + "/training.json",
		"--",
	}, training...)
}
