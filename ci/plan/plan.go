// Package plan decides what a machine lacks, from facts alone.
package plan

import (
	"fmt"
	"strings"

	"dagger/tensorflow-ci/ci/host"
)

// MinimumFree is the free space below which nothing is started: an image that is cut off half-way helps nobody.
const MinimumFree = 5_000_000_000

// comfortable is the free space below which an engine that is started begins with an empty cache. The engine tidies up by
// itself, but it goes by the free blocks of the disk, of which a file system may hold most back, and it takes minutes.
const comfortable = 15_000_000_000

// Cramped tells whether a cache that could be made anew should give its space back.
func Cramped(free uint64) bool { return free < comfortable }

// Mirror says when images are built here and served from a registry of our own.
type Mirror string

const (
	Auto   Mirror = "auto"   // where an image registry cannot be reached
	Always Mirror = "always" // also where all can
	Never  Mirror = "never"
)

// Set makes Mirror a flag.
func (m *Mirror) Set(value string) error {
	switch Mirror(value) {
	case Auto, Always, Never:
		*m = Mirror(value)
		return nil
	}
	return fmt.Errorf("want %s, %s or %s", Auto, Always, Never)
}

// String shows the flag's value.
func (m *Mirror) String() string { return string(*m) }

// Type names the flag's value in the help.
func (m *Mirror) Type() string { return "auto|always|never" }

// Plan is what must be there before `run` can work; each part is looked at again before it is made.
type Plan struct {
	Packages []string // Debian packages to install now
	Daemon   bool     // a Docker daemon of our own: none answers, or the one that does is ours
	Engine   string   // version of the engine that calls use, where the user names no other engine
	CLI      bool     // the Dagger CLI, built here in that version
	Mirror   bool     // registry, base image, engine image, engine, TensorFlow images
	Reasons  []string // for the user, one line each
}

// Nothing tells whether the machine has all that is needed, by means of its own.
func (p Plan) Nothing() bool { return !p.Daemon && !p.CLI && !p.Mirror && len(p.Packages) == 0 }

// Make decides what is brought up. Its error is one that no step could repair, with what to do.
func Make(facts host.Facts, mirror Mirror) (Plan, error) {
	plan := Plan{Engine: facts.EngineVersion()}
	if err := enoughSpace(facts.Disks); err != nil {
		return plan, err
	}
	if err := plan.decideMirror(facts, mirror); err != nil {
		return plan, err
	}
	if err := plan.decideDaemon(facts); err != nil {
		return plan, err
	}
	plan.decideCLI(facts)
	if plan.Mirror {
		if err := plan.decideMirrorPackages(facts); err != nil {
			return plan, err
		}
	}
	if len(plan.Packages) > 0 && !facts.Root {
		return plan, fmt.Errorf("these Debian packages are missing and only root can install them: %[1]s; run `apt-get install %[1]s` as root, then this again",
			strings.Join(plan.Packages, " "))
	}
	if plan.Nothing() {
		plan.because("Docker %s, the Dagger CLI %s and %s are here: nothing to build", facts.Docker.Server, facts.CLI.Version, images(facts))
	}
	return plan, nil
}

func (p *Plan) because(format string, args ...any) {
	p.Reasons = append(p.Reasons, fmt.Sprintf(format, args...))
}

func enoughSpace(disks []host.Disk) error {
	for _, disk := range disks {
		if disk.Free < MinimumFree {
			return fmt.Errorf("%s free for the %s (%s), at least %s are needed: free some space (`go run ./ci down --all` removes all that `up` made), or put the folder elsewhere (XDG_CACHE_HOME for the state folder, dockerd's --data-root for Docker's data)",
				host.Gigabytes(disk.Free), disk.What, disk.Path, host.Gigabytes(MinimumFree))
		}
	}
	return nil
}

// decideMirror asks for a mirror only where a registry does not answer at all. One that answers is used, whatever it says:
// images made here would hide that a login or patience is what is missing.
func (p *Plan) decideMirror(facts host.Facts, mirror Mirror) error {
	unreached := host.Unreached(facts.Registries)
	switch {
	case mirror == Never && unreached != "":
		p.because("image registries are out of reach: %s; --mirror never: only images that the engine has already can be used", unreached)
	case mirror == Never:
	case facts.Engine.Remote != "":
		p.because("another engine is asked for (%s=%s): no engine and no mirror are made here", host.EngineVariable, host.WithoutUser(facts.Engine.Remote))
		return nil // it has registries of its own
	case mirror == Always:
		p.Mirror = true
		p.because("--mirror always: the images are built here from Debian's packages, Go modules and wheels")
	case facts.MirrorMade && unreached != "":
		p.Mirror = true
		p.because("stand-ins are in use, the images that were made here: out of reach: %s", unreached)
	case facts.MirrorMade:
		p.Mirror = true
		// not changed over by itself: what is cached and trained here was made by them, and would be made anew
		p.because("stand-ins are in use, the images that were made here, although the image registries answer now: " +
			"`go run ./ci down --all`, then `go run ./ci up`, changes to the published ones")
	case unreached != "":
		if proxy := brokenProxy(facts.Registries); proxy != "" {
			return fmt.Errorf("no image registry can be asked: %s; mend or unset HTTPS_PROXY, here and for Docker", proxy)
		}
		p.Mirror = true
		p.because("out of reach: %s; the images are built here instead, stand-ins from Debian's packages, Go modules and wheels", unreached)
	}
	if p.Mirror {
		return nil
	}
	for _, registry := range facts.Registries {
		if registry.Reached && registry.Problem != "" {
			p.because("%s: %s; no stand-in is built, it is used as it is", registry.Host, registry.Problem)
		}
	}
	return nil
}

