// Package gpuproof tests the program behind `ci gpu-proof`, with a stand-in for the driver's library, since few
// machines have a card.
package gpuproof

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// report is as much of the program's results as is looked at here.
type report struct {
	Passed, Finished bool
	Stages           []struct {
		Name, Verdict, Reason, Needs string
		Figures                      map[string]any
	}
}

// prove runs the program, and wants its exit status to be what its results say.
func prove(t *testing.T, environment []string, arguments ...string) report {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	file := filepath.Join(t.TempDir(), "results.json")
	cmd := exec.Command(python, append([]string{"proof.py", "--json", file}, arguments...)...)
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return strings.HasPrefix(variable, "CUDA_") || strings.HasPrefix(variable, "_EXPERIMENTAL_DAGGER")
	}), environment...)
	said, err := cmd.CombinedOutput()
	text, readErr := os.ReadFile(file)
	if readErr != nil {
		t.Fatalf("%v, %v:\n%s", readErr, err, said)
	}
	var got report
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Passed != (err == nil) || !got.Finished {
		t.Errorf("passed %t, finished %t, and the program ended with %v:\n%s", got.Passed, got.Finished, err, said)
	}
	for _, stage := range got.Stages {
		if !strings.Contains(string(said), stage.Reason) || stage.Needs == "" {
			t.Errorf("stage %s: not printed, or without its needs: %+v\n%s", stage.Name, stage, said)
		}
	}
	return got
}

// standIn is the driver's library with one card that is none.
func standIn(t *testing.T) string {
	t.Helper()
	compiler, err := exec.LookPath("cc")
	if err != nil {
		t.Skip("there is no C compiler to make a stand-in of libcuda with")
	}
	library := filepath.Join(t.TempDir(), "libcuda.so.1")
	source := filepath.Join("testdata", "fakecuda.c")
	said, err := exec.Command(compiler, "-shared", "-fPIC", "-O2", "-o", library, source).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, said)
	}
	return library
}

func TestDecisions(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	cmd := exec.Command(python, "-m", "unittest", "-q", "decisions_test")
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, said)
	}
}

func TestTheDriverStagePasses(t *testing.T) {
	got := prove(t, nil, "--stage", "driver", "--libcuda", standIn(t))
	stage := got.Stages[0]
	figures := stage.Figures
	if !got.Passed || stage.Verdict != "passed" || figures["card"] != "Stand-in 0" || figures["cuda"] != "13.0" {
		t.Errorf("%+v", got)
	}
	card, _ := stage.Figures["cards"].([]any)[0].(map[string]any)
	const uuid = "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f"
	if card["uuid"] != uuid || card["capability"] != 9.0 || card["multiprocessors"] != 132.0 {
		t.Errorf("the card is %v", card)
	}
}

// Whatever is wrong with the driver or the card is named, and nothing after it is tried.
func TestTheDriverStageFails(t *testing.T) {
	library := standIn(t)
	for name, test := range map[string]struct {
		library, fault string
		environment    []string
		says           []string
	}{
		"no library": {
			library: "/nowhere/libcuda.so.1", says: []string{"cannot be loaded", "/nowhere/libcuda.so.1", "container toolkit"},
		},
		"another library": {library: "libc.so.6", says: []string{"libc.so.6 has no cuInit"}},
		"a hidden card": {
			environment: []string{"CUDA_VISIBLE_DEVICES=-1"},
			says:        []string{"CUDA_ERROR_NO_DEVICE", "CUDA_VISIBLE_DEVICES is '-1'"},
		},
		"no card": {fault: "none", says: []string{"lists no card"}},
		"a card that is old": {
			fault: "old", says: []string{"card 0 (Stand-in 0)", "compute capability is 3.0: too old"},
		},
		"no start": {fault: "cuInit=999", says: []string{"cuInit answered 999 (unknown error)"}},
		"no count": {fault: "cuDeviceGetCount=3", says: []string{"cuDeviceGetCount answered 3"}},
		"no context": {
			fault: "cuDevicePrimaryCtxRetain=2", says: []string{"CUDA_ERROR_OUT_OF_MEMORY", "another program holds"},
		},
		"no compiler": {
			fault: "cuModuleLoadData=218",
			says:  []string{"CUDA_ERROR_INVALID_PTX", "the driver's compiler says: ptxas application ptx input, line 9"},
		},
		"no kernel": {fault: "cuModuleGetFunction=500", says: []string{"cuModuleGetFunction answered 500"}},
		"no memory": {
			fault: "cuMemAlloc_v2=2", says: []string{"cuMemAlloc_v2 answered 2 (CUDA_ERROR_OUT_OF_MEMORY)"},
		},
		"no way to the card":   {fault: "cuMemcpyHtoD_v2=1", says: []string{"cuMemcpyHtoD_v2 answered 1"}},
		"no way from the card": {fault: "cuMemcpyDtoH_v2=1", says: []string{"cuMemcpyDtoH_v2 answered 1"}},
		"no launch":            {fault: "cuLaunchKernel=1", says: []string{"cuLaunchKernel answered 1"}},
		"a kernel that fails":  {fault: "cuCtxSynchronize=700", says: []string{"cuCtxSynchronize answered 700"}},
		"a wrong value": {
			fault: "wrong",
			says:  []string{"the kernel axpy left 1 of 262144 values wrong, the first at 262143", "do not train"},
		},
		"a crash": {fault: "crash", says: []string{"ended the program that looked at it (status -6)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := library
			if test.library != "" {
				path = test.library
			}
			got := prove(t, append(test.environment, "FAKE_CUDA="+test.fault), "--libcuda", path)
			if got.Passed || len(got.Stages) < 2 || got.Stages[0].Verdict != "failed" {
				t.Fatalf("not refused: %+v", got)
			}
			for _, want := range test.says {
				if !strings.Contains(got.Stages[0].Reason, want) {
					t.Errorf("want %q in %s", want, got.Stages[0].Reason)
				}
			}
			for _, stage := range got.Stages[1:] {
				if stage.Verdict != "not run" {
					t.Errorf("stage %s: %s", stage.Name, stage.Verdict)
				}
			}
		})
	}
}

