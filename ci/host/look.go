package host

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"dagger/tensorflow-ci/ci/proc"
)

const (
	// EngineVariable makes the CLI use another engine than its own.
	EngineVariable = "_EXPERIMENTAL_DAGGER_RUNNER_HOST"
	// Label marks the engines and volumes that `up` made. Images have no such label: whatever a user makes from one
	// would inherit it.
	Label = "tensorflow-ci.engine"
)

// Programs that the steps of `up` call.
var programs = []string{"docker", "dockerd", "skopeo", "docker-registry", "debootstrap", "apt-get", "git"}

// Look gathers the facts. The folder is where the state lies, with the CLIs that `up` built in bin/VERSION/; wanted is the
// version of the engine that is asked for, "" for any. The registries are asked where the patience with them is not zero.
func Look(ctx context.Context, folder, wanted string, patience time.Duration) Facts {
	facts := Facts{
		Wanted:       wanted,
		System:       runtime.GOOS,
		Architecture: runtime.GOARCH,
		Debian:       isDebian("/etc/os-release"),
		Root:         os.Geteuid() == 0,
		Programs:     map[string]bool{},
		Capabilities: ownCapabilities(),
	}
	for _, program := range programs {
		_, err := exec.LookPath(program)
		facts.Programs[program] = err == nil
	}
	var group sync.WaitGroup
	group.Go(func() { facts.Docker = lookDocker(ctx, facts.System) })
	group.Go(func() { facts.CLI = lookCLI(ctx, filepath.Join(folder, "bin"), wanted) })
	if patience > 0 {
		group.Go(func() { facts.Registries = probeRegistries(ctx, patience) })
	}
	group.Wait()
	facts.Engine = lookEngine(ctx, facts.Docker, facts.EngineVersion())
	facts.Disks = append(facts.Disks, Disk{What: "state folder", Path: folder, Free: Free(folder)})
	if data := facts.Docker.Data; data != "" {
		facts.Disks = append(facts.Disks, Disk{What: "Docker's data", Path: data, Free: Free(data)})
	}
	return facts
}

// EngineVersion is the version of the engine that calls will use, where no other engine is named: the one that is asked
// for, else that of the CLI which is here, else the current one.
func (f Facts) EngineVersion() string {
	switch {
	case f.Wanted != "":
		return f.Wanted
	case f.CLI.Path != "" && f.CLI.Version != "":
		return f.CLI.Version
	}
	return Current
}

func lookEngine(ctx context.Context, docker Docker, version string) Engine {
	engine := Engine{Remote: os.Getenv(EngineVariable)}
	if docker.Server == "" {
		return engine
	}
	if engine.Remote != "" {
		engine.Version = otherVersion(ctx, engine.Remote)
	}
	container, found := LookContainer(ctx, EngineContainer(version))
	engine.Exists, engine.Running, engine.Ours = found, container.Running, container.Label != ""
	return engine
}

// LookContainer looks at one of Docker's containers.
func LookContainer(ctx context.Context, name string) (container Container, found bool) {
	answer, err := proc.Command{Args: []string{
		"docker", "container", "inspect", "--format", `{{.State.Running}} {{index .Config.Labels "` + Label + `"}} {{.State.StartedAt}}`, name,
	}}.Output(ctx)
	if err != nil {
		return Container{}, false
	}
	return parseContainer(answer), true
}

// parseContainer reads the three facts. The time comes last: Podman writes it with blanks.
func parseContainer(answer string) Container {
	words := append(strings.SplitN(answer, " ", 3), "", "")
	return Container{Running: words[0] == "true", Label: words[1], Since: words[2]}
}

// lookCLI prefers the CLI on the path to the one that `up` built: it is the one that the user knows. It is used in
// whatever version it has, unless another one is asked for.
func lookCLI(ctx context.Context, built, wanted string) CLI {
	path, err := exec.LookPath("dagger")
	other := ""
	if err == nil {
		other = versionOf(ctx, path)
		if other != "" && (wanted == "" || other == wanted) {
			return CLI{Path: path, Version: other}
		}
	}
	version := wanted
	if version == "" {
		version = Current
	}
	if path, err := exec.LookPath(filepath.Join(built, version, "dagger")); err == nil && versionOf(ctx, path) == version {
		return CLI{Path: path, Version: version}
	}
	return CLI{Version: other}
}

// versionOf asks a CLI for its version; "" for a program that is no Dagger CLI.
func versionOf(ctx context.Context, path string) string {
	answer, err := proc.Command{Args: []string{path, "version"}}.Output(ctx)
	if err != nil {
		return ""
	}
	return cliVersion(answer)
}

// cliVersion reads what `dagger version` prints: "dagger v0.20.8 (…) linux/amd64".
func cliVersion(answer string) string {
	fields := strings.Fields(answer)
	if len(fields) < 2 || fields[0] != "dagger" {
		return ""
	}
	return fields[1]
}

// isDebian reads os-release; Ubuntu and others that say they are like Debian do not have the same packages.
func isDebian(path string) bool {
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		if name, value, found := strings.Cut(scanner.Text(), "="); found && name == "ID" {
			return strings.Trim(value, `"'`) == "debian"
		}
	}
	return false
}

// Free is the space that this user can still fill below the path, or below the nearest folder that exists.
func Free(path string) uint64 {
	for {
		var stat syscall.Statfs_t
		if err := syscall.Statfs(path, &stat); err == nil {
			return stat.Bavail * uint64(stat.Bsize)
		}
		parent := filepath.Dir(path)
		if parent == path {
			return 0
		}
		path = parent
	}
}

func lastLine(err error) string {
	if err == nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
