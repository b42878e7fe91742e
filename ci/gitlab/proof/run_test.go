//go:build gitlab

package proof

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// ran is a pipeline that came to its end.
type ran struct {
	status int
	output string
	passed []string
	failed []string
	state  string // where the program keeps logs and artifacts
}

var verdict = regexp.MustCompile(`(?m)^ +(PASS|FAIL) +(\S+)`)

// run runs the pipeline, or the named jobs alone, each in a folder of its own with what its needs hand over.
func (l local) run(t *testing.T, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	run, err := l.call(ctx, append([]string{"--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(filepath.Dir(l.root), "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(said(t, cliVariable), filepath.Join(bin, "dagger")); err != nil && !errors.Is(err, os.ErrExist) {
		t.Fatal(err)
	}
	run.Env = append(run.Env, "PATH="+bin+":"+os.Getenv("PATH"))
	var output bytes.Buffer
	run.Stdout, run.Stderr = &output, &output
	err = run.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	result := ran{status: run.ProcessState.ExitCode(), output: output.String(), state: filepath.Join(filepath.Dir(l.root), "state")}
	for _, match := range verdict.FindAllStringSubmatch(result.output, -1) {
		if match[1] == "PASS" {
			result.passed = append(result.passed, match[2])
		} else {
			result.failed = append(result.failed, match[2])
		}
	}
	slices.Sort(result.passed)
	slices.Sort(result.failed)
	return result
}

// log is what a job printed.
func (r ran) log(t *testing.T, job string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.state, "output", job+".log"))
	if err != nil {
		t.Fatalf("job %s left no log: %v\n%s", job, err, r.output)
	}
	return string(text)
}

// artifact is the path of a file that a job left to later ones.
func (r ran) artifact(job, name string) string {
	return filepath.Join(r.state, "artifacts", job, name)
}

// engineInputs tell the jobs where the engine is.
func engineInputs(t *testing.T) map[string]string {
	t.Helper()
	address, kind := said(t, engineVariable), "remote"
	if strings.HasPrefix(address, "unix://") {
		kind = "socket"
	}
	inputs := map[string]string{"module": moduleCopy(t), "engine": kind, "engine-address": address}
	if database := said(t, databaseVariable); database != "" {
		inputs["settings"] = "scan.database=" + database
	}
	return inputs
}

// moduleCopy is the module as another project has it, away from this repository's Git.
func moduleCopy(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "module")
	copyFiles(t, checkout, folder)
	return folder
}

// consumer is the pipeline of another project, by the file of ten lines that it writes: the sample project phishing. What
// differs from that file is where module and engine are on this machine.
func consumer(t *testing.T) local {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkout, "examples", "gitlab-consumer", ".gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	return local{
		root:      repository(t, "testdata/phishing", string(text)),
		component: componentProject(t),
		variables: map[string]string{
			"CI_COMMIT_REF_PROTECTED": "true", "CI_PIPELINE_IID": "7", "GITLAB_USER_LOGIN": "ana",
		},
		inputs: engineInputs(t),
	}
}

// training finds a run of the training script in a job's log.
var training = regexp.MustCompile(`withExec python3 /line/launch\.py`)

// The whole line, and the same calls from a plain shell.
func TestPipeline(t *testing.T) {
	t.Parallel()
	const password = "not-to-be-seen"
	pipeline := consumer(t)
	want := slices.Concat(checks, models)
	if database := said(t, databaseVariable); database != "" {
		registry, _, _ := strings.Cut(database, "/")
		pipeline.inputs["publish"] = "true"
		pipeline.variables["CI_REGISTRY_IMAGE"] = registry + "/tests/gitlab"
		pipeline.variables["CI_REGISTRY_USER"] = "ci"
		pipeline.variables["CI_REGISTRY_PASSWORD"] = password
		want = append(want, "publish")
	}
	pipeline.releasing(t)
	want = slices.Concat(want, release, []string{"approve"})
	slices.Sort(want)
	done := pipeline.run(t, "--manual", "approve")
	if done.status != 0 || !slices.Equal(done.passed, want) {
		t.Fatalf("status %d, passed %v, want %v\n%s", done.status, done.passed, want, done.output)
	}
	t.Run("only train trains", func(t *testing.T) {
		if !training.MatchString(done.log(t, "train")) {
			t.Error("the job train ran no training script")
		}
		for _, job := range want {
			if job != "train" && training.MatchString(done.log(t, job)) {
				t.Errorf("job %s trained again", job)
			}
		}
	})
	t.Run("jobs hand over what GitLab shows", func(t *testing.T) {
		for job, names := range map[string][]string{
			"lint":     {"out/reports/lint/lint.sarif"},
			"test":     {"out/reports/test/junit.xml", "out/reports/test/coverage.xml"},
			"scan":     {"out/reports/scan/gl-container-scanning-report.json", "out/reports/scan/sbom.cdx.json"},
			"train":    {"out/models/model/saved_model.pb", "out/models/manifest.json"},
			"evaluate": {"out/reports/evaluation.json"},
			"export":   {"out/release/model/saved_model.pb", "out/release/manifest.json", "out/release/exports/tflite/model.tflite", "out/release/model.env"},
		} {
			for _, name := range names {
				if _, err := os.Stat(done.artifact(job, name)); err != nil {
					t.Errorf("job %s: %v", job, err)
				}
			}
		}
		variables, err := os.ReadFile(done.artifact("export", "out/release/model.env"))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"MODEL_NAME=phishing\n", "MODEL_DIGEST=sha256:", "MODEL_VERSION=7\n", "MODEL_STARTED_BY=ana\n"} {
			if !strings.Contains(string(variables), line) {
				t.Errorf("model.env lacks %q: %s", line, variables)
			}
		}
	})
	t.Run("no secret is in a log or an artifact", func(t *testing.T) {
		key := strings.Split(pipeline.variables["MODEL_SIGNING_KEY"], "\n")[1]
		for what, secret := range map[string]string{"registry's password": password, "signing key": key} {
			found := exec.CommandContext(t.Context(), "grep", "--recursive", "--files-with-matches", "--fixed-strings", secret,
				filepath.Join(done.state, "output"), filepath.Join(done.state, "artifacts"))
			if names, err := found.Output(); err == nil {
				t.Errorf("the %s is in %s", what, names)
			}
		}
	})
	s := stranger(t, pipeline.root)
	t.Run("a shell gives the same", func(t *testing.T) { parity(t, done, pipeline, s) })
	t.Run("the model is in production, and no other was before it", func(t *testing.T) { inProduction(t, pipeline, s) })
	t.Run("the same model again, then another, and back", func(t *testing.T) { laterPipelines(t, pipeline, s) })
	t.Run("a gate that fails", func(t *testing.T) { failingGate(t) })
	t.Run("a job without the model", func(t *testing.T) { missingModel(t) })
}

