package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

const (
	StandInContainer = "tensorflow-ci-engine-gpu"
	// address of the socket that makes the CLI use an engine other than its own
	StandInAddress = "container://" + StandInContainer
)

// engineStopping is how long an engine may take to end, in seconds. From v0.21 on it writes its cache down first; one that
// is killed meanwhile has lost it, with all cache volumes.
const engineStopping = "300"

// cacheLimits keep the engine's cache. Without them an engine from v0.21.5 on gives up all that is not in use after each
// session while less than a fifth of the disk is free.
const cacheLimits = `{"minFreeSpace":"5GB","reservedSpace":"10GB","maxUsedSpace":"30GB"}`

func (m *Machine) sdkImage() string    { return "tensorflow-ci/go-sdk:" + m.Plan.Engine }
func (m *Machine) engineImage() string { return "registry.dagger.io/engine:" + m.Plan.Engine }

func (m *Machine) standInImage() string { return "tensorflow-ci/engine-gpu-standin:" + m.Plan.Engine }

// engines makes the engine, after the CLI where that is built, and the one with the GPU stand-in where it is asked for.
func (m *Machine) engines(registry, base *step.Step, cli []*step.Step) ([]*step.Step, error) {
	version := m.Plan.Engine
	caches, err := m.caches()
	if err != nil {
		return nil, err
	}
	codegen, programs, err := m.programs(caches)
	if err != nil {
		return nil, err
	}
	programs.Uses = cli // both compile the same packages: the engine, last, empties the build cache
	recipe, err := step.Digest(m.repository("ci", "engine", "Dockerfile"))
	if err != nil {
		return nil, err
	}
	packages := m.enginePackages(base, recipe)
	sdk, err := m.sdk(base, caches, codegen)
	if err != nil {
		return nil, err
	}
	image := func(name, tag, target string) *step.Step {
		return &step.Step{
			Name:   name,
			What:   "image " + tag,
			Inputs: []string{recipe, target},
			Uses:   base.Uses,
			Needs:  []*step.Step{packages, sdk, programs},
			Holds:  func(ctx context.Context) bool { return imageExists(ctx, tag) },
			Run:    func(ctx context.Context, log io.Writer) error { return m.makeEngineImage(ctx, log, tag, target) },
		}
	}
	engine := m.container("engine-"+version, m.EngineContainer(), m.engineImage(), registry, image("engine-image-"+version, m.engineImage(), "engine"))
	if !m.Options.GPUStandIn {
		return []*step.Step{engine}, nil
	}
	standIn := m.container("engine-gpu-"+version, StandInContainer, m.standInImage(), registry,
		image("engine-gpu-image-"+version, m.standInImage(), "engine-gpu-standin"))
	return []*step.Step{engine, standIn}, nil
}

// enginePackages builds the layers that Debian alone decides, while the programs are still being compiled.
func (m *Machine) enginePackages(base *step.Step, recipe string) *step.Step {
	const tag = "tensorflow-ci/engine-packages:bookworm"
	return &step.Step{
		Name:   "engine-packages",
		What:   "image " + tag,
		Inputs: []string{recipe},
		Uses:   base.Uses,
		Needs:  []*step.Step{base},
		Holds:  func(ctx context.Context) bool { return imageExists(ctx, tag) },
		Run: func(ctx context.Context, log io.Writer) error {
			empty := m.Folder.Path("empty")
			if err := os.MkdirAll(empty, 0o755); err != nil {
				return err
			}
			return m.build(ctx, log, tag, m.repository("ci", "engine", "Dockerfile"), empty, "--target", "packages")
		},
	}
}

// sdk makes the image in which the engine compiles Go modules, as an OCI layout in the engine image's build context.
func (m *Machine) sdk(base, caches, codegen *step.Step) (*step.Step, error) {
	digest, err := step.Digest(m.repository("ci", "engine", "sdk.Dockerfile"), m.repository("ci", "engine", "codegen.sh"))
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "sdk-" + m.Plan.Engine,
		What:   "image " + m.sdkImage() + ", which compiles Go modules",
		Inputs: append([]string{digest}, certificates()...),
		Uses:   base.Uses,
		Needs:  []*step.Step{base, caches, codegen},
		Holds: func(context.Context) bool {
			_, err := m.sdkDigest()
			return err == nil && exists(m.engineFolder("engine", "content", "blobs"))
		},
		Run: m.makeSDK,
	}, nil
}

