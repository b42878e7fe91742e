package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// python: the example of a Python caller, as its user runs it, in a session of its own inside a container.
func (t *Tests) python() []check {
	return []check{
		{"python/the example ships the model of dagger call", func(ctx context.Context) error {
			ran := t.shipped(t.Phishing, "/project")
			if err := endedWell(ctx, ran); err != nil {
				return err
			}
			summary, err := ran.File("/shipped/summary.txt").Contents(ctx)
			if err != nil {
				return err
			}
			digest, err := line(t.Phishing).Train().Digest(ctx)
			if err != nil {
				return err
			}
			if !strings.Contains(summary, "model "+digest+"\n") {
				return fmt.Errorf("the example made %q, want the model %s", summary, digest)
			}
			bytes, err := ran.File("/shipped/model.tflite").Size(ctx)
			if err == nil && bytes < 1000 {
				err = fmt.Errorf("model.tflite has %d bytes", bytes)
			}
			return err
		}},
		{"python/a failing test stops the example in the line's words", func(ctx context.Context) error {
			ran := t.shipped(tiny().WithNewFile("tests/test_tiny.py", "def test_no(): assert 1 == 2\n"), "/project")
			code, err := ran.ExitCode(ctx)
			if err != nil {
				return err
			}
			said, err := ran.Stderr(ctx)
			if err != nil {
				return err
			}
			if code != 1 || !strings.Contains(said, "error: ") || !strings.Contains(said, "test_no") || strings.Contains(said, "Traceback") {
				return fmt.Errorf("the example ended with %d: %s", code, said)
			}
			present, err := ran.Directory("/").Exists(ctx, "shipped")
			if err == nil && present {
				err = fmt.Errorf("the example left a result")
			}
			return err
		}},
		{"python/a project that is not there is named, without Python's stack", func(ctx context.Context) error {
			ran := t.shipped(tiny(), "/mistyped")
			code, err := ran.ExitCode(ctx)
			if err != nil {
				return err
			}
			said, err := ran.Stderr(ctx)
			if err == nil && (code != 1 || !strings.Contains(said, "error: ") || !strings.Contains(said, "/mistyped") || strings.Contains(said, "Traceback")) {
				err = fmt.Errorf("the example ended with %d: %s", code, said)
			}
			return err
		}},
	}
}

// shipped runs the example beside a project in /project, with the folder that its user names, however it ends.
func (t *Tests) shipped(project *dagger.Directory, folder string) *dagger.Container {
	return dag.Container().From("tensorflow/tensorflow:2.16.2").
		WithEnvVariable("PIP_CERT", certificates).
		WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
		WithFile("/requirements.txt", t.Checkout.File("examples/python/requirements.txt")).
		WithExec([]string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--target", "/packages", "--require-hashes", "--requirement", "/requirements.txt"}).
		WithEnvVariable("PYTHONPATH", "/packages").
		WithMountedDirectory("/checkout", t.Checkout).
		WithMountedDirectory("/project", project).
		WithExec([]string{"python3", "/checkout/examples/python/line.py", "--project", folder, "--out", "/shipped"},
			dagger.ContainerWithExecOpts{ExperimentalPrivilegedNesting: true, Expect: dagger.ReturnTypeAny})
}
