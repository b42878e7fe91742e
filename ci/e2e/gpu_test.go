//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

// TestGPUStandIn runs the module on an engine whose GPU hook is a stand-in: cards are listed and chosen for real, and
// since no TensorFlow can compute on them, training must be refused.
func TestGPUStandIn(t *testing.T) {
	succeed(t, "up", "--gpu-standin")
	for _, test := range []struct{ gpus, seen string }{
		{"all", "nvidia-smi lists 2 GPU(s)"},
		{"GPU-8a5f1c9e-0000-4000-8000-000000000000", "nvidia-smi lists 1 GPU(s) (GPU-8a5f1c9e-0000-4000-8000-000000000000)"},
	} {
		for _, function := range [][]string{{"gpu-check"}, {"train", "saved-model"}} {
			said := refuseOnStandIn(t, append([]string{"--gpus", test.gpus}, function...))
			for _, want := range []string{"GPU check failed at step 2 of 3", test.seen, "TensorFlow 0"} {
				if !strings.Contains(said, want) {
					t.Errorf("--gpus %s %v does not say %q:\n%s", test.gpus, function, want, said)
				}
			}
		}
	}
}

// refuseOnStandIn calls the module on the stand-in's engine, wants the call to fail, and returns what it said.
func refuseOnStandIn(t *testing.T, arguments []string) string {
	t.Helper()
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	call := dagger.Call{
		CLI:    folder.Path("bin", host.Current, "dagger"),
		Module: checkout,
		// The CPU image stands in the GPU image's role: the refusal comes before the difference shows.
		Args: append([]string{"--source", filepath.Join(checkout, "ci", "e2e", "testdata", "cpu-as-gpu")}, arguments...),
		Env:  []string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST=" + setup.StandInAddress},
	}
	if err := call.Run(t.Context(), &log, func(string) {}); err == nil {
		t.Fatalf("%v was accepted", arguments)
	}
	return log.String()
}