func (m *Machine) makeSDK(ctx context.Context, log io.Writer) error {
	folder := m.engineFolder("sdk")
	err := errors.Join(
		copyCertificates(folder),
		copyToolchain(ctx, m.engineFolder("sdk", "go")),
		copyFile(m.repository("ci", "engine", "codegen.sh"), m.engineFolder("sdk", "codegen.sh")),
		os.Chmod(m.engineFolder("sdk", "codegen.sh"), 0o755),
		os.RemoveAll(m.engineFolder("oci")),
		os.RemoveAll(m.engineFolder("engine", "content")),
		os.MkdirAll(m.engineFolder("engine", "content", "blobs"), 0o755),
	)
	if err != nil {
		return err
	}
	if err := m.build(ctx, log, m.sdkImage(), m.repository("ci", "engine", "sdk.Dockerfile"), folder,
		"--build-arg", "VERSION="+m.Plan.Engine); err != nil {
		return err
	}
	return proc.Command{Args: []string{
		"skopeo", "copy", "--insecure-policy", "--dest-oci-accept-uncompressed-layers", "--dest-shared-blob-dir", m.engineFolder("engine", "content", "blobs"),
		"docker-daemon:" + m.sdkImage(), "oci:" + m.engineFolder("oci") + ":sdk",
	}}.Run(ctx, log)
}

// sdkDigest is the manifest digest by which the engine finds the SDK image in its content.
func (m *Machine) sdkDigest() (string, error) {
	text, err := os.ReadFile(m.engineFolder("oci", "index.json"))
	if err != nil {
		return "", err
	}
	return manifestDigest(text)
}

// manifestDigest reads the index of an OCI layout that holds one image.
func manifestDigest(index []byte) (string, error) {
	var layout struct {
		Manifests []struct{ Digest string }
	}
	if err := json.Unmarshal(index, &layout); err != nil {
		return "", fmt.Errorf("index of the OCI layout: %w", err)
	}
	if len(layout.Manifests) != 1 || !strings.HasPrefix(layout.Manifests[0].Digest, "sha256:") {
		return "", fmt.Errorf("index of the OCI layout: want one image with a sha256 digest, it has %d", len(layout.Manifests))
	}
	return layout.Manifests[0].Digest, nil
}

func (m *Machine) makeEngineImage(ctx context.Context, log io.Writer, tag, target string) error {
	digest, err := m.sdkDigest()
	if err != nil {
		return err
	}
	if err := copyCertificates(m.engineFolder("engine")); err != nil {
		return err
	}
	return m.build(ctx, log, tag, m.repository("ci", "engine", "Dockerfile"), m.engineFolder("engine"),
		"--target", target, "--build-arg", "GO_SDK_DIGEST="+digest, "--build-arg", "VERSION="+m.Plan.Engine)
}

// container keeps an engine running, under the name by which the CLI finds it.
func (m *Machine) container(name, container, image string, registry, made *step.Step) *step.Step {
	engine := &step.Step{
		Name:   name,
		What:   "container " + container,
		Inputs: append([]string{strconv.Itoa(m.Options.RegistryPort), cacheLimits}, m.privileges()...),
		Uses:   registry.Uses,
		Needs:  []*step.Step{registry, made},
		Try:    "`docker logs " + container + "`: the engine's last line says what it misses",
	}
	engine.Holds = func(ctx context.Context) bool {
		found, _ := host.LookContainer(ctx, container)
		return found.Running
	}
	engine.Run = func(ctx context.Context, log io.Writer) error {
		return m.startEngine(ctx, log, container, image, engine.Key())
	}
	return engine
}

