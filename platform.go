package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/platform"
)

// containerFor is an empty container of a platform. Every container of the module begins here: what is made or run must not
// follow from the machine that the engine happens to be on.
func containerFor(platform string) *dagger.Container {
	return dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(platform)})
}

// platformFlag is how --platform reaches the settings, and how a person chooses emulation.
const platformFlag = "platform="

// What this call knows of the engine: its own platform, and of others whether it runs them.
var (
	enginePlatform answers.Book[struct{}, string]
	probes         answers.Book[string, bool]
)

// runs refuses a role whose containers this engine cannot run, or can only emulate while nobody asked for that.
func (m *TensorflowCi) runs(ctx context.Context, settings config.Config, role string) error {
	engine, err := enginePlatform.Find(struct{}{}, func() (string, error) {
		own, err := dag.DefaultPlatform(ctx)
		return string(own), err
	})
	if err != nil {
		return failure("the engine's platform", err)
	}
	reference, err := m.reference(ctx, settings, "tensorflow")
	if err != nil {
		return err
	}
	wanted := settings.PlatformOf(role)
	_, chosen := settings.Platforms[role] // one that is named for this role alone is meant
	return platform.Decide(platform.Question{
		Role: role, Wanted: wanted, Engine: engine, Wheels: platform.IsWheel(reference),
		Chosen: chosen || slices.ContainsFunc(m.Set, func(pair string) bool { return strings.HasPrefix(pair, platformFlag) }),
		Runs: func() error {
			_, err := probes.Find(wanted, func() (bool, error) { return true, probe(ctx, wanted) })
			return err
		},
	})
}

// probe runs the smallest program of a platform on the engine.
func probe(ctx context.Context, wanted string) error {
	program, err := platform.Probe(wanted)
	if err != nil {
		return err
	}
	const name = "probe"
	folder, err := os.MkdirTemp(".", name) // a file of bytes can be handed over from the module's own folder alone
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, name)
	if err := os.WriteFile(file, program, 0o755); err != nil {
		return err
	}
	_, err = containerFor(wanted).
		WithFile("/"+name, dag.CurrentModule().WorkdirFile(file), dagger.ContainerWithFileOpts{Permissions: 0o755}).
		// An emulator that was there yesterday may be gone.
		WithEnvVariable("TENSORFLOW_CI_NOW", callBegan).
		WithExec([]string{"/" + name}).
		Sync(ctx)
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	var exec *dagger.ExecError
	if errors.As(err, &exec) && strings.TrimSpace(exec.Stderr) != "" {
		return errors.New(strings.Join(strings.Fields(exec.Stderr), " "))
	}
	return err
}
