package main

import (
	"context"
	"fmt"
	"os"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/proc"
)

// gitlab runs the pipelines of package ci/gitlab/proof, and tells it where things are.
func (p *proof) gitlab(ctx context.Context) error {
	if p.machine == nil {
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	if _, err := bringGitlabTools(ctx, p.root); err != nil {
		return err
	}
	database, err := p.machine.ScanDatabase(ctx)
	if err != nil {
		return err
	}
	engine, err := engineAddress(ctx)
	if err != nil {
		return err
	}
	return proc.Command{
		Args: []string{"go", "test", "-tags=gitlab", "-count=1", "-timeout=20m", "-v", "./ci/gitlab/proof/..."},
		Dir:  p.root,
		Env:  []string{"TENSORFLOW_CI_DAGGER=" + p.machine.CLI(), "TENSORFLOW_CI_DATABASE=" + database, "TENSORFLOW_CI_ENGINE=" + engine},
	}.Run(ctx, os.Stdout)
}

// engineAddress is where the engine that the CLI would use listens: the one that the environment names or, for root, the
// socket in the container's file system, as a runner mounts it; else the container, through Docker.
func engineAddress(ctx context.Context) (string, error) {
	if address := os.Getenv(host.EngineVariable); address != "" {
		return address, nil
	}
	process, err := proc.Command{Args: []string{"docker", "inspect", "--format", "{{.State.Pid}}", host.EngineContainer}}.Output(ctx)
	if err != nil {
		return "", fmt.Errorf("the engine's container %s cannot be looked at: %w", host.EngineContainer, err)
	}
	socket := fmt.Sprintf("/proc/%s/root/run/dagger/engine.sock", process)
	if _, err := os.Stat(socket); err == nil {
		return "unix://" + socket, nil
	}
	return "container://" + host.EngineContainer, nil
}