// emptyCache removes a stopped engine with its state where the disk is nearly full.
func emptyCache(ctx context.Context, log io.Writer, container string) (bool, error) {
	if _, err := docker("volume", "inspect", container).Output(ctx); err != nil {
		return false, nil // it has kept nothing yet
	}
	data, err := docker("info", "--format", "{{.DockerRootDir}}").Output(ctx)
	if err != nil {
		return false, err
	}
	free := host.Free(data)
	if !plan.Cramped(free) {
		return false, nil
	}
	fmt.Fprintf(log, "%s free for Docker's data (%s): the cache of the engine %s is emptied\n", host.Gigabytes(free), data, container)
	return true, errors.Join(
		docker("rm", "--force", container).Run(ctx, io.Discard), // what it would write down goes with the volume
		docker("volume", "rm", container).Run(ctx, log),
	)
}

// startEngine starts the container that is there, when it was made from the same inputs, or makes it.
func (m *Machine) startEngine(ctx context.Context, log io.Writer, container, image, key string) error {
	found, _ := host.LookContainer(ctx, container)
	if !found.Running {
		emptied, err := emptyCache(ctx, log, container)
		if err != nil {
			return err
		}
		if emptied {
			found = host.Container{}
		}
	}
	switch {
	case found.Running && found.Label == key:
		return nil
	case found.Label == key:
		if err := docker("start", container).Run(ctx, log); err != nil {
			return err
		}
		return engineAnswers(ctx, log, container)
	case found.Label != "":
		for _, args := range [][]string{{"stop", "--time", engineStopping, container}, {"rm", container}} {
			if err := docker(args...).Run(ctx, log); err != nil {
				return err
			}
		}
	}
	address, err := m.mirror(ctx)
	if err != nil {
		return err
	}
	proxy, err := proc.Command{Args: []string{"go", "env", "GOPROXY"}}.Output(ctx)
	if err != nil {
		return err
	}
	settings := m.Folder.Path("engine.json")
	text := fmt.Sprintf(`{"registries":{"docker.io":{"mirrors":[%[1]q]},%[1]q:{"http":true}},"gc":%[2]s}`+"\n", address, cacheLimits)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		return err
	}
	args := []string{"run", "--detach", "--name", container, "--label", host.Label + "=" + key,
		"--volume", container + ":/var/lib/dagger", "--volume", settings + ":/etc/dagger/engine.json:ro",
		// the versions in the SDK image first: see ci/engine/README.md
		"--env", "_DAGGER_ENGINE_SYSTEMENV_GOPROXY=file:///usr/local/share/goproxy," + proxy}
	for _, proxy := range proxies() {
		args = append(args, "--env", proxy, "--env", "_DAGGER_ENGINE_SYSTEMENV_"+proxy)
	}
	// made by `docker run` it would carry no label, and `down --all` would not know whose it is
	if err := docker("volume", "create", "--label", host.Label+"=up", container).Run(ctx, log); err != nil {
		return err
	}
	if err := docker(append(append(args, m.privileges()...), image, "--debug")...).Run(ctx, log); err != nil {
		return err
	}
	return engineAnswers(ctx, log, container)
}

// privileges lets the engine run containers: all of them where the machine has all, else each that it has.
func (m *Machine) privileges() []string {
	if m.Facts.Capabilities.All() {
		return []string{"--privileged"}
	}
	args := []string{
		"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined",
		"--device-cgroup-rule", "a *:* rwm", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
	}
	for _, capability := range m.Facts.Capabilities.Grantable() {
		args = append(args, "--cap-add", capability)
	}
	return args
}

// engineAnswers waits until the engine listens; one that ends first says why in its log. An engine from v0.21 on that
// cannot read its cache removes it first: minutes where it was tens of gigabytes.
func engineAnswers(ctx context.Context, log io.Writer, container string) error {
	const patience = 5 * time.Minute
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("the engine does not listen after %s", patience))
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := docker("exec", container, "test", "-S", "/run/dagger/engine.sock").Output(ctx); err == nil {
			return nil
		}
		if found, _ := host.LookContainer(ctx, container); !found.Running && ctx.Err() == nil {
			docker("logs", "--tail", "20", container).Run(ctx, log)
			return errors.New("the engine ended at once")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}
