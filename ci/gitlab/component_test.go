package gitlab

import (
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/ci/host"
)

// template is the component of this repository.
func template(t *testing.T) *Component {
	t.Helper()
	text, err := os.ReadFile("../../templates/tensorflow-ci/template.yml")
	if err != nil {
		t.Fatal(err)
	}
	component, err := ReadComponent(text)
	if err != nil {
		t.Fatal(err)
	}
	return component
}

// values reads inputs as a pipeline writes them.
func values(t *testing.T, text string) map[string]*yaml.Node {
	t.Helper()
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Content) == 0 {
		return nil
	}
	return pairs(document.Content[0])
}

func TestExpandRefusesInputs(t *testing.T) {
	component := template(t)
	for name, test := range map[string]struct{ inputs, says string }{
		"nothing said":        {``, "inputs.model is missing"},
		"both that are asked": {``, "inputs.module is missing"},
		"unknown input":       {`{module: ., model: m, gpu: all}`, "inputs.gpu is unknown: want some of module, model"},
		"no boolean":          {`{module: ., model: m, deploy: maybe}`, "inputs.deploy is maybe, which is no boolean"},
		"a boolean in quotes": {`{module: ., model: m, deploy: "true"}`, "inputs.deploy is true, which is no boolean"},
		"no number":           {`{module: ., model: m, canary-percent: ten}`, "inputs.canary-percent is ten, which is no number"},
		"no list":             {`{module: ., model: m, runner-tags: dagger}`, "inputs.runner-tags is dagger, which is no array"},
		"a list for a text":   {`{module: ., model: [m]}`, "inputs.model is [m], which is no string"},
		"a number for a text": {`{module: ., model: 7}`, "inputs.model is 7, which is no string"},
		"unknown engine":      {`{module: ., model: m, engine: podman}`, `inputs.engine is "podman": want one of socket, dind, remote`},
		"a command in a name": {`{module: ., model: 'm"; curl x | sh; "'}`, "inputs.model is"},
		"a command in a ref":  {`{module: '$(curl x)', model: m}`, "inputs.module is"},
		"an address of no use": {`{module: ., model: m, engine-address: /run/dagger/engine.sock}`,
			`inputs.engine-address is "/run/dagger/engine.sock": want what matches ^(unix|tcp|tls`},
	} {
		_, err := component.Expand(values(t, test.inputs))
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestReadComponentRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"empty":            {"", "spec"},
		"no jobs":          {"spec: {inputs: {}}\n", "jobs"},
		"three documents":  {"spec: {inputs: {}}\n---\na: 1\n---\nb: 2\n", "more than two documents"},
		"a wrong default":  {"spec: {inputs: {n: {type: number, default: x}}}\n---\na: 1\n", "its own default is x, which is no number"},
		"a wrong pattern":  {"spec: {inputs: {n: {regex: '('}}}\n---\na: 1\n", "input n: error parsing regexp"},
		"a broken mapping": {"spec: {inputs: {n: []}}\n---\na: 1\n", "input n"},
	} {
		if _, err := ReadComponent([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestExpandKeepsTypes(t *testing.T) {
	component, err := ReadComponent([]byte(`spec:
  inputs:
    name: {}
    tags: {type: array, default: [a, b]}
    percent: {type: number, default: 5}
    on: {type: boolean, default: false}
---
"$[[ inputs.name ]]-job":
  tags: $[[ inputs.tags ]]
  script:
    - run "$[[ inputs.name ]]" --percent $[[inputs.percent]] "${$[[ inputs.name ]]}"
  allow_failure: $[[ inputs.on ]]
  rules: [{if: '"$[[ inputs.on ]]" == "true"'}]
`))
	if err != nil {
		t.Fatal(err)
	}
	expanded, err := component.Expand(values(t, "{name: x, tags: [c]}"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := yaml.Marshal(expanded)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"x-job", "tags: [c]", `run "x" --percent 5 "${x}"`, "allow_failure: false", `"false" == "true"`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("lacks %q:\n%s", want, got)
		}
	}
}

func TestExpandRefusesPlaceholders(t *testing.T) {
	for name, test := range map[string]struct{ body, says string }{
		"an input that is not there": {"a: $[[ inputs.gone ]]", "$[[ inputs.gone ]] names no input"},
		"a function":                 {"a: $[[ inputs.n | expand_vars ]]", "names no input"},
		"a list in a text":           {"a: x $[[ inputs.l ]]", "a list cannot be part of a text"},
	} {
		component, err := ReadComponent([]byte("spec: {inputs: {n: {default: x}, l: {type: array, default: [1]}}}\n---\n" + test.body + "\n"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := component.Expand(nil); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

// The CLI of the jobs is the one that the module is made for.
func TestVersionIsPinned(t *testing.T) {
	for _, input := range template(t).Inputs {
		if input.Name == "cli-image" && strings.HasSuffix(input.Default.Value, ":"+host.Current) {
			return
		}
	}
	t.Errorf("the input cli-image does not name version %s", host.Current)
}
