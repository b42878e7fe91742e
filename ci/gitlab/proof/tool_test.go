//go:build gitlab

// Package proof runs GitLab pipelines on this machine by gitlab-ci-local, with a shell in the place of a runner, and on
// the real engine. `go run ./ci test --stage gitlab` runs it; it says where things are by the variables below.
//
// What a shell cannot show is left out: GitLab's own rule engine, protected environments, identity tokens, Docker in
// Docker, and how reports are shown.
package proof

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"dagger/tensorflow-ci/ci/gitlab"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

// What `ci test` says.
const (
	cliVariable      = "TENSORFLOW_CI_DAGGER"   // path of the Dagger CLI
	databaseVariable = "TENSORFLOW_CI_DATABASE" // the scanner's database; empty for the public one
	engineVariable   = "TENSORFLOW_CI_ENGINE"   // address of the engine
)

// checkout is the repository that the tests belong to.
var checkout = func() string {
	path, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		panic(err)
	}
	return path
}()

// tools are what `ci test` has installed before.
var tools = sync.OnceValues(func() (setup.GitlabTools, error) {
	folder, err := state.Locate()
	if err != nil {
		return setup.GitlabTools{}, err
	}
	return (&setup.Machine{Folder: folder, Repository: checkout}).GitlabTools(), nil
})

// said is a variable of `ci test`.
func said(t *testing.T, name string) string {
	t.Helper()
	value, found := os.LookupEnv(name)
	if !found {
		t.Fatalf("%s is not set: run this by `go run ./ci test --stage gitlab`", name)
	}
	return value
}

// Where the repositories of these tests seem to come from. The component's is fetched, by Git, from this checkout.
const (
	server       = "git@gitlab.example:"
	group        = "ml"
	componentRef = "1.0.0"
)

// repository makes a Git repository of a project: the files of a folder of this checkout, and the pipeline.
func repository(t *testing.T, folder, pipeline string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "project")
	copyFiles(t, filepath.Join(checkout, folder), root)
	if pipeline != "" {
		write(t, filepath.Join(root, gitlab.FileName), pipeline)
	}
	commit(t, root)
	command(t, root, "git", "remote", "add", "origin", server+group+"/project.git")
	command(t, root, "git", "update-ref", "refs/remotes/origin/main", "HEAD")
	command(t, root, "git", "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
	return root
}

// commit makes a repository of a folder, with all that is in it in one commit on main.
func commit(t *testing.T, root string) {
	t.Helper()
	command(t, root, "git", "init", "--quiet", "--initial-branch", "main")
	command(t, root, "git", "add", "--all", "--force")
	command(t, root, "git", "-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "--message", "test")
}

// componentProject is the project tensorflow-ci as another one sees it: the component, with a tag.
func componentProject(t *testing.T) string {
	t.Helper()
	parent := t.TempDir()
	root := filepath.Join(parent, group, "tensorflow-ci.git")
	text, err := os.ReadFile(filepath.Join(checkout, "templates", "tensorflow-ci", "template.yml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "templates", "tensorflow-ci", "template.yml"), string(text))
	commit(t, root)
	command(t, root, "git", "tag", componentRef)
	return parent
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// command runs a program that must succeed.
func command(t *testing.T, folder string, args ...string) string {
	t.Helper()
	run := exec.CommandContext(t.Context(), args[0], args[1:]...)
	run.Dir = folder
	var stderr bytes.Buffer
	run.Stderr = &stderr
	output, err := run.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(args, " "), err, output, stderr.String())
	}
	return strings.TrimSpace(string(output))
}

// local is a pipeline of one repository, as gitlab-ci-local runs it.
type local struct {
	root      string
	variables map[string]string // as GitLab would set them
	inputs    map[string]string // over those that the file says
	without   []string          // predefined variables that such a pipeline lacks
	component string            // folder that holds the component's project, for pipelines of others
}

// call is the program with its settings.
func (l local) call(ctx context.Context, args ...string) (*exec.Cmd, error) {
	tools, err := tools()
	if err != nil {
		return nil, err
	}
	line := append(tools.Local(), "--state-dir", "../state")
	line = append(line, args...)
	for name, value := range l.variables {
		line = append(line, "--variable", name+"="+value)
	}
	for name, value := range l.inputs {
		line = append(line, "--input", name+"="+value)
	}
	for _, name := range l.without {
		line = append(line, "--unset-variable", name)
	}
	run := exec.CommandContext(ctx, line[0], line[1:]...)
	run.Dir = l.root
	run.Env = append(os.Environ(), "NO_COLOR=1", "HOME="+filepath.Dir(l.root),
		"GCL_IGNORE_PREDEFINED_VARS="+strings.Join(slices.Collect(maps.Keys(l.variables)), ","))
	if l.component != "" {
		run.Env = append(run.Env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+l.component+"/.insteadOf", "GIT_CONFIG_VALUE_0=ssh://git@gitlab.example:22/")
	}
	return run, nil
}

// listed is a job as the program lists it.
type listed struct {
	Name         string
	Stage        string
	When         string
	AllowFailure bool `json:"allow_failure"`
}

// list says which job would run when.
func (l local) list(t *testing.T) map[string]listed {
	t.Helper()
	run, err := l.call(t.Context(), "--no-json-schema-validation", "--list-json")
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	run.Stderr = &stderr
	output, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, output, stderr.String())
	}
	var jobs []listed
	if err := json.Unmarshal(output, &jobs); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	byName := map[string]listed{}
	for _, job := range jobs {
		byName[job.Name] = job
	}
	return byName
}
