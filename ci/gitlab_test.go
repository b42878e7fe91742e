package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const rendered = "include:\n  - component: x/ml/tensorflow-ci/tensorflow-ci@1\n    inputs:\n      module: .\n      model: m\n      train-timeout: 90 minutes\n"

// gitRepository makes one whose folder ml is a project.
func gitRepository(t *testing.T, pipeline string) string {
	t.Helper()
	root := t.TempDir()
	if output, err := exec.Command("git", "init", "--quiet", root).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	files := map[string]string{"tensorflow-ci.yaml": "version: 1\nmodel: m\n", "ml/tensorflow-ci.yaml": "version: 1\nmodel: other\n"}
	if pipeline != "" {
		files[".gitlab-ci.yml"] = pipeline
	}
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestGitlabRender(t *testing.T) {
	root := gitRepository(t, "")
	render := func(args ...string) error {
		return dispatch(t.Context(), append([]string{"gitlab", "render"}, args...))
	}
	if err := render(root, "--check"); err == nil || !strings.Contains(err.Error(), "is not there") {
		t.Errorf("no file, --check: %v", err)
	}
	if err := render(root); err == nil || !strings.Contains(err.Error(), "--component and --module") {
		t.Errorf("no file: %v", err)
	}
	if err := render(root, "--component", "x/ml/tensorflow-ci/tensorflow-ci@1", "--module", "."); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, ".gitlab-ci.yml"))
	if err != nil || !strings.HasSuffix(string(text), rendered) {
		t.Errorf("%v: wrote\n%s", err, text)
	}
	if err := render(root, "--check"); err != nil {
		t.Errorf("what was rendered has drifted: %v", err)
	}
	err = render(filepath.Join(root, "ml"), "--check")
	for _, want := range []string{"inputs.model is m, tensorflow-ci.yaml wants other", "inputs.project is missing, tensorflow-ci.yaml wants ml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("another project: %v, want %q", err, want)
		}
	}
}

// All that validate refuses before it asks the tool about the schema.
func TestGitlabValidateRefuses(t *testing.T) {
	for name, test := range map[string]struct{ pipeline, says string }{
		"no file":          {"", "cannot be read"},
		"no YAML":          {"a: [\n", ".gitlab-ci.yml: yaml"},
		"no component":     {"a: {script: [b]}\n", "does not include the component"},
		"an unknown input": {rendered + "      gpu: all\n", "inputs.gpu is unknown"},
		"a wrong type":     {rendered + "      deploy: maybe\n", "inputs.deploy is maybe, which is no boolean"},
		"drift":            {strings.Replace(rendered, "model: m", "model: n", 1), "has drifted"},
		"a secret for anybody": {rendered + "sign: {rules: [{if: $CI_COMMIT_BRANCH}]}\n",
			`job sign: it holds secrets or an environment, and its rule "$CI_COMMIT_BRANCH" does not ask for`},
		"a job that trains again": {rendered + "evaluate: {script: [dagger --progress=plain call -m . train evaluate check]}\n", "job evaluate: script: only train trains"},
		"a cache":                 {rendered + "export: {cache: {paths: [x]}}\n", "job export: it has a cache"},
	} {
		err := dispatch(t.Context(), []string{"gitlab", "validate", gitRepository(t, test.pipeline)})
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestGitlabOutsideOfGit(t *testing.T) {
	err := dispatch(t.Context(), []string{"gitlab", "render", t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "is in no Git repository") {
		t.Errorf("got %v", err)
	}
}
