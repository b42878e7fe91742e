//go:build gitlab

package proof

import (
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/ci/gitlab"
)

// refs are the pipelines that GitLab makes, by the variables that it sets.
var refs = map[string]local{
	"protected main":   {variables: map[string]string{"CI_COMMIT_REF_PROTECTED": "true"}},
	"unprotected main": {variables: map[string]string{"CI_COMMIT_REF_PROTECTED": "false"}},
	"feature branch": {variables: map[string]string{
		"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_BRANCH": "feature", "CI_COMMIT_REF_NAME": "feature",
	}},
	"feature branch with a request": {variables: map[string]string{
		"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_BRANCH": "feature", "CI_OPEN_MERGE_REQUESTS": "ml/project!1",
	}},
	"merge request": {
		variables: map[string]string{
			"CI_COMMIT_REF_PROTECTED": "false", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "1",
			"CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED": "false", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1217",
		},
		without: []string{"CI_COMMIT_BRANCH"},
	},
	// GitLab can be told to call the pipeline of a request between protected branches protected.
	"merge request called protected": {
		variables: map[string]string{
			"CI_COMMIT_REF_PROTECTED": "true", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "1",
			"CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED": "true", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "1217",
		},
		without: []string{"CI_COMMIT_BRANCH"},
	},
	"merge request of a fork": {
		variables: map[string]string{
			"CI_COMMIT_REF_PROTECTED": "false", "CI_PIPELINE_SOURCE": "merge_request_event", "CI_MERGE_REQUEST_IID": "1",
			"CI_MERGE_REQUEST_SOURCE_BRANCH_PROTECTED": "true", "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99",
		},
		without: []string{"CI_COMMIT_BRANCH"},
	},
	"protected branch with a request": {variables: map[string]string{
		"CI_COMMIT_REF_PROTECTED": "true", "CI_OPEN_MERGE_REQUESTS": "ml/project!1",
	}},
	"tag": {
		variables: map[string]string{"CI_COMMIT_REF_PROTECTED": "false", "CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1"},
		without:   []string{"CI_COMMIT_BRANCH"},
	},
	"protected tag": {
		variables: map[string]string{"CI_COMMIT_REF_PROTECTED": "true", "CI_COMMIT_TAG": "v1", "CI_COMMIT_REF_NAME": "v1"},
		without:   []string{"CI_COMMIT_BRANCH"},
	},
	"schedule on protected main": {variables: map[string]string{"CI_COMMIT_REF_PROTECTED": "true", "CI_PIPELINE_SOURCE": "schedule"}},
}

// jobsOf are the jobs by what decides when they run.
var (
	checks  = []string{"lint", "test", "scan"}
	models  = []string{"train", "evaluate", "export"}
	release = []string{"sign", "push", "deploy-test", "canary", "promote"}
	manual  = []string{"approve", "rollback"}
	every   = slices.Concat(checks, models, release, manual, []string{"publish"})
)

