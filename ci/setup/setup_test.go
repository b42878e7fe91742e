package setup

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/state"
)

func TestManifestDigest(t *testing.T) {
	for index, want := range map[string]string{
		`{"manifests":[{"digest":"sha256:aa"}]}`:                      "sha256:aa",
		`{"manifests":[{"digest":"aa"}]}`:                             "",
		`{"manifests":[]}`:                                            "",
		`{"manifests":[{"digest":"sha256:a"},{"digest":"sha256:b"}]}`: "",
		`{"manifests":`:                                               "",
	} {
		got, err := manifestDigest([]byte(index))
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v", index, got, err)
		}
	}
}

func TestRemoveStalePID(t *testing.T) {
	name, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Skip("no /proc")
	}
	own := strings.TrimSpace(string(name))
	for what, test := range map[string]struct {
		text    string
		program string
		removed bool
	}{
		"the program runs":              {fmt.Sprint(os.Getpid()), own, false},
		"another program has the id":    {fmt.Sprint(os.Getpid()), "dockerd", true},
		"no process has the id":         {"99999999\n", "dockerd", true},
		"what is in there is no number": {"x", "dockerd", true},
	} {
		path := filepath.Join(t.TempDir(), "docker.pid")
		if err := os.WriteFile(path, []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := removeStalePID(path, test.program); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if exists(path) == test.removed {
			t.Errorf("%s: removed %t", what, !exists(path))
		}
	}
	if err := removeStalePID(filepath.Join(t.TempDir(), "docker.pid"), "dockerd"); err != nil {
		t.Errorf("no such file: %v", err)
	}
}

func TestCopyTree(t *testing.T) {
	source, destination := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	for name, mode := range map[string]fs.FileMode{"bin/go": 0o755, "src/a.go": 0o644, "src/a_test.go": 0o644, "src/cmd/b.go": 0o644} {
		path := filepath.Join(source, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("go", filepath.Join(source, "bin", "link")); err != nil {
		t.Fatal(err)
	}
	err := copyTree(t.Context(), source, destination, func(path string) bool {
		return path != filepath.Join("src", "cmd") && !strings.HasSuffix(path, "_test.go")
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	filepath.WalkDir(destination, func(path string, entry fs.DirEntry, _ error) error {
		if !entry.IsDir() {
			relative, _ := filepath.Rel(destination, path)
			info, _ := entry.Info()
			got = append(got, fmt.Sprintf("%s %s", relative, info.Mode()))
		}
		return nil
	})
	if want := []string{"bin/go -rwxr-xr-x", "bin/link Lrwxrwxrwx", "src/a.go -rw-r--r--"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProxiesAreThoseOfTheMachine(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	if got := proxies(); got != nil {
		t.Errorf("without any: %q", got)
	}
	t.Setenv("HTTPS_PROXY", "http://proxy:3128")
	if got := proxies(); !slices.Equal(got, []string{"HTTPS_PROXY=http://proxy:3128"}) {
		t.Errorf("got %q", got)
	}
}

func TestPrivileges(t *testing.T) {
	machine := Machine{Facts: host.Facts{Capabilities: ^host.Capabilities(0)}}
	if got := machine.privileges(); !slices.Equal(got, []string{"--privileged"}) {
		t.Errorf("a machine with all capabilities: %q", got)
	}
	machine.Facts.Capabilities = 1<<0 | 1<<21
	got := strings.Join(machine.privileges(), " ")
	if !strings.Contains(got, "--cap-add CHOWN --cap-add SYS_ADMIN") || strings.Contains(got, "--privileged") {
		t.Errorf("a machine with two: %s", got)
	}
}

func TestGoals(t *testing.T) {
	machine := func(made plan.Plan, options Options) []string {
		t.Helper()
		options.RegistryPort = 5000
		made.Engine = host.Current
		m := Machine{Folder: state.At(t.TempDir()), Repository: filepath.Join("..", ".."), Plan: made, Options: options}
		goals, err := m.Goals()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, goal := range goals {
			names = append(names, goal.Name)
		}
		return names
	}
	engine := []string{"registry", "engine-v0.21.8"}
	images := []string{
		"tensorflow-2.16.2", "tensorflow-2.21.0", "node-22.20.0-bookworm-slim", "python-3.11-slim-bookworm", "trivy-database", "trivy",
	}
	for name, test := range map[string]struct {
		plan    plan.Plan
		options Options
		want    []string
	}{
		"nothing":     {},
		"only a CLI":  {plan: plan.Plan{CLI: true}, want: []string{"cli-v0.21.8"}},
		"a daemon":    {plan: plan.Plan{Daemon: true, Packages: []string{"docker.io"}}, want: []string{"packages", "docker"}},
		"a mirror":    {plan: plan.Plan{Mirror: true}, want: slices.Concat(engine, images)},
		"a GPU's too": {plan: plan.Plan{Mirror: true}, options: Options{GPUStandIn: true}, want: slices.Concat(engine, []string{"engine-gpu-v0.21.8"}, images)},
		"for tests": {plan: plan.Plan{Mirror: true}, options: Options{Tests: true},
			want: slices.Concat(engine, images, []string{"rclone", "versitygw", "busybox", "serving-2.16.1", "serving-2.21.0",
				"tensorflow-2.16.2-ca", "tensorflow-2.16.2-gpu", "tensorflow-2.21.0-ca", "tensorflow-2.21.0-gpu"})},
		"everything": {plan: plan.Plan{Mirror: true, CLI: true, Daemon: true, Packages: []string{"docker.io"}},
			want: slices.Concat([]string{"packages", "docker", "cli-v0.21.8"}, engine, images)},
	} {
		if got := machine(test.plan, test.options); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestRequirementsArePinned(t *testing.T) {
	lists, err := filepath.Glob(filepath.Join("..", "images", "*", "*.txt"))
	if err != nil || len(lists) < 3 {
		t.Fatalf("lists %q, %v", lists, err)
	}
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		version := strings.TrimSuffix(filepath.Base(list), ".txt")
		if filepath.Base(filepath.Dir(list)) == "tensorflow" && !strings.Contains(string(text), "\ntensorflow-cpu=="+version+" ") {
			t.Errorf("%s does not pin tensorflow-cpu %s", list, version)
		}
		for requirement := range strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
			if requirement == "" || strings.HasPrefix(requirement, "#") {
				continue
			}
			if !strings.Contains(requirement, "==") || !strings.Contains(requirement, "--hash=sha256:") {
				t.Errorf("%s: not pinned with a hash: %.60s", list, requirement)
			}
		}
	}
}
