package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

const doctorExplanation = `Says in plain words what this machine has and lacks, and what to do about it. Changes nothing. Exit status 1 when
"run" could not work here, not even after the "up" that it begins with.`

func doctor(ctx context.Context, args []string) error {
	set := flags("doctor", doctorExplanation)
	mirror := plan.Auto
	set.Var(&mirror, "mirror", "as for `up`")
	engine := setup.Engine("")
	set.Var(&engine, "engine", "as for `up`")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	folder, err := state.Locate()
	if err != nil {
		return err
	}
	facts := look(ctx, folder, string(engine))
	made, planErr := plan.Make(facts, mirror)
	for _, finding := range diagnose(facts, made) {
		finding.write(os.Stdout)
	}
	if planErr != nil {
		return fmt.Errorf("`run` cannot work here: %w", planErr)
	}
	if made.Nothing() {
		fmt.Println("\n`run` can work here, with what the machine has")
	} else {
		fmt.Println("\n`run` can work here: it begins with `up`, which brings what is missing")
	}
	return ctx.Err()
}

// finding is one thing that was looked at.
type finding struct {
	verdict string
	text    string
	remedy  string
}

const (
	good    = "ok"
	brought = "up brings" // missing, and `up` makes it
	bad     = "problem"
)

func (f finding) write(out io.Writer) {
	text := f.text
	if f.remedy != "" {
		text += "; " + f.remedy
	}
	fmt.Fprintf(out, "%-9s  %s\n", f.verdict, text)
}

// diagnose turns facts into words, one line for each.
func diagnose(facts host.Facts, made plan.Plan) []finding {
	findings := []finding{
		{good, fmt.Sprintf("system %s/%s, Debian: %s, root: %s", facts.System, facts.Architecture, yes(facts.Debian), yes(facts.Root)), ""},
		diagnoseDocker(facts.Docker, made),
		diagnoseCLI(facts.CLI, made.Engine),
	}
	for _, registry := range facts.Registries {
		findings = append(findings, diagnoseRegistry(registry, made))
	}
	if facts.MirrorMade {
		findings = append(findings, finding{good, "image registries: not asked, a registry of our own was brought up here", ""})
	}
	findings = append(findings, diagnoseEngine(facts, made))
	if len(made.Packages) > 0 {
		findings = append(findings, finding{brought, "Debian packages are missing: " + strings.Join(made.Packages, ", "), "needs root"})
	}
	if made.Mirror && !facts.Capabilities.All() {
		findings = append(findings, finding{good,
			"the machine withholds " + strings.Join(facts.Capabilities.Missing(), ", ") + ": the engine gets the other capabilities one by one, instead of --privileged", ""})
	}
	for _, disk := range facts.Disks {
		findings = append(findings, diagnoseDisk(disk))
	}
	return findings
}

func diagnoseDocker(docker host.Docker, made plan.Plan) finding {
	switch {
	case docker.Server != "":
		return finding{good, "Docker daemon " + docker.Server + " answers", ""}
	case made.Daemon:
		return finding{brought, "no Docker daemon answers", "one is started by hand, with its log in the state folder"}
	}
	return finding{bad, "no Docker daemon answers: " + docker.Problem, "start Docker, or set DOCKER_HOST to a daemon that runs"}
}

func diagnoseCLI(cli host.CLI, engine string) finding {
	switch {
	case cli.Path != "" && host.IsTested(cli.Version):
		return finding{good, "Dagger CLI " + cli.Version + ": " + cli.Path, ""}
	case cli.Path != "":
		return finding{good, "Dagger CLI " + cli.Version + ": " + cli.Path, "the module is tested with " + host.TestedList() + "; yours is used as it is"}
	case cli.Version != "":
		return finding{brought, "the Dagger CLI here is " + cli.Version, engine + ", which is asked for, is built in the state folder"}
	}
	return finding{brought, "no Dagger CLI", engine + " is built, in the state folder"}
}

func diagnoseRegistry(registry host.Registry, made plan.Plan) finding {
	switch {
	case registry.Reached:
		return finding{good, "image registry " + registry.Host + " answers", ""}
	case made.Mirror:
		return finding{brought, fmt.Sprintf("image registry %s cannot be reached (%s)", registry.Host, registry.Problem), "images are built here and served by a registry of our own"}
	}
	return finding{bad, fmt.Sprintf("image registry %s cannot be reached (%s)", registry.Host, registry.Problem), "use --mirror auto, or open the network"}
}

func diagnoseEngine(facts host.Facts, made plan.Plan) finding {
	engine := facts.Engine
	switch {
	case engine.Remote != "":
		return finding{good, "the engine is another machine's: " + host.EngineVariable + "=" + engine.Remote, ""}
	case engine.Exists && !engine.Ours && made.Mirror:
		return finding{bad, "container " + host.EngineContainer(made.Engine) + " was not made by `up`", "remove it (docker rm -f " + host.EngineContainer(made.Engine) + ") or use --mirror never"}
	case engine.Running:
		return finding{good, "Dagger engine " + made.Engine + " runs", ""}
	case made.Mirror:
		return finding{brought, "no Dagger engine runs", "one is built here"}
	}
	return finding{good, "no Dagger engine runs yet: the CLI starts one", ""}
}

func diagnoseDisk(disk host.Disk) finding {
	text := fmt.Sprintf("%s free for the %s (%s), at least %s are needed", host.Gigabytes(disk.Free), disk.What, disk.Path, host.Gigabytes(plan.MinimumFree))
	if disk.Free < plan.MinimumFree {
		return finding{bad, text, "free some space"}
	}
	return finding{good, text, ""}
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
