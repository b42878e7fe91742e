package drill

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
)

// engineDrills take away, in the middle of a run, what it runs on.
func engineDrills() []Drill {
	gone := "the engine stopped in the middle"
	var drills []Drill
	for _, at := range []phase{installing, training, exporting} {
		drills = append(drills, strike{at: at, plant: killEngine, status: 1, says: []string{gone, "ci up"}}.
			drill("engine-"+at.name, "engine killed during "+at.name))
	}
	return append(drills,
		publishDrill(),
		strike{at: training, plant: restartDaemon, status: 1, says: []string{"in the middle", "ci up"}}.
			drill("daemon", "Docker daemon restarted during train"),
		strike{at: loading, plant: stopRegistry, status: 1, says: []string{"registry", "ci up"}}.
			drill("registry", "registry gone before install"),
		strike{at: loading, plant: cutNetwork, status: 1, says: []string{"network"}}.
			drill("network", "network of the engine cut before install"),
	)
}

func docker(args ...string) proc.Command {
	return proc.Command{Args: append([]string{"docker"}, args...)}
}

// ours is why the engine here may not be killed; nil when `up` made it.
func ours(site *Site) error {
	switch {
	case os.Getenv(host.EngineVariable) != "":
		return notDone{"the engine that is used is another's (" + host.EngineVariable + ")"}
	case !site.Machine.Plan.Mirror:
		return notDone{"the engine here was not made by `up`"}
	}
	return nil
}

// killEngine kills the engine's container, as the kernel does when memory runs out; the next call brings it back.
func killEngine(ctx context.Context, site *Site, _ *started) (func(context.Context) error, error) {
	if err := ours(site); err != nil {
		return nil, err
	}
	return nil, docker("kill", site.Machine.EngineContainer()).Run(ctx, io.Discard)
}

// restartDaemon stops the Docker daemon that `up` started, and starts it again at once.
func restartDaemon(ctx context.Context, site *Site, _ *started) (func(context.Context) error, error) {
	daemon := site.Machine.Folder.Process(setup.DaemonProcess)
	if !daemon.Alive() {
		return nil, notDone{"the Docker daemon here was not started by `up`"}
	}
	if err := daemon.Stop(ctx, 2*time.Minute); err != nil {
		return nil, err
	}
	return nil, site.Machine.StartDaemon(context.WithoutCancel(ctx), io.Discard)
}

// stopRegistry stops the registry that `up` started; the next call brings it back.
func stopRegistry(ctx context.Context, site *Site, _ *started) (func(context.Context) error, error) {
	registry := site.Machine.Folder.Process(setup.RegistryProcess)
	if !registry.Alive() {
		return nil, notDone{"there is no registry here that `up` started"}
	}
	return nil, registry.Stop(ctx, 10*time.Second)
}

// cutNetwork has the machine swallow every packet that comes from the engine's container.
func cutNetwork(ctx context.Context, site *Site, _ *started) (func(context.Context) error, error) {
	if err := ours(site); err != nil {
		return nil, err
	}
	address, err := docker("container", "inspect", "--format", "{{.NetworkSettings.Networks.bridge.IPAddress}}", site.Machine.EngineContainer()).Output(ctx)
	if err == nil && address == "" {
		err = errors.New("it has none on the bridge")
	}
	if err != nil {
		return nil, fmt.Errorf("the engine's address: %w", err)
	}
	undo := func(ctx context.Context) error {
		var failed error
		for _, chain := range []string{"INPUT", "FORWARD"} {
			if err := swallow("-D", chain, address).Run(ctx, io.Discard); err != nil {
				failed = fmt.Errorf("the network stays cut: %w", err)
			}
		}
		return failed
	}
	for _, chain := range []string{"INPUT", "FORWARD"} {
		if answer, err := swallow("-I", chain, address).Output(ctx); err != nil {
			undo(context.WithoutCancel(ctx))
			return nil, notDone{strings.TrimSpace("the network cannot be cut here: " + answer + err.Error())}
		}
	}
	return undo, nil
}

// swallow inserts or deletes a rule that drops what comes from an address.
func swallow(action, chain, address string) proc.Command {
	return proc.Command{Args: []string{"iptables", "-w", "10", action, chain, "-s", address, "-m", "comment", "--comment", "tensorflow-ci drill", "-j", "DROP"}}
}
