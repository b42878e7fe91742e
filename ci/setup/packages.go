package setup

import (
	"context"
	"fmt"
	"io"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

// packages installs the Debian packages that are missing; no step when none is.
func (m *Machine) packages() []*step.Step {
	if len(m.Plan.Packages) == 0 {
		return nil
	}
	return []*step.Step{installPackages("packages", m.Plan.Packages)}
}

// installPackages installs Debian packages.
func installPackages(name string, missing []string) *step.Step {
	return &step.Step{
		Name:   name,
		What:   "Debian packages " + strings.Join(missing, ", "),
		Inputs: missing,
		Holds:  func(context.Context) bool { return false },
		Run: func(ctx context.Context, log io.Writer) error {
			for _, args := range [][]string{
				// what an interrupted installation left half-way would make the next one fail
				{"dpkg", "--configure", "-a"},
				{"apt-get", "update"},
				append([]string{"apt-get", "install", "--yes", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"}, missing...),
			} {
				command := proc.Command{Args: args, Env: []string{"DEBIAN_FRONTEND=noninteractive"}}
				err := command.Run(ctx, log)
				if err != nil && args[1] == "update" && ctx.Err() == nil {
					fmt.Fprintln(log, "going on: one broken package source need not concern these packages")
					continue
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
		Try: "`apt-get update` and `apt-get install " + strings.Join(missing, " ") + "` by hand: their words say which package source fails",
	}
}
