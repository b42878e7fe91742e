package plan

import (
	"slices"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/host"
)

// ready is a machine as most users have it: nothing is missing.
func ready() host.Facts {
	return host.Facts{
		System: "linux", Architecture: "amd64",
		Docker:       host.Docker{Client: true, Server: "28.2.2", Data: "/var/lib/docker"},
		CLI:          host.CLI{Path: "/usr/local/bin/dagger", Version: host.Current},
		Registries:   []host.Registry{{Host: "images.example", Reached: true}, {Host: "engines.example", Reached: true}},
		Disks:        []host.Disk{{What: "state folder", Path: "/home/me/.cache", Free: 50e9}},
		Programs:     map[string]bool{"docker": true, "git": true},
		Capabilities: ^host.Capabilities(0),
	}
}

// bare is a fresh Debian machine that reaches no image registry.
func bare() host.Facts {
	facts := ready()
	facts.Debian, facts.Root = true, true
	facts.Docker = host.Docker{Data: "/var/lib/docker", Problem: "no such program"}
	facts.CLI = host.CLI{}
	facts.Programs = map[string]bool{"apt-get": true}
	facts.Registries = []host.Registry{{Host: "images.example", Problem: "its name cannot be resolved"}, {Host: "engines.example", Reached: true}}
	return facts
}

// mac is a ready one: no root, no Debian.
func mac() host.Facts {
	facts := ready()
	facts.System, facts.Architecture = "darwin", "arm64"
	facts.Docker.Data = ""
	return facts
}

// tools build and serve images.
var tools = []string{"skopeo", "docker-registry", "debootstrap"}

// offline is what a machine without a network hears of the registries.
var offline = []host.Registry{
	{Host: "images.example", Problem: "its name cannot be resolved"}, {Host: "engines.example", Problem: "its name cannot be resolved"},
}

// madeHere is a machine on which an earlier `up` made a mirror.
func madeHere(facts *host.Facts) {
	facts.MirrorMade = true
	for _, tool := range tools {
		facts.Programs[tool] = true
	}
}

// answers is a registry that is reached and says no.
func answers(problem string) func(*host.Facts) {
	return func(facts *host.Facts) { facts.Registries[0].Problem = problem }
}

