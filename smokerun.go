package main

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/servingconfig"
)

const (
	// readySeconds is how long the server may take until it serves the model.
	readySeconds = 120
	// spareSeconds is what the rest of a smoke test may take: comparing all rows, and a rollout.
	spareSeconds = 600
)

// The versions of a smoke test: the model that is tested, and the one that is rolled out in the middle of it.
const (
	firstVersion = 1
	nextVersion  = 2
)

// smokeRun is one smoke test: a server, and a client that asks it.
type smokeRun struct {
	model, next *Model // next: nil where nothing is rolled out
	settings    config.Config
	data        *dagger.File
	server      *dagger.Service // nil where one is started
}

func (s smokeRun) do(ctx context.Context, rules []gate.Rule, clients, seconds int) (*SmokeTest, error) {
	// A fresh value on the server and on this one exec: a test that was made yesterday, or a server that another test has
	// left in another state, proves nothing.
	now := time.Now().UTC().Format(time.RFC3339Nano)
	server, client, flags, err := s.prepared(ctx, now)
	if err != nil {
		return nil, err
	}
	if s.server == nil {
		// By itself, so that a server that ends is not taken for a client that does.
		if _, err := server.Start(ctx); err != nil {
			return nil, failure("smoke test: TensorFlow Serving did not start", err)
		}
		defer server.Stop(ctx)
	}
	limit := readySeconds + seconds + spareSeconds
	command := []string{
		"python3", lineDir + "/step.py", "--name", "smoke-test", "--record", outDir + "/run.json", "--limit", strconv.Itoa(limit),
		"--", "python3", lineDir + "/smoketest.py", "--server", servingRole, "--grpc-port", strconv.Itoa(grpcPort), "--rest-port", strconv.Itoa(restPort),
		"--name", s.settings.Model, "--label", servingconfig.Stable, "--clients", strconv.Itoa(clients), "--seconds", strconv.Itoa(seconds),
		"--wait", strconv.Itoa(readySeconds), "--limit", strconv.FormatFloat(*rules[0].Maximum, 'g', -1, 64), "--out", outDir + "/smoke-test.json",
	}
	done, err := client.
		With(scripts("smoketest.py", "servingload.py", "servingapi.py", "warmup.py", "agreement.py", "heldout.py", "metrics.py", "savedmodel.py", "signature.py")).
		WithServiceBinding(servingRole, server).
		WithEnvVariable("TENSORFLOW_CI_NOW", now).
		WithExec(append(command, flags...)).
		Sync(ctx)
	if err != nil {
		return nil, failure("smoke test", err)
	}
	return newSmokeTest(ctx, done, rules)
}

// prepared makes side by side what a smoke test needs: the server, and a client that knows what the models answer.
func (s smokeRun) prepared(ctx context.Context, now string) (server *dagger.Service, client *dagger.Container, flags []string, err error) {
	var first, next *dagger.Directory
	group, wait := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		first, err = s.model.reference(wait, s.settings, s.data)
		return err
	})
	group.Go(func() (err error) {
		if s.next != nil {
			next, err = s.next.reference(wait, s.settings, s.data)
		}
		return err
	})
	group.Go(func() (err error) {
		server, err = s.started(wait, now)
		return err
	})
	group.Go(func() (err error) {
		client, err = s.model.Line.pythonWith(wait, s.settings, servingRole)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, nil, nil, err
	}
	client, flags = client.WithMountedDirectory("/reference", first), []string{"--reference", "/reference"}
	if s.next == nil {
		return server, client, flags, nil
	}
	steps, err := s.steps()
	if err != nil {
		return nil, nil, nil, err
	}
	client = client.WithMountedDirectory("/next", next).WithNewFile("/steps.json", steps)
	return server, client, append(flags, "--next-reference", "/next", "--steps", "/steps.json"), nil
}

// started is the server that is tested.
func (s smokeRun) started(ctx context.Context, now string) (*dagger.Service, error) {
	if s.server != nil {
		return s.server, nil
	}
	if err := s.model.Line.runs(ctx, s.settings, servingRole); err != nil {
		return nil, err
	}
	server, err := s.model.server(ctx, s.settings, firstVersion)
	if err != nil {
		return nil, err
	}
	if s.next != nil {
		if err := s.next.sound(ctx); err != nil {
			return nil, fmt.Errorf("rollout: %w", err)
		}
		place := modelsDir + "/" + versionDir(s.settings, nextVersion)
		server = server.WithDirectory(place, s.next.SavedModel, dagger.ContainerWithDirectoryOpts{Owner: servingUser})
	}
	return served(server.WithEnvVariable("TENSORFLOW_CI_NOW", now)), nil
}

// steps are the pushes of the rollout, as scripts/smoketest.py reads them.
func (s smokeRun) steps() (string, error) {
	type push struct {
		Config   string  `json:"config"`
		Versions []int64 `json:"versions"`
		Moves    bool    `json:"moves"`
	}
	at := servesStable(s.settings, firstVersion, firstVersion)
	configs, err := servingconfig.Steps(at, servesStable(s.settings, nextVersion, nextVersion))
	if err != nil {
		return "", err
	}
	var pushes []push
	for _, next := range configs {
		moves := !maps.Equal(at.Models[0].Labels, next.Models[0].Labels)
		pushes = append(pushes, push{Config: next.Render(), Versions: next.Models[0].Versions, Moves: moves})
		at = next
	}
	return indented(pushes)
}
