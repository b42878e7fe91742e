package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

// Names under which the detached processes are recorded.
const (
	DaemonProcess   = "dockerd"
	RegistryProcess = "docker-registry"
)

// dockerPID is where dockerd keeps its process id, and refuses to start when another process has that id.
const dockerPID = "/var/run/docker.pid"

// daemon starts a Docker daemon that outlives this program; no step where one answers already.
func (m *Machine) daemon(packages []*step.Step) []*step.Step {
	if !m.Plan.Daemon {
		return nil
	}
	return []*step.Step{{
		Name:  "docker",
		What:  "Docker daemon, started by hand",
		Needs: packages,
		Holds: DockerAnswers,
		Run: func(ctx context.Context, log io.Writer) error {
			if DockerAnswers(ctx) {
				return nil
			}
			return m.StartDaemon(ctx, log)
		},
		Try: "`dockerd` in another shell: its first error says what the machine refuses (often: not root, no cgroups, no iptables)",
	}}
}

// StartDaemon starts dockerd detached, records it and waits until it answers.
func (m *Machine) StartDaemon(ctx context.Context, log io.Writer) error {
	if err := removeStalePID(dockerPID, "dockerd"); err != nil {
		return err
	}
	// an engine that the daemon stops has to write its cache down
	command := proc.Command{Args: []string{"dockerd", "--shutdown-timeout", "120"}}
	return m.serve(ctx, log, DaemonProcess, command, time.Minute, DockerAnswers)
}

// serve starts a service detached, records it, and waits until it answers; one that ends or stays silent is an error.
func (m *Machine) serve(ctx context.Context, log io.Writer, name string, command proc.Command, patience time.Duration, answers func(context.Context) bool) error {
	output := m.Folder.Log(name)
	fmt.Fprintf(log, "$ %s   (detached, its output: %s)\n", strings.Join(command.Args, " "), output)
	process, err := command.Detach(output)
	if err != nil {
		return err
	}
	if err := m.Folder.SetProcess(name, process); err != nil {
		return errors.Join(err, process.Stop(ctx, time.Second))
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("%s does not answer after %.0f s; its log: %s", name, patience.Seconds(), output))
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !answers(ctx) {
		if !process.Alive() {
			return fmt.Errorf("%s ended at once: %s", name, lastWords(output))
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
	return nil
}

// DockerAnswers tells whether a Docker daemon can be worked with.
func DockerAnswers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	version, err := docker("version", "--format", "{{.Server.Version}}").Output(ctx)
	return err == nil && version != ""
}

// removeStalePID removes a pid file whose process is gone, or whose id another program has by now.
func removeStalePID(path, program string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		_, err = proc.Of(pid) // one that has ended and is not yet collected still has a name
	}
	if err == nil {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err == nil && strings.TrimSpace(string(name)) == program {
			return nil
		}
	}
	return os.Remove(path)
}

// lastWords is the last line of a service's log.
func lastWords(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return "it left no log"
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}
