package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/ci/gitlab"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
	"dagger/tensorflow-ci/ci/step"
	"dagger/tensorflow-ci/config"
)

const gitlabExplanation = `Writes and checks a project's .gitlab-ci.yml, which includes the component templates/tensorflow-ci.
  render    makes it say what the project's tensorflow-ci.yaml does, and leaves all else in it as it is; --check only
            says where the two differ
  validate  the same check, then the component's inputs, the rules that keep secrets to protected branches, and GitLab's
            schema, of the file as it is and with the component's jobs in it
PROJECT is the folder that holds tensorflow-ci.yaml, testdata/phishing of this checkout when none is given.`

// pipelineFile is a project with the file that is its pipeline.
type pipelineFile struct {
	path     string
	project  string // the project's folder, as the pipeline names it
	settings config.Config
}

func gitlabCommand(ctx context.Context, args []string) error {
	set := flags("gitlab render|validate [PROJECT] [flags]", gitlabExplanation)
	file := set.String("file", "", "the pipeline's file; .gitlab-ci.yml on top of the project's Git repository when none is given")
	component := set.String("component", "", "for a new file: SERVER/GROUP/PROJECT/tensorflow-ci@VERSION")
	module := set.String("module", "", "for a new file: address of the module with its version, such as https://gitlab.example.com/ml/tensorflow-ci.git@v1.0.0")
	check := set.Bool("check", false, "render: write nothing, and fail where the file differs")
	if err := parse(set, args, 2); err != nil {
		return err
	}
	what, project := set.Arg(0), set.Arg(1)
	if what != "render" && what != "validate" {
		return usageError{fmt.Errorf("ci gitlab %q: want render or validate", what)}
	}
	root, err := repository()
	if err != nil {
		return err
	}
	if project == "" {
		project = filepath.Join(root, "testdata", "phishing")
	}
	target, err := locatePipeline(ctx, project, *file)
	if err != nil {
		return err
	}
	if what == "validate" {
		return validatePipeline(ctx, root, target)
	}
	return renderPipeline(target, *component, *module, *check)
}