func TestADriverThatHangsIsEnded(t *testing.T) {
	got := prove(t, []string{"FAKE_CUDA=hang"}, "--stage", "driver", "--limit", "6s", "--libcuda", standIn(t))
	if stage := got.Stages[0]; stage.Verdict != "failed" || !strings.Contains(stage.Reason, "gave no answer in time") {
		t.Errorf("%+v", got)
	}
}

// The launcher takes a measurement as it takes a training script, and the verdict is the ratio's.
func TestSpeedWithoutTensorFlow(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes ten seconds")
	}
	got := prove(t, nil, "--stage", "speed", "--limit", "12s", "--libcuda", standIn(t))
	stage := got.Stages[0]
	ratio, measured := stage.Figures["ratio"].(float64)
	verdict := "failed"
	if ratio <= 1.01 {
		verdict = "passed"
	}
	workload, _ := stage.Figures["workload"].(string)
	if !measured || stage.Verdict != verdict || !strings.Contains(workload, "driver's API") {
		t.Errorf("ratio %v: %+v", ratio, stage)
	}
}

func TestSpeedFindsWrongValues(t *testing.T) {
	got := prove(t, []string{"FAKE_CUDA=grind"}, "--stage", "speed", "--limit", "12s", "--libcuda", standIn(t))
	stage := got.Stages[0]
	if stage.Verdict != "failed" || !strings.Contains(stage.Reason, "not computed on the card, or wrongly") {
		t.Errorf("%+v", stage)
	}
}

// Without TensorFlow the check stage shows what does not need it: the driver's step of gpu-check, and both ways to hide
// the card.
func TestCheckWithoutTensorFlow(t *testing.T) {
	folder := t.TempDir()
	const script = "#!/bin/sh\necho 'GPU 0: Stand-in 0 (UUID: GPU-00010203-0405-0607-0809-0a0b0c0d0e0f)'\n"
	if err := os.WriteFile(filepath.Join(folder, "nvidia-smi"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	// A Python that has no TensorFlow, whatever this one has.
	environment := []string{"PATH=" + folder + ":" + os.Getenv("PATH"), "PYTHONNOUSERSITE=1"}
	library, python := standIn(t), bare(t)
	blind := prove(t, append(environment, "FAKE_CUDA=blind"), "--stage", "check", "--python", python, "--libcuda", library)
	if reason := blind.Stages[0].Reason; !strings.Contains(reason, "it is to be 'refused' and is 'accepted'") {
		t.Errorf("a card that cannot be hidden: %+v", blind)
	}
	got := prove(t, environment, "--stage", "check", "--python", python, "--libcuda", library)
	stage := got.Stages[0]
	if stage.Verdict != "passed" {
		t.Fatalf("%+v", got)
	}
	for name, want := range map[string]string{
		"driver, CUDA_VISIBLE_DEVICES=-1":                "refused",
		"gpu-check, no nvidia-smi":                       "stops at step 1",
		"gpu-check, nvidia-smi, no TensorFlow with CUDA": "stops at step 2",
	} {
		if stage.Figures[name] != want {
			t.Errorf("%s: %v, want %s", name, stage.Figures[name], want)
		}
	}
	if said, _ := stage.Figures["leftOut"].(string); !strings.HasPrefix(said, "steps 2 and 3: ") {
		t.Errorf("left out: %q", said)
	}
}

// bare is a Python without packages.
func bare(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "bare")
	if said, err := exec.Command("python3", "-m", "venv", "--without-pip", folder).CombinedOutput(); err != nil {
		t.Skipf("no Python without packages can be made: %v\n%s", err, said)
	}
	return filepath.Join(folder, "bin", "python3")
}

func TestStagesThatAreLeftOutProveNothing(t *testing.T) {
	got := prove(t, nil, "--stage", "determinism", "--stage", "train", "--stage", "pipeline",
		"--python", "/no/such/python", "--dagger", "/no/such/dagger", "--libcuda", standIn(t))
	for _, stage := range got.Stages {
		if stage.Verdict != "left out" || !strings.Contains(stage.Reason, "it needs ") {
			t.Errorf("%+v", stage)
		}
	}
	if got.Passed || len(got.Stages) != 3 {
		t.Errorf("%+v", got)
	}
}

func TestBadArguments(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("there is no python3")
	}
	for _, arguments := range [][]string{{"--stage", "drive"}, {"--limit", "soon"}, {"--limit", "0s"}, {"--json"}} {
		said, err := exec.Command(python, append([]string{"proof.py"}, arguments...)...).CombinedOutput()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 2 || strings.Contains(string(said), "Traceback") {
			t.Errorf("%q: %v\n%s", arguments, err, said)
		}
	}
}
