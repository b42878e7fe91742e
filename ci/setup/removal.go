package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/host"
)

// stopping is how long a service may take to end: dockerd stops its containers first.
const stopping = 130 * time.Second

const (
	// labelled selects the engines and volumes that `up` made, among everything that the daemon has.
	labelled = "label=" + host.Label
	// stageLabel marks the stages of a build that are no part of its result.
	stageLabel = "tensorflow-ci.stage"
)

// StopContainers stops the engines that `up` made. Their volumes and images stay.
func (m *Machine) StopContainers(ctx context.Context, say func(format string, args ...any)) error {
	return m.each(ctx, []string{"container", "ls", "--filter", labelled, "--format", "{{.Names}}"}, func(name string) error {
		say("stopping container %s", name)
		return docker("stop", "--time", engineStopping, name).Run(ctx, io.Discard)
	})
}

// StopEngine stops the engine of this machine's version, if `up` made it.
func (m *Machine) StopEngine(ctx context.Context, say func(format string, args ...any)) error {
	found, _ := host.LookContainer(ctx, m.EngineContainer())
	if !found.Running || found.Label == "" {
		return nil
	}
	say("stopping container %s", m.EngineContainer())
	return docker("stop", "--time", engineStopping, m.EngineContainer()).Run(ctx, io.Discard)
}

// RemoveMade removes the containers, volumes and images that `up` made.
func (m *Machine) RemoveMade(ctx context.Context, say func(format string, args ...any)) error {
	remove := func(kind string, list, command []string) error {
		return m.each(ctx, list, func(name string) error {
			say("removing %s %s", kind, name)
			return docker(append(command, name)...).Run(ctx, io.Discard)
		})
	}
	return errors.Join(
		remove("container", []string{"container", "ls", "--all", "--filter", labelled, "--format", "{{.Names}}"}, []string{"rm", "--force"}),
		remove("volume", []string{"volume", "ls", "--filter", labelled, "--format", "{{.Name}}"}, []string{"volume", "rm"}),
		m.removeImages(ctx, say),
	)
}

// removeImages removes the recorded images, the last one first: an image goes after those that were made from it. One
// that a user's own container or image stands on is left.
func (m *Machine) removeImages(ctx context.Context, say func(format string, args ...any)) error {
	for _, id := range slices.Backward(m.Folder.Images()) {
		tags, err := docker("image", "inspect", "--format", "{{join .RepoTags \" \"}}", id).Output(ctx)
		if err != nil {
			continue // gone already
		}
		names := strings.Fields(tags)
		if len(names) == 0 {
			names = []string{id}
		}
		for _, name := range names {
			if _, err := docker("image", "rm", name).Output(ctx); err != nil {
				say("left image %s: %v", name, err)
				continue
			}
			say("removed image %s", name)
		}
	}
	say("removing unnamed images of the builds")
	return docker("image", "prune", "--force", "--filter", "label="+stageLabel).Run(ctx, io.Discard)
}

// StopProcess stops a process that was recorded under the name, if it still is that process.
func (m *Machine) StopProcess(ctx context.Context, name string, say func(format string, args ...any)) error {
	process := m.Folder.Process(name)
	if process.Alive() {
		say("stopping %s (process %d)", name, process.PID)
		if err := process.Stop(ctx, stopping); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return m.Folder.ForgetProcess(name)
}

// each calls do with every line of a docker command's answer.
func (m *Machine) each(ctx context.Context, list []string, do func(string) error) error {
	answer, err := docker(list...).Output(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range lines(answer) {
		errs = append(errs, do(name))
	}
	return errors.Join(errs...)
}

// lines splits an answer, without empty lines.
func lines(answer string) []string {
	return strings.FieldsFunc(answer, func(r rune) bool { return r == '\n' || r == '\r' })
}