// locatePipeline finds the project's settings and its pipeline's file.
func locatePipeline(ctx context.Context, project, file string) (pipelineFile, error) {
	target := pipelineFile{path: file, settings: config.Default()}
	project, err := directory(project)
	if err != nil {
		return target, err
	}
	text, err := os.ReadFile(filepath.Join(project, config.FileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return target, err
	}
	if target.settings, err = config.Parse(text); err != nil {
		return target, err
	}
	top, err := proc.Command{Args: []string{"git", "-C", project, "rev-parse", "--show-toplevel"}}.Output(ctx)
	if err != nil {
		return target, fmt.Errorf("PROJECT %s is in no Git repository, and GitLab looks for %s on top of one: run `git init` there", project, gitlab.FileName)
	}
	if target.path == "" {
		target.path = filepath.Join(top, gitlab.FileName)
	}
	if project, err = filepath.EvalSymlinks(project); err != nil {
		return target, err
	}
	target.project, err = filepath.Rel(top, project)
	return target, err
}

func renderPipeline(target pipelineFile, component, module string, check bool) error {
	text, err := os.ReadFile(target.path)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	var pipeline *gitlab.Pipeline
	switch {
	case missing && check:
		return fmt.Errorf("%s is not there: `ci gitlab render` writes it", target.path)
	case missing && (component == "" || module == ""):
		return usageError{fmt.Errorf("%s is not there: say with --component and --module what a new one includes and runs", target.path)}
	case missing:
		pipeline = gitlab.New(component, module)
	default:
		if pipeline, err = gitlab.ReadPipeline(text); err != nil {
			return err
		}
	}
	if check {
		return drifted(pipeline, target)
	}
	if err := pipeline.Render(target.settings, target.project); err != nil {
		return fmt.Errorf("%s: %w", target.path, err)
	}
	rendered, err := pipeline.Text()
	if err != nil {
		return err
	}
	if string(rendered) == string(text) {
		fmt.Printf("%s says already what %s does\n", target.path, config.FileName)
		return nil
	}
	fresh := target.path + ".fresh"
	if err := os.WriteFile(fresh, rendered, 0o644); err != nil {
		return err
	}
	if err := os.Rename(fresh, target.path); err != nil {
		return err
	}
	fmt.Printf("%s is written\n", target.path)
	return nil
}

// drifted fails where the pipeline says something else than the settings do.
func drifted(pipeline *gitlab.Pipeline, target pipelineFile) error {
	drift, err := pipeline.Drift(target.settings, target.project)
	if err != nil {
		return fmt.Errorf("%s: %w", target.path, err)
	}
	if len(drift) > 0 {
		return fmt.Errorf("%s has drifted from %s; `ci gitlab render` mends it:\n  %s", target.path, config.FileName, strings.Join(drift, "\n  "))
	}
	return nil
}

func validatePipeline(ctx context.Context, root string, target pipelineFile) error {
	text, err := os.ReadFile(target.path)
	if err != nil {
		return fmt.Errorf("the pipeline cannot be read: %w; `ci gitlab render` writes one", err)
	}
	pipeline, err := gitlab.ReadPipeline(text)
	if err != nil {
		return err
	}
	component, err := ownTemplate(root)
	if err != nil {
		return err
	}
	expanded, err := pipeline.Expand(component)
	if err != nil {
		return fmt.Errorf("%s: %w", target.path, err)
	}
	if err := drifted(pipeline, target); err != nil {
		return err
	}
	if err := promised(pipeline, component); err != nil {
		return fmt.Errorf("%s: %w", target.path, err)
	}
	return checkSchema(ctx, root, target.path, expanded)
}

// ownTemplate is the component of this checkout.
func ownTemplate(root string) (*gitlab.Component, error) {
	text, err := os.ReadFile(filepath.Join(root, "templates", "tensorflow-ci", "template.yml"))
	if err != nil {
		return nil, err
	}
	return gitlab.ReadComponent(text)
}

// promised fails where the jobs of the component, as the pipeline changes them, break a promise.
func promised(pipeline *gitlab.Pipeline, component *gitlab.Component) error {
	jobs, err := pipeline.ComponentJobs(component)
	if err != nil {
		return err
	}
	if problems := gitlab.Problems(jobs); len(problems) > 0 {
		return errors.New(strings.Join(problems, "\n"))
	}
	return nil
}

// checkSchema asks check-jsonschema about the file and the expanded pipeline.
func checkSchema(ctx context.Context, root, path string, expanded *yaml.Node) error {
	tools, err := bringGitlabTools(ctx, root)
	if err != nil {
		return err
	}
	text, err := gitlab.Text(expanded)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "gitlab")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	whole := filepath.Join(folder, "expanded.yml")
	if err := os.WriteFile(whole, text, 0o644); err != nil {
		return err
	}
	for _, file := range []struct{ what, path string }{{path, path}, {path + " with the component's jobs in it", whole}} {
		var said strings.Builder
		if err := tools.CheckSchema(file.path).RunApart(ctx, &said, &said); err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fmt.Errorf("%s is no pipeline by GitLab's schema:\n%s", file.what, strings.TrimSpace(said.String()))
		}
		fmt.Printf("%s: a pipeline by GitLab's schema\n", file.what)
	}
	return nil
}

// bringGitlabTools installs the tools where they are missing.
func bringGitlabTools(ctx context.Context, root string) (setup.GitlabTools, error) {
	folder, err := state.Locate()
	if err != nil {
		return setup.GitlabTools{}, err
	}
	if err := folder.Make(); err != nil {
		return setup.GitlabTools{}, err
	}
	held, err := lockMachine(ctx, folder, "ci gitlab")
	if err != nil {
		return setup.GitlabTools{}, err
	}
	defer held.Release()
	machine := &setup.Machine{Folder: folder, Repository: root}
	goals, err := machine.GitlabToolGoals()
	if err != nil {
		return setup.GitlabTools{}, err
	}
	screen := step.NewScreen(os.Stdout, terminal(os.Stdout))
	defer screen.Close()
	return machine.GitlabTools(), step.Bring(ctx, folder, screen, goals...)
}
