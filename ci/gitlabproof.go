package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"dagger/tensorflow-ci/ci/gitlab"
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
	if err := p.gitlabFiles(ctx); err != nil {
		return err
	}
	database, err := p.machine.ScanDatabase(ctx)
	if err != nil {
		return err
	}
	engine, err := engineAddress(ctx, p.machine.EngineContainer())
	if err != nil {
		return err
	}
	return proc.Command{
		Args: []string{"go", "test", "-tags=gitlab", "-count=1", "-timeout=20m", "-v", "./ci/gitlab/proof/..."},
		Dir:  p.root,
		Env:  []string{"TENSORFLOW_CI_DAGGER=" + p.machine.CLI(), "TENSORFLOW_CI_DATABASE=" + database, "TENSORFLOW_CI_ENGINE=" + engine},
	}.Run(ctx, os.Stdout)
}

// gitlabFiles validates the pipelines that are in the repository: its own, and that of the example, which a project has on
// top of its repository.
func (p *proof) gitlabFiles(ctx context.Context) error {
	const sample = "testdata/phishing"
	own, err := locatePipeline(ctx, filepath.Join(p.root, sample), filepath.Join(p.root, gitlab.FileName))
	if err != nil {
		return err
	}
	example := pipelineFile{path: filepath.Join(p.root, "examples", "gitlab-consumer", gitlab.FileName), project: ".", settings: own.settings}
	for _, target := range []pipelineFile{own, example} {
		if err := validatePipeline(ctx, p.root, target); err != nil {
			return err
		}
	}
	return nil
}

// engineAddress is where the engine that the CLI would use listens: the one that the environment names or, for root, the
// socket in the container's file system, as a runner mounts it; else the container, through Docker.
func engineAddress(ctx context.Context, container string) (string, error) {
	if address := os.Getenv(host.EngineVariable); address != "" {
		return address, nil
	}
	process, err := proc.Command{Args: []string{"docker", "inspect", "--format", "{{.State.Pid}}", container}}.Output(ctx)
	if err != nil {
		return "", fmt.Errorf("the engine's container %s cannot be looked at: %w", container, err)
	}
	socket := fmt.Sprintf("/proc/%s/root/run/dagger/engine.sock", process)
	if _, err := os.Stat(socket); err == nil {
		return "unix://" + socket, nil
	}
	return "container://" + container, nil
}
