package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/pflag"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/lock"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
	"dagger/tensorflow-ci/ci/step"
)

const upExplanation = `Brings up only what this machine lacks. Where Docker, the Dagger CLI and the image registries are there, nothing is
built. Where no image registry can be reached, the engine, the TensorFlow images and the scanner are built from Debian's
packages, Go modules and wheels, and served by a registry on the Docker bridge. Such an engine, stopped and started again
with less than 15 GB free for Docker's data, begins with an empty cache. Safe to interrupt, and to start twice.`

// registryPort is where the registry is when nobody asks for another port.
const registryPort = 5000

// upFlags are the wishes that all commands take which bring the machine up.
func upFlags(set *pflag.FlagSet) (*plan.Mirror, *setup.Options) {
	mirror, options := plan.Auto, setup.Options{}
	set.Var(&mirror, "mirror", "build images here and serve them from a registry of our own")
	set.IntVar(&options.RegistryPort, "registry-port", registryPort, "port of that registry")
	set.Var(&options.Engine, "engine", "version of the Dagger engine, and of the CLI where none of it is here (default "+host.Current+", or that of your CLI)")
	set.IntVar(&options.Jobs, "jobs", 0, "programs that a compilation runs at once (0: one for each processor)")
	return &mirror, &options
}

func up(ctx context.Context, args []string) error {
	set := flags("up [flags]", upExplanation)
	mirror, options := upFlags(set)
	set.BoolVar(&options.GPUStandIn, "gpu-standin", false, "also an engine with a stand-in for a GPU, to test the passing of one where there is none")
	set.BoolVar(&options.Tests, "tests", false, "also what only the acceptance tests need: rclone, an S3 server and others; test asks for it by itself")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	began := time.Now()
	machine, err := bringUp(ctx, *mirror, *options)
	if err != nil {
		return err
	}
	fmt.Printf("ready after %s: the Dagger CLI is %s\n", time.Since(began).Round(100*time.Millisecond), machine.CLI())
	if address := machine.EngineAddress(); address != "" && machine.Plan.Engine != host.Current {
		fmt.Printf("for your own calls: export %s=%s\n", host.EngineVariable, address)
	}
	database, err := machine.ScanDatabase(ctx)
	if err != nil {
		return err
	}
	if database != "" {
		fmt.Printf("the scanner's database, for calls that `run` does not make: --set scan.database=%s\n", database)
	}
	if options.GPUStandIn && machine.Plan.Mirror {
		fmt.Printf("for the engine with the GPU stand-in: export %s=%s\n", host.EngineVariable, setup.StandInAddress)
	}
	return nil
}

// bringUp makes the machine able to run the module, one program at a time.
func bringUp(ctx context.Context, mirror plan.Mirror, options setup.Options) (*setup.Machine, error) {
	if options.RegistryPort < 1 || options.RegistryPort > 65535 {
		return nil, usageError{fmt.Errorf("--registry-port %d: want 1 to 65535", options.RegistryPort)}
	}
	root, err := repository()
	if err != nil {
		return nil, err
	}
	folder, err := state.Locate()
	if err != nil {
		return nil, err
	}
	if err := folder.Make(); err != nil {
		return nil, err
	}
	held, err := lockMachine(ctx, folder, "ci up")
	if err != nil {
		return nil, err
	}
	defer held.Release()

	machine := &setup.Machine{Folder: folder, Repository: root, Options: options}
	machine.Facts = look(ctx, folder, options.Engine.String(), host.Glance)
	if machine.Plan, err = plan.Make(machine.Facts, mirror); err != nil {
		return nil, err
	}
	for _, reason := range machine.Plan.Reasons {
		fmt.Println(reason)
	}
	goals, err := machine.Goals()
	if err != nil {
		return nil, err
	}
	screen := step.NewScreen(os.Stdout, terminal(os.Stdout))
	defer screen.Close()
	return machine, step.Bring(ctx, folder, screen, goals...)
}

// look gathers the facts, and asks the registries each time. Where images were made here these stay in use, whatever the
// registries answer: glance is how long they are waited for then.
func look(ctx context.Context, folder state.Folder, engine string, glance time.Duration) host.Facts {
	made, patience := madeHere(folder), host.Patience
	if made {
		patience = glance
	}
	facts := host.Look(ctx, folder.Path(), engine, patience)
	facts.MirrorMade = made
	return facts
}

// madeHere tells whether images were made on this machine: a registry of our own serves them, or did.
func madeHere(folder state.Folder) bool {
	return folder.Process(setup.RegistryProcess).PID != 0 || built(folder)
}

// lockMachine lets one program at a time change the machine, and says for whom it waits.
func lockMachine(ctx context.Context, folder state.Folder, purpose string) (*lock.Lock, error) {
	return lock.Acquire(ctx, folder.Path("lock"), purpose, func(holder string) {
		fmt.Printf("waiting for another program that changes this machine: %s\n", holder)
	})
}
