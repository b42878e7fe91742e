package platform

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestDecide(t *testing.T) {
	broken := func() error { return errors.New("exec format error") }
	works := func() error { return nil }
	unasked := func() error { t.Error("the engine was asked although the answer decides nothing"); return nil }
	for _, test := range []struct {
		name     string
		question Question
		want     []string // none: it may run
		not      []string
	}{
		{"the engine's own", Question{Wanted: AMD64, Engine: AMD64, Runs: unasked}, nil, nil},
		{"the engine's own, asked for", Question{Wanted: ARM64, Engine: "linux/arm64/v8", Chosen: true, Runs: unasked}, nil, nil},
		{"a Mac's engine, nothing said", Question{Role: "tensorflow", Wanted: AMD64, Engine: "linux/arm64", Runs: unasked}, []string{
			"the containers of tensorflow are for linux/amd64, and the engine's machine is linux/arm64", "nothing was run",
			"(1) an engine on a linux/amd64 machine: _EXPERIMENTAL_DAGGER_RUNNER_HOST=", "(2) emulation", "--platform linux/amd64",
			"(3) TensorFlow from wheels", "platform: linux/arm64", "images.tensorflow: wheel:2.21.0",
		}, nil},
		{"a Mac's engine, wheels already", Question{Wanted: AMD64, Engine: "linux/arm64/v8", Wheels: true, Runs: unasked}, []string{
			"the containers of this project are for linux/amd64", "(3) the engine's own platform: platform: linux/arm64",
		}, []string{"images.tensorflow"}},
		{"a Mac's engine that emulates, by choice", Question{Wanted: AMD64, Engine: ARM64, Chosen: true, Runs: works}, nil, nil},
		{"a Mac's engine that cannot, by choice", Question{Wanted: AMD64, Engine: ARM64, Chosen: true, Runs: broken}, []string{
			"does not start there (exec format error)", "qemu-user-static", "--install amd64", "wheel:2.21.0", "_EXPERIMENTAL_DAGGER_RUNNER_HOST",
		}, []string{"--platform"}},
		{"a file that wants arm64, on amd64", Question{Wanted: ARM64, Engine: AMD64, Wheels: true, Runs: unasked}, []string{
			"are for linux/arm64, and the engine's machine is linux/amd64", "--platform linux/arm64", "(3) the engine's own platform: platform: linux/amd64",
		}, nil},
		{"arm64 by choice, on amd64 without an emulator", Question{Wanted: ARM64, Engine: AMD64, Chosen: true, Runs: broken}, []string{
			"it was asked to emulate that", "--install arm64", "an engine on a linux/arm64 machine",
		}, nil},
		{"an engine of a third kind", Question{Wanted: AMD64, Engine: "linux/ppc64le", Runs: unasked}, []string{
			"(1) an engine on a linux/amd64 machine", "(2) emulation",
		}, []string{"(3)", "wheel"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := Decide(test.question)
			if test.want == nil {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("it may run, want a refusal")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			for _, not := range test.not {
				if strings.Contains(err.Error(), not) {
					t.Errorf("%q says %q", err, not)
				}
			}
		})
	}
}

func TestParseWheel(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0a", 32)
	for _, good := range []Wheel{{"2.21.0", ""}, {"2.16.2", digest}} {
		if got, err := ParseWheel(good.String()); err != nil || got != good {
			t.Errorf("%s: got %+v, %v", good, got, err)
		}
	}
	for _, test := range []struct{ reference, want string }{
		{"wheel:2.20.0", `TensorFlow "2.20.0" from wheels: there is no lock file of its packages' hashes; write wheel:2.16.2 or wheel:2.21.0`},
		{"wheel:", `write wheel:2.16.2 or wheel:2.21.0`},
		{"wheel:../x", `write wheel:2.16.2 or wheel:2.21.0`},
		{"wheel:2.21.0@sha256:0", "what follows @ is no digest"},
		{"wheel:2.21.0@", "what follows @ is no digest"},
		{"tensorflow/tensorflow:2.21.0", "names no wheel"},
	} {
		if got, err := ParseWheel(test.reference); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %+v, %v, want %q", test.reference, got, err, test.want)
		}
	}
}

// Each version that may be asked for has its hashes, for each platform; and no hashes lie there that nobody can ask for.
func TestWheelsAreLocked(t *testing.T) {
	const folder = "../scripts/requirements/"
	var wanted []string
	for _, version := range Wheels {
		for _, platform := range Choices() {
			name := Wheel{Version: version}.LockFile(platform)
			wanted = append(wanted, folder+name)
			text, err := os.ReadFile(folder + name)
			if err != nil {
				t.Error(err)
				continue
			}
			lines := strings.Split(string(text), "\n")
			if !slices.ContainsFunc(lines, func(line string) bool {
				return line == "tensorflow=="+version+` \` || line == "tensorflow-cpu=="+version+` \`
			}) {
				t.Errorf("%s pins no TensorFlow %s", name, version)
			}
			for at, line := range lines {
				if strings.Contains(line, "==") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(lines[at+1], "    --hash=sha256:") {
					t.Errorf("%s:%d: %s has no hash", name, at+1, line)
				}
			}
		}
	}
	slices.Sort(wanted)
	if there, _ := filepath.Glob(folder + "tensorflow-*.txt"); !slices.Equal(there, wanted) {
		t.Errorf("there are %q, want %q", there, wanted)
	}
}

func TestNormal(t *testing.T) {
	for _, test := range [][2]string{
		{"linux/arm64/v8", ARM64}, {"linux/amd64", AMD64}, {"Linux/AArch64", ARM64}, {"linux/x86_64", AMD64}, {"linux/arm/v7", "linux/arm/v7"},
	} {
		if got := Normal(test[0]); got != test[1] {
			t.Errorf("%s: got %s, want %s", test[0], got, test[1])
		}
	}
}

// The program of this machine's own platform runs here; that of the other one is an ELF file of the same size class.
func TestProbe(t *testing.T) {
	for _, platform := range Choices() {
		program, err := Probe(platform)
		if err != nil || !strings.HasPrefix(string(program), "\x7fELF") || len(program) > 200 {
			t.Fatalf("%s: %d bytes, %v", platform, len(program), err)
		}
		if platform != runtime.GOOS+"/"+runtime.GOARCH {
			continue
		}
		file := filepath.Join(t.TempDir(), "probe")
		if err := os.WriteFile(file, program, 0o755); err != nil {
			t.Fatal(err)
		}
		if said, err := exec.Command(file).CombinedOutput(); err != nil || len(said) > 0 {
			t.Errorf("%s: %v, it said %q", platform, err, said)
		}
	}
	if _, err := Probe("linux/s390x"); err == nil || !strings.Contains(err.Error(), "linux/s390x") {
		t.Errorf("another platform: %v", err)
	}
}