// failingGate is the same project with a limit that its model does not reach: nothing after evaluate runs.
func failingGate(t *testing.T) {
	pipeline := consumer(t)
	settings := filepath.Join(pipeline.root, "tensorflow-ci.yaml")
	text, err := os.ReadFile(settings)
	if err != nil {
		t.Fatal(err)
	}
	strict := strings.Replace(string(text), "minimum: 0.85", "minimum: 0.999", 1)
	if strict == string(text) {
		t.Fatal("the sample project's gate has no minimum of 0.85 any more")
	}
	write(t, settings, strict)
	commit(t, pipeline.root)
	pipeline.inputs["publish"], pipeline.inputs["deploy"] = "true", "true"
	done := pipeline.run(t, "--manual", "approve")
	if done.status == 0 || !slices.Equal(done.failed, []string{"evaluate"}) {
		t.Fatalf("status %d, failed %v, want evaluate alone\n%s", done.status, done.failed, done.output)
	}
	if want := slices.Sorted(slices.Values(append(slices.Clone(checks), "train"))); !slices.Equal(done.passed, want) {
		t.Errorf("passed %v, want %v and nothing after the gate", done.passed, want)
	}
	if log := done.log(t, "evaluate"); !strings.Contains(log, "gate: accuracy") || !strings.Contains(log, "0.999") {
		t.Errorf("the log names neither the metric nor the limit:\n%s", log)
	}
	if _, err := os.Stat(done.artifact("evaluate", "out/reports/evaluation.json")); err != nil {
		t.Errorf("the report of the model that failed is not handed over: %v", err)
	}
}

// missingModel is a job whose artifacts are gone.
func missingModel(t *testing.T) {
	pipeline := consumer(t)
	done := pipeline.run(t, "evaluate")
	if log := done.log(t, "evaluate"); done.status == 0 || !strings.Contains(log, "has train run") {
		t.Errorf("status %d, want a message that asks whether train has run:\n%s", done.status, log)
	}
}

// A manual job that nobody plays stops the pipeline there. GitLab runs up to it and waits; the program here refuses the whole.
func TestManualJobIsNotPlayed(t *testing.T) {
	t.Parallel()
	pipeline := consumer(t)
	pipeline.inputs["deploy"] = "true"
	done := pipeline.run(t)
	if done.status == 0 || !strings.Contains(done.output, "approve is when:manual, its needed by canary, and not specified in --manual") {
		t.Errorf("status %d:\n%s", done.status, done.output)
	}
	if len(done.passed) > 0 {
		t.Errorf("%v ran", done.passed)
	}
}

// No engine: the job ends soon, and says where it looked and how to start one.
func TestNoEngine(t *testing.T) {
	t.Parallel()
	for kind, test := range map[string]struct{ address, says string }{
		"socket": {"unix:///run/nowhere/engine.sock", "docker run --detach --privileged"},
		"remote": {"tcp://127.0.0.1:9", "see that registry.dagger.io/engine"},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			pipeline := consumer(t)
			pipeline.inputs["engine"], pipeline.inputs["engine-address"] = kind, test.address
			done := pipeline.run(t, "lint")
			log := done.log(t, "lint")
			if done.status == 0 || !strings.Contains(log, "Dagger engine: "+test.address) || !strings.Contains(log, test.says) {
				t.Errorf("status %d:\n%s", done.status, log)
			}
			if strings.Contains(log, "reports export") {
				t.Errorf("the step itself was tried:\n%s", log)
			}
			if !strings.Contains(done.output, "FAIL 124") { // the status by which timeout says that its 25 s were over
				t.Errorf("it was not ended by its time limit:\n%s", done.output)
			}
		})
	}
}