// brokenProxy is what is wrong with the proxy, through which stand-ins could not be built either; "" where nothing is.
func brokenProxy(registries []host.Registry) string {
	for _, registry := range registries {
		if registry.Proxy != "" {
			return registry.Problem
		}
	}
	return ""
}

// decideDaemon asks for a daemon where one is needed and none answers.
func (p *Plan) decideDaemon(facts host.Facts) error {
	if facts.Docker.Server != "" || (facts.Engine.Remote != "" && !p.Mirror) {
		return nil
	}
	if facts.Docker.Remote {
		return fmt.Errorf("the Docker daemon at %s, which DOCKER_HOST or Docker's context names, does not answer (%s): start it, or unset DOCKER_HOST and run `docker context use default`",
			host.WithoutUser(facts.Docker.Address), facts.Docker.Problem)
	}
	if facts.System != "linux" || !facts.Root || (!facts.Programs["dockerd"] && !facts.Debian) {
		return fmt.Errorf("no Docker daemon answers (%s), and this program can start one only as root on Linux, with Debian's packages or where dockerd is installed: %s, then run this again",
			orElse(facts.Docker.Problem, "the program docker is not installed"), startDocker(facts))
	}
	p.Daemon = true
	if !facts.Programs["dockerd"] || !facts.Programs["docker"] {
		p.Packages = append(p.Packages, "docker.io")
	}
	p.because("no Docker daemon answers: one is started")
	return nil
}

// startDocker says how to start a daemon: the one that the address names, or any that the system has.
func startDocker(facts host.Facts) string {
	if facts.System == "darwin" && facts.Docker.Kind == host.Plain {
		return "start Docker Desktop, Colima (`colima start`) or Podman (`podman machine start`)"
	}
	return facts.Docker.Kind.Start()
}

// decideCLI asks for a CLI where none is here, and says so where the one that is here is not one that the tests run on.
func (p *Plan) decideCLI(facts host.Facts) {
	if p.Mirror && !host.IsTested(p.Engine) {
		p.Engine = host.Current // no other can be built here
	}
	switch {
	case facts.CLI.Path != "" && !host.IsTested(facts.CLI.Version):
		p.because("the Dagger CLI here is %s; the module is tested with %s: it is used as it is", facts.CLI.Version, host.TestedList())
	case facts.CLI.Path != "":
	case facts.CLI.Version != "":
		p.CLI = true
		p.because("the Dagger CLI here is %s, %s is asked for: that is built from the Go module proxy", facts.CLI.Version, p.Engine)
	default:
		p.CLI = true
		p.because("no Dagger CLI is here: %s is built from the Go module proxy", p.Engine)
	}
}

// decideMirrorPackages asks for the tools that build and serve images.
func (p *Plan) decideMirrorPackages(facts host.Facts) error {
	if facts.System != "linux" || facts.Architecture != "amd64" {
		p.Mirror = false // nothing of it can be made
		return fmt.Errorf("images can be built here only on linux/amd64, this is %s/%s: make the image registries reachable, name an engine elsewhere (%s), or use --mirror never with an engine that has the images",
			facts.System, facts.Architecture, host.EngineVariable)
	}
	for _, need := range []string{"skopeo", "docker-registry", "debootstrap"} {
		if !facts.Programs[need] {
			p.Packages = append(p.Packages, need)
		}
	}
	if len(p.Packages) > 0 && !facts.Debian {
		return fmt.Errorf("building the images needs %s, and only Debian's packages can be installed by this program: install them, or make the image registries reachable", strings.Join(p.Packages, ", "))
	}
	if facts.Engine.Exists && !facts.Engine.Ours {
		return fmt.Errorf("the container %[1]s is in the way: it was not made by this program; remove it (`docker rm -f %[1]s`), or use --mirror never to work with it", host.EngineContainer(p.Engine))
	}
	return nil
}

func images(facts host.Facts) string {
	if facts.Engine.Remote != "" {
		return "an engine"
	}
	return "the image registries"
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
