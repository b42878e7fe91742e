package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/result"
	"dagger/tensorflow-ci/ci/state"
)

func TestDispatchRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"no command":        {nil, "no command"},
		"unknown command":   {[]string{"rum"}, `"rum"`},
		"unknown flag":      {[]string{"up", "--fast"}, "--fast"},
		"unknown mirror":    {[]string{"up", "--mirror", "sometimes"}, "sometimes"},
		"impossible port":   {[]string{"up", "--registry-port", "70000"}, "1 to 65535"},
		"argument too much": {[]string{"run", "a", "b"}, `"b"`},
		"unknown stage":     {[]string{"test", "--stage", "modul"}, "modul"},
		"no time to fuzz":   {[]string{"fuzz", "--time", "0s"}, "at least 1s"},
		"unknown drill":     {[]string{"drill", "--only", "earthquake"}, "earthquake"},
		"no repetition":     {[]string{"bench", "--times", "0"}, "at least 1"},
		"unknown group":     {[]string{"bench", "--only", "line,lines"}, "lines: want some of install, line"},
		"a grid too small":  {[]string{"bench", "--scale", "20"}, "30 to 1000"},
		"unknown gitlab":    {[]string{"gitlab", "rendr"}, "want render or validate"},
		"no time to prove":  {[]string{"gpu-proof", "--limit", "0s"}, "at least 1s"},
		"unknown proof":     {[]string{"gpu-proof", "--stage", "drivr"}, "not right"},
	} {
		err := dispatch(t.Context(), test.args)
		var usage usageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want a mistake of use that names %q", name, err, test.says)
		}
	}
}

func TestStatus(t *testing.T) {
	for want, err := range map[int]error{0: nil, 1: errors.New("x"), 2: usageError{errors.New("x")}, 130: fmt.Errorf("up: %w", errInterrupted)} {
		if got := status(err); got != want {
			t.Errorf("%v: status %d, want %d", err, got, want)
		}
	}
}

func TestProjectAndExtra(t *testing.T) {
	for name, test := range map[string]struct {
		args    []string
		dash    int
		project string
		extra   []string
	}{
		"nothing":    {nil, -1, "", nil},
		"a project":  {[]string{"p"}, -1, "p", nil},
		"only extra": {[]string{"--set", "a=b"}, 0, "", []string{"--set", "a=b"}},
		"both":       {[]string{"p", "--set", "a=b"}, 1, "p", []string{"--set", "a=b"}},
	} {
		project, extra := projectAndExtra(test.args, test.dash)
		if project != test.project || !slices.Equal(extra, test.extra) {
			t.Errorf("%s: %q %q", name, project, extra)
		}
	}
}

func TestDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "train.py")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{file: "is a file", file + ".gone": "no such file"} {
		if _, err := directory(path); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", path, err, says)
		}
	}
	if got, err := directory("."); err != nil || !filepath.IsAbs(got) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestCleanCommit(t *testing.T) {
	folder := t.TempDir()
	git := func(args ...string) {
		t.Helper()
		identity := []string{"-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.org"}
		if out, err := exec.Command("git", append(identity, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	if got := cleanCommit(t.Context(), folder); got != "" {
		t.Errorf("outside of Git: %q", got)
	}
	git("init", "--quiet")
	if got := cleanCommit(t.Context(), folder); got != "" {
		t.Errorf("before the first commit: %q", got)
	}
	git("commit", "--quiet", "--allow-empty", "--message", "first")
	if got := cleanCommit(t.Context(), folder); len(got) != 40 {
		t.Errorf("clean: %q", got)
	}
	if err := os.WriteFile(filepath.Join(folder, "train.py"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if got := cleanCommit(t.Context(), folder); got != "" {
		t.Errorf("with a changed file: %q", got)
	}
}

func TestRunStages(t *testing.T) {
	var ran []string
	named := func(name string, err error) stage {
		return stage{name, func(context.Context) error { ran = append(ran, name); return err }}
	}
	stages := []stage{named("a", nil), named("b", errors.New("broken")), named("c", nil)}
	err := runStages(t.Context(), stages)
	if err == nil || !strings.Contains(err.Error(), "stage b: broken") || !slices.Equal(ran, []string{"a", "b"}) {
		t.Errorf("ran %q, error %v", ran, err)
	}
	selected, err := selectStages(stages, []string{"c", "a"})
	if err != nil || len(selected) != 2 || selected[0].name != "a" {
		t.Errorf("selected %v, %v", selected, err)
	}
}

func TestDiagnose(t *testing.T) {
	ready := host.Facts{
		System: "linux", Docker: host.Docker{Server: "28.2.2"}, CLI: host.CLI{Path: "/usr/bin/dagger"},
		Registries:   []host.Registry{{Host: "images.example", Reached: true}},
		Disks:        []host.Disk{{What: "state folder", Path: "/s", Free: 50e9}},
		Capabilities: ^host.Capabilities(0),
	}
	verdicts := func(facts host.Facts, made plan.Plan) (bads, brings int) {
		for _, finding := range diagnose(facts, made) {
			switch finding.verdict {
			case bad:
				bads++
			case brought:
				brings++
			}
			if finding.verdict == bad && finding.remedy == "" {
				t.Errorf("a problem without a remedy: %s", finding.text)
			}
		}
		return bads, brings
	}
	if bads, brings := verdicts(ready, plan.Plan{}); bads+brings > 0 {
		t.Errorf("a ready machine: %d problems, %d to bring", bads, brings)
	}
	bare := host.Facts{
		System: "linux", Docker: host.Docker{Problem: "no such program"},
		Registries: []host.Registry{{Host: "images.example", Problem: "no name"}},
		Disks:      []host.Disk{{What: "state folder", Path: "/s", Free: 1e9}},
	}
	if bads, brings := verdicts(bare, plan.Plan{Mirror: true, Daemon: true, CLI: true, Packages: []string{"skopeo"}}); bads != 1 || brings != 5 {
		t.Errorf("a bare machine with little space: %d problems, %d to bring, want 1 and 5", bads, brings)
	}
	if bads, _ := verdicts(bare, plan.Plan{}); bads != 3 {
		t.Errorf("a bare machine where nothing can be brought: %d problems, want 3", bads)
	}
}

func TestDiagnoseSaysInWords(t *testing.T) {
	ready := func() host.Facts {
		return host.Facts{
			System: "darwin", Architecture: "arm64", CLI: host.CLI{Path: "/opt/bin/dagger", Version: "v0.21.8"},
			Docker:       host.Docker{Client: true, Server: "27.4.0", Architecture: "amd64"},
			Registries:   []host.Registry{{Host: "a.example", Reached: true}, {Host: "b.example", Reached: true}},
			Capabilities: ^host.Capabilities(0),
		}
	}
	offline := []host.Registry{{Host: "a.example", Problem: "its name cannot be resolved"}, {Host: "b.example", Problem: "its name cannot be resolved"}}
	for name, test := range map[string]struct {
		change  func(*host.Facts)
		made    plan.Plan
		verdict string
		says    string
	}{
		"plain Docker":      {verdict: good, says: "Docker daemon 27.4.0 answers"},
		"Colima":            {change: func(f *host.Facts) { f.Docker.Kind = host.Colima }, verdict: good, says: "Docker daemon 27.4.0 answers (Colima)"},
		"Docker Desktop":    {change: func(f *host.Facts) { f.Docker.Kind = host.Desktop }, verdict: good, says: "answers (Docker Desktop)"},
		"rootless Podman":   {change: func(f *host.Facts) { f.Docker.Kind, f.Docker.Rootless = host.Podman, true }, verdict: good, says: "answers (Podman, rootless)"},
		"what Podman needs": {change: func(f *host.Facts) { f.Docker.Kind, f.Docker.Rootless = host.Podman, true }, verdict: note, says: "podman machine set --rootful"},
		"rootless Docker":   {change: func(f *host.Facts) { f.Docker.Rootless = true }, verdict: note, says: "Docker is rootless"},
		"a remote daemon": {change: func(f *host.Facts) { f.Docker.Remote, f.Docker.Address = true, "ssh://me@builder" },
			verdict: good, says: "(on another machine: ssh://builder)"},
		"Colima sleeps": {change: func(f *host.Facts) { f.Docker = host.Docker{Kind: host.Colima, Problem: "no such socket"} }, verdict: bad, says: "run `colima start`"},
		"another processor": {change: func(f *host.Facts) { f.Docker.Architecture = "arm64" }, verdict: note,
			says: "linux/arm64, and TensorFlow's published images are linux/amd64 alone; they run there by emulation"},
		"a remote engine":            {change: func(f *host.Facts) { f.Engine.Remote = "tcp://engine:1234" }, verdict: good, says: "calls use a remote engine, at engine:1234 over TCP"},
		"a remote engine, no Docker": {change: func(f *host.Facts) { f.Engine.Remote, f.Docker = "tcp://engine:1234", host.Docker{} }, verdict: good, says: "none is needed"},
		"an engine in a container, no Docker": {change: func(f *host.Facts) {
			f.Engine.Remote, f.Docker = "container://mine", host.Docker{Problem: "no such socket"}
		}, verdict: bad, says: "no such socket"},
		"an engine of another version": {change: func(f *host.Facts) {
			f.Engine.Remote, f.Engine.Version = "container://dagger-engine-v0.20.8", "v0.20.8"
		},
			verdict: note, says: "the Dagger CLI is v0.21.8 and the engine v0.20.8"},
		"a CLI that is newer than what can be built": {change: func(f *host.Facts) { f.CLI.Version = "v0.22.1" }, made: plan.Plan{Mirror: true, Engine: "v0.21.8"},
			verdict: note, says: "the Dagger CLI is v0.22.1 and the engine v0.21.8"},
		"a registry with a limit": {change: func(f *host.Facts) { f.Registries[0].Problem = "its limit of pulls is reached" }, verdict: bad, says: "image registry a.example: its limit"},
		"a registry with a login": {change: func(f *host.Facts) { f.Registries[0].Login = true }, verdict: good, says: "image registry a.example answers; for images that are not public it wants a login"},
		"no network": {change: func(f *host.Facts) { f.Registries = offline }, verdict: bad,
			says: "image registries out of reach: a.example and b.example (its name cannot be resolved); open the network"},
		"no network, and a mirror can be made": {change: func(f *host.Facts) { f.Registries = offline }, made: plan.Plan{Mirror: true}, verdict: brought, says: "stand-ins are built here"},
		"no network, and a mirror was made": {change: func(f *host.Facts) { f.Registries, f.MirrorMade = offline, true }, made: plan.Plan{Mirror: true},
			verdict: note, says: "stand-ins are in use, the images that were made here"},
		"stand-ins though the registries answer": {change: func(f *host.Facts) { f.MirrorMade = true }, made: plan.Plan{Mirror: true},
			verdict: note, says: "stand-ins are in use although the image registries answer now; `go run ./ci down --all`"},
	} {
		facts := ready()
		if test.change != nil {
			test.change(&facts)
		}
		var all strings.Builder
		found := false
		for _, finding := range diagnose(facts, test.made) {
			var line strings.Builder
			finding.write(&line)
			all.WriteString(line.String())
			found = found || finding.verdict == test.verdict && strings.Contains(line.String(), test.says)
		}
		if !found {
			t.Errorf("%s: no line %q says %q:\n%s", name, test.verdict, test.says, all.String())
		}
	}
	var quiet strings.Builder
	for _, finding := range diagnose(ready(), plan.Plan{}) {
		finding.write(&quiet)
	}
	if strings.Contains(quiet.String(), note+" ") || strings.Contains(quiet.String(), bad+" ") {
		t.Errorf("a machine as most have it:\n%s", quiet.String())
	}
}

func TestDiagnoseStandIns(t *testing.T) {
	var out strings.Builder
	for _, finding := range diagnoseStandIns([]host.StandIn{{Names: []string{"node:22"}, Title: "Node 22, a stand-in"}}) {
		finding.write(&out)
	}
	if want := "note       image node:22: stand-in (Node 22, a stand-in)\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	if diagnoseStandIns(nil) != nil {
		t.Error("no images are something to say")
	}
}

func TestOpenLogIsForOneProgram(t *testing.T) {
	folder := state.At(t.TempDir())
	var names []string
	open := func() *os.File {
		file, err := openLog(folder, "run")
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.Base(file.Name()))
		return file
	}
	first, second := open(), open()
	defer second.Close()
	if _, err := first.WriteString("words"); err != nil {
		t.Fatal(err)
	}
	first.Close()
	third := open()
	defer third.Close()
	if got := strings.Join(names, " "); got != "run.log run-2.log run.log" {
		t.Errorf("got %s", got)
	}
	if text, err := os.ReadFile(third.Name()); err != nil || len(text) != 0 {
		t.Errorf("the words of an earlier program are left: %q, %v", text, err)
	}
}

func TestFullDisk(t *testing.T) {
	const full, free = 256 << 10, 1 << 40
	for _, test := range []struct {
		message string
		free    uint64
		want    bool
	}{
		{"write /staging/model: no space left on device", full, true},
		{"write /staging/model: no space left on device", free, true}, // the file that did not fit is gone
		{"write /var/lib/dagger/x: no space left on device", free, false},
		{"error from receiver: context canceled", full, true},
		{"error from receiver: context canceled", free, false},
		{"write /staging/model: permission denied", full, false},
	} {
		if got := fullDisk(test.message, "/staging", test.free); got != test.want {
			t.Errorf("%s, %d bytes free: got %t", test.message, test.free, got)
		}
	}
	folder := t.TempDir()
	for path, want := range map[string]string{
		folder + "/model":     "no space left for the result: the disk of --out out has ",
		"/var/lib/dagger/mod": "no space left for the engine: ",
	} {
		err := onFullDisk(fmt.Errorf("write %s: no space left on device", path), "out", folder)
		if !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("want %s…, got %v", want, err)
		}
	}
	if err := errors.New("another error"); onFullDisk(err, "out", folder) != err {
		t.Error("an error that is about no disk was changed")
	}
}

// A folder that a run writes into the checkout, among the module's files, would compile the module anew at every run.
func TestTheModuleIsWithoutWhatARunWrites(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "dagger.json"))
	if err != nil {
		t.Fatal(err)
	}
	var module struct{ Include []string }
	if err := json.Unmarshal(text, &module); err != nil {
		t.Fatal(err)
	}
	final := filepath.Join(t.TempDir(), "out")
	staging, err := result.Stage(final)
	if err != nil {
		t.Fatal(err)
	}
	defer staging.Discard()
	for _, path := range []string{final, staging.Path()} {
		name := filepath.Base(path)
		if !slices.ContainsFunc(module.Include, func(pattern string) bool {
			without, found := strings.CutPrefix(pattern, "!")
			matched, _ := filepath.Match(without, name)
			return found && matched
		}) {
			t.Errorf("dagger.json does not leave out %s", name)
		}
	}
}

// With its card hidden, or without one, a machine fails at the first stage of the proof, and no other is tried.
func TestGPUProofWithoutACard(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	t.Setenv("CUDA_VISIBLE_DEVICES", "-1")
	file := filepath.Join(t.TempDir(), "proof.json")
	err := dispatch(t.Context(), []string{"gpu-proof", "--json", file})
	if status(err) != 1 {
		t.Fatalf("status %d: %v", status(err), err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var proof struct {
		Stages []struct{ Name, Verdict, Reason string }
	}
	if err := json.Unmarshal(text, &proof); err != nil {
		t.Fatal(err)
	}
	for at, stage := range proof.Stages {
		want := "not run"
		if at == 0 {
			want = "failed"
		}
		if stage.Verdict != want || stage.Reason == "" {
			t.Errorf("%+v, want %s", stage, want)
		}
	}
	if len(proof.Stages) < 7 || proof.Stages[0].Name != "driver" {
		t.Errorf("%+v", proof)
	}
}