// Which job runs when, for each kind of pipeline.
func TestRules(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(checkout, "examples", "gitlab-consumer", ".gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	root, component := repository(t, "ci/gitlab/tools", string(text)), componentProject(t)
	all := slices.Concat(checks, models)
	for name, want := range map[string][]string{
		"protected main":                  all,
		"unprotected main":                checks,
		"feature branch":                  checks,
		"feature branch with a request":   nil, // the request's pipeline runs them
		"merge request":                   checks,
		"merge request called protected":  nil, // the branch's pipeline runs them
		"merge request of a fork":         checks,
		"protected branch with a request": all,
		"tag":                             checks,
		"protected tag":                   all,
		"schedule on protected main":      all,
	} {
		for _, released := range []bool{false, true} {
			pipeline := refs[name]
			pipeline.root, pipeline.component = root, component
			pipeline.inputs = map[string]string{}
			wanted := map[string]string{}
			for _, job := range every {
				wanted[job] = "never"
			}
			for _, job := range want {
				wanted[job] = "on_success"
			}
			if released {
				pipeline.inputs = map[string]string{"deploy": "true", "publish": "true", "store": "s3://models"}
				if slices.Contains(want, "train") {
					for _, job := range append(release, "publish") {
						wanted[job] = "on_success"
					}
					for _, job := range manual {
						wanted[job] = "manual"
					}
				}
			}
			got := map[string]string{}
			for job, is := range pipeline.list(t) {
				got[job] = is.When
				if blocks := !is.AllowFailure; is.When == "manual" && blocks != (job == "approve") {
					t.Errorf("%s: the manual job %s lets the pipeline wait: %t", name, job, blocks)
				}
			}
			if !maps.Equal(got, wanted) {
				t.Errorf("%s, release %t:\n got %v\nwant %v", name, released, got, wanted)
			}
		}
	}
	if len(refs) != 11 {
		t.Errorf("%d kinds of pipeline, 11 are in the table", len(refs))
	}
}

// The repository's own pipeline includes the component of the commit that runs, and proves the repository once for each change.
func TestOwnPipeline(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(checkout, ".gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	root := repository(t, "templates", string(text))
	template, err := os.ReadFile(filepath.Join(root, "tensorflow-ci", "template.yml"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(root, "templates", "tensorflow-ci", "template.yml"), string(template))
	commit(t, root)
	for name, runs := range map[string]bool{"protected main": true, "feature branch": true, "merge request": true, "tag": true} {
		pipeline := refs[name]
		pipeline.root = root
		jobs := pipeline.list(t)
		if _, found := jobs["lint"]; !found {
			t.Errorf("%s: the component is not included: %v", name, jobs)
		}
		if proves := jobs["proof"].When == "on_success"; proves != runs {
			t.Errorf("%s: the job proof runs: %t", name, proves)
		}
	}
}

// What GitLab refuses is refused here too, and by words that name the input.
func TestInputsAreRefused(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(checkout, "examples", "gitlab-consumer", ".gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	root, component := repository(t, "ci/gitlab/tools", string(text)), componentProject(t)
	for input, says := range map[string]string{
		"deploy=maybe":         "`deploy` input: provided value is not a boolean",
		"canary-percent=ten":   "`canary-percent` input: provided value is not a number",
		`runner-tags="dagger"`: "`runner-tags` input: provided value is not a array",
		"engine=podman":        "`engine` input: `podman` cannot be used because it is not in the list of allowed options",
		`model="m; reboot"`:    "`model` input: `m; reboot` does not match required regex",
	} {
		name, value, _ := strings.Cut(input, "=")
		pipeline := local{root: root, component: component, inputs: map[string]string{name: value}}
		run, err := pipeline.call(t.Context(), "--list-json")
		if err != nil {
			t.Fatal(err)
		}
		output, err := run.CombinedOutput()
		if err == nil || !strings.Contains(string(output), says) {
			t.Errorf("%s: %v, want %q in\n%s", input, err, says, output)
		}
	}
}

// What package gitlab makes of the component is what gitlab-ci-local makes of it.
func TestExpansionIsTheSame(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(checkout, "examples", "gitlab-consumer", ".gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile(filepath.Join(checkout, "templates", "tensorflow-ci", "template.yml"))
	if err != nil {
		t.Fatal(err)
	}
	component, err := gitlab.ReadComponent(template)
	if err != nil {
		t.Fatal(err)
	}
	pipeline, err := gitlab.ReadPipeline(text)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := pipeline.ComponentJobs(component)
	if err != nil {
		t.Fatal(err)
	}
	run, err := local{root: repository(t, "ci/gitlab/tools", string(text)), component: componentProject(t)}.call(t.Context(), "--preview")
	if err != nil {
		t.Fatal(err)
	}
	preview, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(preview, &document); err != nil {
		t.Fatal(err)
	}
	theirs, err := gitlab.Jobs(document.Content[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(theirs) {
		t.Fatalf("%d jobs here, %d there", len(ours), len(theirs))
	}
	for at := range ours {
		for what, pair := range map[string][2]any{
			"name":          {ours[at].Name, theirs[at].Name},
			"script":        {ours[at].Script, theirs[at].Script},
			"before_script": {ours[at].BeforeScript, theirs[at].BeforeScript},
			"rules":         {ours[at].Rules, theirs[at].Rules},
			"tags":          {ours[at].Tags, theirs[at].Tags},
			"needs":         {ours[at].Needs, theirs[at].Needs},
			"stage":         {ours[at].Stage, theirs[at].Stage},
		} {
			if !reflect.DeepEqual(pair[0], pair[1]) {
				t.Errorf("job %s: %s here %q, there %q", ours[at].Name, what, pair[0], pair[1])
			}
		}
	}
}