func TestMake(t *testing.T) {
	for name, test := range map[string]struct {
		facts  func() host.Facts
		change func(*host.Facts)
		mirror Mirror
		want   Plan
		says   string // in the reasons, or in the error
		fails  bool
	}{
		"a ready machine builds nothing": {facts: ready, says: "nothing to build"},
		"a ready machine, mirror never":  {facts: ready, mirror: Never, says: "nothing to build"},
		"a bare machine needs everything": {facts: bare,
			want: Plan{Packages: append([]string{"docker.io"}, tools...), Daemon: true, CLI: true, Mirror: true}, says: "images.example (its name cannot be resolved)"},
		"a ready machine, mirror always": {facts: ready, mirror: Always, change: func(f *host.Facts) { f.Debian, f.Root = true, true },
			want: Plan{Packages: tools, Mirror: true}, says: "--mirror always"},
		"registries out of reach, mirror never": {facts: bare, mirror: Never,
			want: Plan{Packages: []string{"docker.io"}, Daemon: true, CLI: true}, says: "only images that the engine has already"},
		"stand-ins stay in use while nothing is reached": {facts: ready, change: func(f *host.Facts) {
			madeHere(f)
			f.Registries = offline
		}, want: Plan{Mirror: true}, says: "stand-ins are in use, the images that were made here: out of reach: images.example and engines.example (its name cannot be resolved)"},
		"stand-ins stay in use when the registries answer again, and it is said": {facts: ready, change: madeHere,
			want: Plan{Mirror: true}, says: "although the image registries answer now: `go run ./ci down --all`"},
		"stand-ins stay in use behind a proxy that is gone": {facts: ready, change: func(f *host.Facts) {
			madeHere(f)
			f.Registries = []host.Registry{{Host: "images.example", Proxy: "http://proxy:3128", Problem: "the proxy http://proxy:3128 does not work: refused"}}
		}, want: Plan{Mirror: true}, says: "stand-ins are in use"},
		"stand-ins are left by --mirror never": {facts: ready, mirror: Never, change: madeHere, says: "nothing to build"},
		"no network at all": {facts: bare, change: func(f *host.Facts) { f.Registries = offline },
			want: Plan{Packages: append([]string{"docker.io"}, tools...), Daemon: true, CLI: true, Mirror: true},
			says: "out of reach: images.example and engines.example (its name cannot be resolved); the images are built here instead, stand-ins"},
		"a registry that limits pulls makes no stand-in": {facts: ready, change: answers("its limit of pulls is reached (HTTP status 429)"),
			says: "images.example: its limit of pulls is reached (HTTP status 429); no stand-in is built"},
		"a registry that refuses makes no stand-in":    {facts: ready, change: answers("it refuses this machine (HTTP status 403)"), says: "no stand-in is built"},
		"a registry out of order makes no stand-in":    {facts: ready, change: answers("it is out of order (HTTP status 503)"), says: "no stand-in is built"},
		"a registry that wants a login is used as any": {facts: ready, change: func(f *host.Facts) { f.Registries[0].Login = true }, says: "nothing to build"},
		"a wrong proxy is an error, not a reason for stand-ins": {facts: ready, change: func(f *host.Facts) {
			f.Registries = []host.Registry{{Host: "images.example", Proxy: "http://proxy:3128", Problem: "the proxy http://proxy:3128 does not work: connection refused"}}
		}, fails: true, says: "the proxy http://proxy:3128 does not work: connection refused; mend or unset HTTPS_PROXY"},
		"a Mac whose Colima sleeps": {facts: mac, change: func(f *host.Facts) {
			f.Docker = host.Docker{Client: true, Kind: host.Colima, Problem: "no such socket"}
		}, fails: true, says: "run `colima start`"},
		"a Mac without any Docker":                   {facts: mac, change: func(f *host.Facts) { f.Docker = host.Docker{} }, fails: true, says: "Colima (`colima start`)"},
		"a Mac with Docker and Dagger needs no root": {facts: mac, says: "nothing to build"},
		"a Mac that reaches nothing": {facts: mac, change: func(f *host.Facts) { f.Registries = offline },
			fails: true, says: "only on linux/amd64, this is darwin/arm64"},
		"a CLI of another version is used": {facts: ready, change: func(f *host.Facts) { f.CLI.Version = "v0.22.1" },
			want: Plan{Engine: "v0.22.1"}, says: "is v0.22.1; the module is tested with v0.21.8 and v0.20.8: it is used as it is"},
		"a CLI of the older tested version is used": {facts: ready, change: func(f *host.Facts) { f.CLI.Version = "v0.20.8" },
			want: Plan{Engine: "v0.20.8"}, says: "the Dagger CLI v0.20.8"},
		"another engine is asked for": {facts: ready, change: func(f *host.Facts) {
			f.Wanted, f.CLI = "v0.20.8", host.CLI{Version: host.Current}
		}, want: Plan{CLI: true, Engine: "v0.20.8"}, says: "is v0.21.8, v0.20.8 is asked for"},
		"a mirror beside a CLI of a version that cannot be built": {facts: bare, change: func(f *host.Facts) {
			f.CLI = host.CLI{Path: "/usr/bin/dagger", Version: "v0.22.1"}
		}, want: Plan{Packages: append([]string{"docker.io"}, tools...), Daemon: true, Mirror: true, Engine: host.Current}, says: "used as it is"},
		"Docker is installed and does not run": {facts: ready, change: func(f *host.Facts) {
			f.Root, f.Docker.Server = true, ""
			f.Programs["dockerd"] = true
		}, want: Plan{Daemon: true}, says: "one is started"},
		"Docker does not run, and this is not root": {facts: ready, change: func(f *host.Facts) {
			f.Docker.Server, f.Docker.Problem = "", "connection refused"
		}, fails: true, says: "connection refused"},
		"Docker is another machine's and is silent": {facts: ready, change: func(f *host.Facts) {
			f.Docker = host.Docker{Client: true, Remote: true, Address: "ssh://me:secret@builder", Problem: "no route"}
		}, fails: true, says: "the Docker daemon at ssh://builder, which DOCKER_HOST"},
		"no Docker on another system": {facts: bare, change: func(f *host.Facts) { f.System = "darwin" }, mirror: Never, fails: true, says: "start Docker"},
		"an engine elsewhere": {facts: bare, change: func(f *host.Facts) {
			f.CLI.Path, f.CLI.Version, f.Engine.Remote = "/usr/bin/dagger", host.Current, "tcp://engine:1234"
		}, says: "no engine and no mirror are made here"},
		"packages are missing, and this is not root": {facts: bare, change: func(f *host.Facts) {
			f.Root, f.Docker.Server = false, "20.10"
		}, fails: true, says: "apt-get install skopeo docker-registry debootstrap"},
		"a mirror is needed, and this is not Debian": {facts: bare, change: func(f *host.Facts) {
			f.Debian, f.Docker.Server = false, "20.10"
		}, fails: true, says: "only Debian's packages"},
		"a mirror is needed, on another processor": {facts: bare, change: func(f *host.Facts) { f.Architecture = "arm64" }, fails: true, says: "linux/arm64"},
		"somebody else's engine is in the way": {facts: bare, change: func(f *host.Facts) {
			f.Docker.Server, f.Engine = "20.10", host.Engine{Exists: true, Running: true}
		}, fails: true, says: host.EngineContainer(host.Current)},
		"our engine is not in the way": {facts: bare, change: func(f *host.Facts) {
			f.Docker.Server, f.Engine = "20.10", host.Engine{Exists: true, Ours: true}
		}, want: Plan{Packages: tools, CLI: true, Mirror: true}},
		"too little space": {facts: ready, change: func(f *host.Facts) { f.Disks[0].Free = MinimumFree - 1e8 }, fails: true, says: "4.9 GB free for the state folder (/home/me/.cache), at least 5.0 GB"},
		"just enough":      {facts: ready, change: func(f *host.Facts) { f.Disks[0].Free = MinimumFree }, says: "nothing to build"},
	} {
		t.Run(name, func(t *testing.T) {
			facts, mirror := test.facts(), test.mirror
			if test.change != nil {
				test.change(&facts)
			}
			if mirror == "" {
				mirror = Auto
			}
			got, err := Make(facts, mirror)
			if (err != nil) != test.fails {
				t.Fatalf("error %v, want one: %t", err, test.fails)
			}
			if err != nil {
				if !strings.Contains(err.Error(), test.says) {
					t.Errorf("the error lacks %q: %v", test.says, err)
				}
				return
			}
			if test.want.Engine == "" {
				test.want.Engine = host.Current
			}
			if got.Engine != test.want.Engine {
				t.Errorf("engine %s, want %s", got.Engine, test.want.Engine)
			}
			if !slices.Equal(got.Packages, test.want.Packages) || got.Daemon != test.want.Daemon || got.CLI != test.want.CLI || got.Mirror != test.want.Mirror {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if said := strings.Join(got.Reasons, "\n"); !strings.Contains(said, test.says) {
				t.Errorf("the reasons lack %q: %q", test.says, said)
			}
		})
	}
}

func TestCramped(t *testing.T) {
	for free, want := range map[uint64]bool{0: true, MinimumFree: true, comfortable - 1: true, comfortable: false, 100e9: false} {
		if got := Cramped(free); got != want {
			t.Errorf("%s free: got %t, want %t", host.Gigabytes(free), got, want)
		}
	}
}

func TestMirrorFlag(t *testing.T) {
	mirror := Auto
	for _, value := range []string{"auto", "always", "never"} {
		if err := mirror.Set(value); err != nil || mirror.String() != value {
			t.Errorf("%q: %v, now %q", value, err, mirror)
		}
	}
	if err := mirror.Set("sometimes"); err == nil || mirror != Never {
		t.Errorf("an impossible value: error %v, now %q", err, mirror)
	}
}
