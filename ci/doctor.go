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
	facts := look(ctx, folder, string(engine), host.Patience)
	made, planErr := plan.Make(facts, mirror)
	findings := diagnose(facts, made)
	if facts.Docker.Server != "" {
		findings = append(findings, diagnoseStandIns(host.LookStandIns(ctx, folder.Images()))...)
	}
	for _, finding := range findings {
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
	note    = "note"      // works, and is worth knowing
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
	}
	findings = append(findings, diagnoseDocker(facts, made)...)
	findings = append(findings, diagnoseCLI(facts.CLI, made.Engine))
	findings = append(findings, diagnoseRegistries(facts, made)...)
	findings = append(findings, diagnoseEngine(facts, made))
	findings = append(findings, diagnoseVersions(facts, made)...)
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

// diagnoseVersions says where CLI and engine are of different versions, as far as both are known.
func diagnoseVersions(facts host.Facts, made plan.Plan) []finding {
	engine := facts.Engine.Version
	if facts.Engine.Remote == "" && made.Mirror {
		engine = made.Engine
	}
	if facts.CLI.Path == "" || facts.CLI.Version == "" || engine == "" || engine == facts.CLI.Version {
		return nil
	}
	return []finding{{note, fmt.Sprintf("the Dagger CLI is %s and the engine %s: an engine may refuse a CLI of another version", facts.CLI.Version, engine),
		"use a CLI of the engine's version"}}
}

// diagnoseStandIns lists the images that were made here in place of the published ones.
func diagnoseStandIns(found []host.StandIn) []finding {
	var findings []finding
	for _, image := range found {
		findings = append(findings, finding{note, fmt.Sprintf("image %s: stand-in (%s)", image.Names[0], image.Title), ""})
	}
	return findings
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
