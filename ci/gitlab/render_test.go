package gitlab

import (
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/config"
)

const consumer = `# Ours.
stages: [test, deploy]
include:
  - local: other.yml
  - component: $CI_SERVER_FQDN/ml/tensorflow-ci/tensorflow-ci@1.0.0
    inputs:
      module: https://gitlab.example.com/ml/tensorflow-ci.git@v1.0.0 # the release that we tried
      model: phishing
      train-timeout: 90 minutes
      runner-tags: [ours]
docs:
  script: [make docs]
`

func read(t *testing.T, text string) *Pipeline {
	t.Helper()
	pipeline, err := ReadPipeline([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return pipeline
}

func settings(change func(*config.Config)) config.Config {
	settings := config.Default()
	settings.Model = "phishing"
	if change != nil {
		change(&settings)
	}
	return settings
}

func TestDrift(t *testing.T) {
	for name, test := range map[string]struct {
		settings config.Config
		project  string
		says     string
	}{
		"none":         {settings(nil), ".", ""},
		"another name": {settings(func(c *config.Config) { c.Model = "digits" }), ".", "inputs.model is phishing, tensorflow-ci.yaml wants digits"},
		"longer":       {settings(func(c *config.Config) { c.Train.TimeLimit = 90 * time.Minute }), ".", "inputs.train-timeout is 90 minutes, tensorflow-ci.yaml wants 120 minutes"},
		"GPUs":         {settings(func(c *config.Config) { c.Train.GPUs = "all" }), ".", "inputs.gpus is missing, tensorflow-ci.yaml wants all"},
		"a lock":       {settings(func(c *config.Config) { c.ImageLock = "images.json" }), ".", "inputs.images is missing, tensorflow-ci.yaml wants images.json"},
		"a store":      {settings(func(c *config.Config) { c.Release.Store = "s3://m" }), ".", "inputs.store is missing, tensorflow-ci.yaml wants s3://m"},
		"a folder":     {settings(nil), "ml", "inputs.project is missing, tensorflow-ci.yaml wants ml"},
	} {
		drift, err := read(t, consumer).Drift(test.settings, test.project)
		if err != nil {
			t.Fatal(err)
		}
		if said := strings.Join(drift, "\n"); test.says == "" && said != "" || !strings.Contains(said, test.says) {
			t.Errorf("%s: %q, want %q", name, said, test.says)
		}
		pipeline := read(t, consumer)
		if err := pipeline.Render(test.settings, test.project); err != nil {
			t.Fatal(err)
		}
		if drift, err := pipeline.Drift(test.settings, test.project); err != nil || len(drift) > 0 {
			t.Errorf("%s: after rendering still %q (%v)", name, drift, err)
		}
	}
}

func TestRenderKeepsWhatPeopleWrote(t *testing.T) {
	pipeline := read(t, consumer)
	if err := pipeline.Render(settings(func(c *config.Config) { c.Release.Store = "s3://m" }), "."); err != nil {
		t.Fatal(err)
	}
	text, err := pipeline.Text()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# Ours.", "local: other.yml", "# the release that we tried", "runner-tags: [ours]", "make docs", "deploy: true", "store: s3://m"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if err := pipeline.Render(settings(nil), "."); err != nil {
		t.Fatal(err)
	}
	if text, _ = pipeline.Text(); strings.Contains(string(text), "s3://") || strings.Contains(string(text), "deploy: true") {
		t.Errorf("nothing is released any more, but:\n%s", text)
	}
	again := read(t, string(text))
	if err := again.Render(settings(nil), "."); err != nil {
		t.Fatal(err)
	}
	if same, _ := again.Text(); string(same) != string(text) {
		t.Errorf("a second rendering gives another text:\n%s\nthen\n%s", text, same)
	}
}

func TestNewPipelineExpands(t *testing.T) {
	pipeline := New("$CI_SERVER_FQDN/ml/tensorflow-ci/tensorflow-ci@1.0.0", "https://gitlab.example.com/ml/tensorflow-ci.git@v1.0.0")
	if err := pipeline.Render(settings(nil), "."); err != nil {
		t.Fatal(err)
	}
	text, err := pipeline.Text()
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > 10 {
		t.Errorf("%d lines, want 10 at most:\n%s", lines, text)
	}
	if _, err := read(t, string(text)).Expand(template(t)); err != nil {
		t.Error(err)
	}
}

func TestRefusesPipelines(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"another component": {"include: [{component: x/y/z@1}]\n", "does not include the component"},
		"no include":        {"a: {script: [b]}\n", "does not include the component"},
		"no module":         {"include: [{component: x/y/tensorflow-ci@1, inputs: {model: m}}]\n", "inputs.module is missing"},
		"two, none for it":  {"include:\n  - {component: x/tensorflow-ci@1, inputs: {project: a}}\n  - {component: x/tensorflow-ci@1, inputs: {project: b}}\n", "none is for the project ."},
	} {
		if err := read(t, test.text).Render(settings(nil), "."); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
	for name, text := range map[string]string{"empty": "", "a list": "[]\n", "broken": "a: [\n"} {
		if _, err := ReadPipeline([]byte(text)); err == nil {
			t.Errorf("%s: was accepted", name)
		}
	}
}

func TestJobsRefuse(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"a parent that is not there": {"a: {extends: .b, script: [x]}\n", "job a extends .b, which there is not"},
		"a circle":                   {"a: {extends: b}\nb: {extends: a}\n", "extends itself: "},
		"no jobs":                    {".a: {script: [x]}\nstages: [test]\n", "no jobs"},
	} {
		if _, err := Jobs(read(t, test.text).root); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

// What extends says is merged as GitLab does it: mappings by key, lists as a whole, the nearest last.
func TestJobsInherit(t *testing.T) {
	all, err := Jobs(read(t, `
.far: {tags: [far], rules: [{if: a}, {if: b}], environment: {name: x, url: y}}
.near: {extends: .far, tags: [near]}
job: {extends: [.near], script: only, environment: {name: z}, needs: [p, {job: q, optional: true}]}
`).root)
	if err != nil {
		t.Fatal(err)
	}
	job := all[0]
	if job.Tags[0] != "near" || len(job.Rules) != 2 || len(job.Script) != 1 || len(job.Environment.Content) != 4 ||
		job.Needs[0].Job != "p" || !job.Needs[1].Optional {
		t.Errorf("got %+v", job)
	}
}
