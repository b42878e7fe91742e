package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/setup"
)

var errDaemonGone = errors.New("the Docker daemon went away in the middle: `go run ./ci up` starts it again, then repeat the command; what had finished is cached")

// engineGone says that the engine's container stopped. From v0.21 on, an engine that is killed has lost its cache.
func engineGone(machine *setup.Machine) error {
	return fmt.Errorf("the engine stopped in the middle (container %[1]s): `docker logs --tail 20 %[1]s` says why, "+
		"`go run ./ci up` starts it again, then repeat the command", machine.EngineContainer())
}

// watchMachine ends the context when what the call runs on goes, the daemon or the engine: the CLI would wait for ever.
func watchMachine(ctx context.Context, machine *setup.Machine) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	if os.Getenv(host.EngineVariable) != "" {
		return ctx, func() { cancel(nil) }
	}
	go func() {
		const often, patience = 3 * time.Second, 3
		tick := time.NewTicker(often)
		defer tick.Stop()
		began := ""
		for missed := 0; missed < patience; {
			running := setup.DockerAnswers(ctx)
			if running && machine.Plan.Mirror {
				engine, _ := host.LookContainer(ctx, machine.EngineContainer())
				if began == "" {
					began = engine.Since
				}
				running = engine.Running && engine.Since == began // an engine that was started again knows nothing of the call
			}
			if running {
				missed = 0
			} else {
				missed++
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
		cause := machineGone(ctx, machine)
		if cause == nil {
			cause = engineGone(machine)
		}
		cancel(cause)
	}()
	return ctx, func() { cancel(nil) }
}

// machineGone tells whether a call failed because what it ran on is gone; nil when that is all there.
func machineGone(ctx context.Context, machine *setup.Machine) error {
	if os.Getenv(host.EngineVariable) != "" {
		return nil
	}
	if !setup.DockerAnswers(ctx) {
		return errDaemonGone
	}
	if !machine.Plan.Mirror {
		return nil
	}
	if engine, _ := host.LookContainer(ctx, machine.EngineContainer()); !engine.Running {
		return engineGone(machine)
	}
	if !machine.Folder.Process(setup.RegistryProcess).Alive() {
		return fmt.Errorf("the registry that the engine has its images from stopped in the middle: %s says why, `go run ./ci up` starts it again", machine.Folder.Log(setup.RegistryProcess))
	}
	return nil
}
