//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

// TestTwoFreshEngines trains a network of convolutions on two engines that have nothing in their caches, one with a single
// core and one with all of them, from two folders: the models must be equal. The engines and what they keep are removed.
func TestTwoFreshEngines(t *testing.T) {
	succeed(t, "up")
	digests := map[string]string{}
	for _, name := range []string{"one-core", "all-cores"} {
		folder := filepath.Join(t.TempDir(), name)
		if err := os.CopyFS(folder, os.DirFS(filepath.Join(checkout, "testdata", "digits"))); err != nil {
			t.Fatal(err)
		}
		cores := fmt.Sprintf("0-%d", runtime.NumCPU()-1)
		if name == "one-core" {
			cores = "0"
			pin(t, filepath.Join(folder, "train.py"))
		}
		digests[name] = digestOn(t, freshEngine(t, name, cores), folder)
	}
	if digests["one-core"] != digests["all-cores"] || !strings.HasPrefix(digests["one-core"], "sha256:") {
		t.Errorf("two fresh engines made other models of the same inputs: %v", digests)
	}
}

// pin makes a training script run on one core: the containers of an engine that is given the machine's own control groups,
// as it is where the machine lacks a capability, are not held by the engine's own cpuset.
func pin(t *testing.T, script string) {
	t.Helper()
	code, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	const after = "from __future__ import annotations\n"
	pinned := strings.Replace(string(code), after, after+"\nimport os\n\nos.sched_setaffinity(0, {0})\n", 1)
	if pinned == string(code) {
		t.Fatalf("%s has no line %q", script, after)
	}
	if err := os.WriteFile(script, []byte(pinned), 0o644); err != nil {
		t.Fatal(err)
	}
}

// digestOn trains the project on an engine and gives the model's canonical digest.
func digestOn(t *testing.T, engine, project string) string {
	t.Helper()
	var log, answer strings.Builder
	call := dagger.Call{
		CLI: builtCLI(t), Module: checkout, Out: &answer,
		Args: []string{"--source", project, "--set", "train.args.epochs=1", "train", "digest"},
		Env:  []string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST=container://" + engine},
	}
	if err := call.Run(t.Context(), &log, func(string) {}); err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	return strings.TrimSpace(answer.String())
}

// builtCLI is the Dagger CLI that `up` built, or the one that the machine had before.
func builtCLI(t *testing.T) string {
	t.Helper()
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	cli := folder.Path("bin", host.Current, "dagger")
	if _, err := os.Stat(cli); err != nil {
		return "dagger"
	}
	return cli
}

// freshEngine starts an engine that is made as the machine's own is, but keeps what it has in a volume of its own; it gives
// the container's name. Both are gone after the test.
func freshEngine(t *testing.T, name, cores string) string {
	t.Helper()
	name = "tensorflow-ci-e2e-" + name
	remove, err := setup.SecondEngine(t.Context(), host.EngineContainer(host.Current), name, name, "--cpuset-cpus", cores)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := remove(ctx); err != nil {
			t.Error(err)
		}
		if output, err := exec.CommandContext(ctx, "docker", "volume", "rm", "--force", name).CombinedOutput(); err != nil {
			t.Errorf("docker volume rm %s: %v: %s", name, err, output)
		}
	})
	return name
}

func docker(t *testing.T, args ...string) string {
	t.Helper()
	output, err := exec.CommandContext(t.Context(), "docker", args...).Output()
	if err != nil {
		t.Fatalf("docker %s: %v", strings.Join(args, " "), err)
	}
	return string(output)
}
