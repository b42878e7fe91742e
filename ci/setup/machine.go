// Package setup holds the steps that make a bare machine able to run the module: each file is one part of it.
package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/state"
	"dagger/tensorflow-ci/ci/step"
)

// Machine is what the steps work on.
type Machine struct {
	Folder     state.Folder
	Repository string // the checkout that this program belongs to
	Facts      host.Facts
	Plan       plan.Plan
	Options    Options
}

// Options are the user's wishes that change what the steps make.
type Options struct {
	RegistryPort int
	GPUStandIn   bool // also an engine that passes a GPU that does not exist
	Tests        bool // also what only the acceptance tests need
	Jobs         int  // programs that a compilation runs at once; 0 for as many as there are processors
	Engine       Engine
}

// Engine is the version of Dagger that is asked for; "" leaves it open.
type Engine string

// Set makes Engine a flag.
func (e *Engine) Set(value string) error {
	if !host.IsTested(value) {
		return fmt.Errorf("want one of the versions that the tests run on: %s", host.TestedList())
	}
	*e = Engine(value)
	return nil
}

// String shows the flag's value.
func (e *Engine) String() string { return string(*e) }

// Type names the flag's value in the help.
func (e *Engine) Type() string { return strings.Join(host.Tested, "|") }

// Goals returns the steps whose results the plan asks for; the steps that lead to them hang on them.
func (m *Machine) Goals() ([]*step.Step, error) {
	packages := m.packages()
	daemon := m.daemon(packages)
	goals := slices.Concat(packages, daemon)
	cli, err := m.cli()
	if err != nil {
		return nil, err
	}
	goals = append(goals, cli...)
	if !m.Plan.Mirror {
		return goals, nil
	}
	registry := m.registry(packages, daemon)
	base := m.base(packages, daemon)
	engines, err := m.engines(registry, base, cli)
	if err != nil {
		return nil, err
	}
	images, err := m.images(registry, base)
	if err != nil {
		return nil, err
	}
	scanner, err := m.scanner(registry, base, engines)
	if err != nil {
		return nil, err
	}
	goals = slices.Concat(goals, []*step.Step{registry}, engines, images, scanner)
	if !m.Options.Tests {
		return goals, nil
	}
	tests, err := m.testGoals(registry, base, slices.Concat(engines, images, scanner))
	if err != nil {
		return nil, err
	}
	return append(goals, tests...), nil
}

// repository is a path in the checkout.
func (m *Machine) repository(elements ...string) string {
	return filepath.Join(append([]string{m.Repository}, elements...)...)
}

// CLI is the Dagger CLI to call, once the goals are met.
func (m *Machine) CLI() string {
	if m.Facts.CLI.Path != "" {
		return m.Facts.CLI.Path
	}
	return m.Folder.Path("bin", m.Plan.Engine, "dagger")
}

// EngineContainer is the container of the engine that the machine was given.
func (m *Machine) EngineContainer() string { return host.EngineContainer(m.Plan.Engine) }

// EngineAddress makes the CLI use the engine that `up` made, whatever version the CLI has; "" where the CLI finds its engine
// by itself, or the user names one.
func (m *Machine) EngineAddress() string {
	if !m.Plan.Mirror || m.Facts.Engine.Remote != "" {
		return ""
	}
	return "container://" + m.EngineContainer()
}

// Environment is what a call of the CLI needs to reach the machine's engine.
func (m *Machine) Environment() []string {
	if address := m.EngineAddress(); address != "" {
		return []string{host.EngineVariable + "=" + address}
	}
	return nil
}

// engineFolder is a path among the files that one version of the engine is made from.
func (m *Machine) engineFolder(elements ...string) string {
	return m.Folder.Path(append([]string{"engine-" + m.Plan.Engine}, elements...)...)
}

// proxies are the machine's proxy settings, for programs that do not inherit the environment.
func proxies() []string {
	var set []string
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value, found := os.LookupEnv(name); found {
			set = append(set, name+"="+value)
		}
	}
	return set
}

// certificates are the machine's own certificate authorities, which every container that downloads must know.
func certificates() []string {
	found, _ := filepath.Glob("/usr/local/share/ca-certificates/*.crt") // sorted
	return found
}

// copyCertificates puts the machine's certificates into a build context, in the folder ca.
func copyCertificates(buildContext string) error {
	folder := filepath.Join(buildContext, "ca")
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for _, certificate := range certificates() {
		text, err := os.ReadFile(certificate)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(certificate)), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// docker is a call of Docker's client.
func docker(args ...string) proc.Command {
	return proc.Command{Args: append([]string{"docker"}, args...)}
}

// build runs `docker build` with the machine's proxies, and records the image that it made.
func (m *Machine) build(ctx context.Context, log io.Writer, tag, dockerfile, buildContext string, more ...string) error {
	args := []string{"build", "--tag", tag, "--file", dockerfile}
	for _, proxy := range proxies() {
		args = append(args, "--build-arg", proxy)
	}
	command := docker(append(append(args, more...), buildContext)...)
	// Debian's daemon is older than BuildKit's client plugin asks for; the classic builder is in all of them.
	command.Env = []string{"DOCKER_BUILDKIT=0"}
	if err := command.Run(ctx, log); err != nil {
		return err
	}
	return m.recordImage(ctx, tag)
}

// recordImage remembers an image by its id: `down --all` removes these and no others.
func (m *Machine) recordImage(ctx context.Context, tag string) error {
	id, err := docker("image", "inspect", "--format", "{{.Id}}", tag).Output(ctx)
	if err != nil {
		return err
	}
	return m.Folder.AddImage(id)
}
