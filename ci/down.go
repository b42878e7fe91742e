package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

const downExplanation = `Stops what "up" started: the engine, the registry, the Docker daemon, each only if it was started by "up". Images and caches
stay, so that the next "up" takes seconds. --all also removes every image, volume, cache and file that "up" made. Debian
packages stay, and so does a Docker daemon that was here before.`

func down(ctx context.Context, args []string) error {
	set := flags("down [--all]", downExplanation)
	all := set.Bool("all", false, "also remove the images, volumes, caches and the state folder that were made")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	folder, err := state.Locate()
	if err != nil {
		return err
	}
	if _, err := os.Stat(folder.Path()); errors.Is(err, os.ErrNotExist) {
		fmt.Printf("nothing to do: there is no state in %s\n", folder.Path())
		return nil
	}
	held, err := lockMachine(ctx, folder, "ci down")
	if err != nil {
		return err
	}
	defer held.Release()
	machine := &setup.Machine{Folder: folder, Facts: host.Look(ctx, folder.Path(), "", 0)}
	if err := stopAll(ctx, machine, *all); err != nil {
		return err
	}
	if !*all {
		fmt.Println("stopped; `go run ./ci up` brings it back within seconds")
		return nil
	}
	say("removing %s", folder.Path())
	return folder.Remove()
}

// stopAll ends the services, from those that use others to those that are used.
func stopAll(ctx context.Context, machine *setup.Machine, remove bool) error {
	answers := machine.Facts.Docker.Server != ""
	if remove && !answers && machine.Facts.Programs["dockerd"] && built(machine.Folder) {
		say("starting the Docker daemon, to remove the images that it keeps")
		if err := machine.StartDaemon(ctx, io.Discard); err != nil {
			return err
		}
		answers = true
	}
	var errs []error
	if answers {
		errs = append(errs, machine.StopContainers(ctx, say))
		if remove {
			errs = append(errs, machine.RemoveMade(ctx, say))
		}
	}
	errs = append(errs,
		machine.StopProcess(ctx, setup.RegistryProcess, say),
		machine.StopProcess(ctx, setup.DaemonProcess, say))
	return errors.Join(errs...)
}

// built tells whether an image was made, which a daemon that does not run now may still have.
func built(folder state.Folder) bool {
	_, err := os.Stat(filepath.Join(folder.Path("keys"), "base"))
	return err == nil
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }
