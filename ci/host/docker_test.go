package host

import "testing"

// What `docker info --format '{{json .}}'` prints, without the fields that nobody reads.
const (
	debian = `{"ID":"NPMA","Driver":"overlay2","OperatingSystem":"Debian GNU/Linux 12 (bookworm)","OSType":"linux","Architecture":"x86_64",` +
		`"IndexServerAddress":"https://index.docker.io/v1/","DockerRootDir":"/var/lib/docker","Name":"vm","ServerVersion":"20.10.24+dfsg1",` +
		`"SecurityOptions":["name=seccomp,profile=default"],"Warnings":null,"ClientInfo":{"Version":"28.2.2","Os":"linux","Arch":"amd64","Context":"default"}}`
	rootless = `{"ID":"E7PJ:D4AV","Driver":"overlay2","CgroupDriver":"none","CgroupVersion":"1","OperatingSystem":"Ubuntu 20.04.2 LTS","OSType":"linux",` +
		`"Architecture":"x86_64","IndexServerAddress":"https://index.docker.io/v1/","DockerRootDir":"/home/ubuntu/.local/share/docker","Name":"rootless",` +
		`"ServerVersion":"20.10.5","SecurityOptions":["name=seccomp,profile=default","name=rootless"],"ClientInfo":{"Context":"default"}}`
	desktop = `{"OperatingSystem":"Docker Desktop","OSType":"linux","Architecture":"aarch64","IndexServerAddress":"https://index.docker.io/v1/",` +
		`"DockerRootDir":"/var/lib/docker","Name":"docker-desktop","Labels":["com.docker.desktop.address=unix:///Users/me/Library/Containers/com.docker.docker/Data/docker-cli.sock"],` +
		`"ServerVersion":"27.2.0","SecurityOptions":["name=seccomp,profile=unconfined","name=cgroupns"],"ClientInfo":{"Context":"desktop-linux","Os":"darwin","Arch":"arm64"}}`
	colima = `{"OperatingSystem":"Ubuntu 24.04.1 LTS","OSType":"linux","Architecture":"aarch64","IndexServerAddress":"https://index.docker.io/v1/",` +
		`"DockerRootDir":"/var/lib/docker","Name":"colima","ServerVersion":"27.4.0",` +
		`"SecurityOptions":["name=apparmor","name=seccomp,profile=builtin","name=cgroupns"],"ClientInfo":{"Context":"colima","Os":"darwin","Arch":"arm64"}}`
	// Docker's client that asks Podman's socket
	podmanSocket = `{"ID":"97b71fd1-efa1-4bee-931c-7691cae0750a","Driver":"overlay","OperatingSystem":"fedora","OSVersion":"41","OSType":"linux","Architecture":"arm64",` +
		`"IndexServerAddress":"","DockerRootDir":"/var/home/core/.local/share/containers/storage","Name":"localhost.localdomain","ExperimentalBuild":true,` +
		`"ServerVersion":"5.4.0","DefaultRuntime":"crun","InitBinary":"","ProductLicense":"Apache-2.0",` +
		`"SecurityOptions":["name=seccomp,profile=default","name=rootless","name=selinux"],"ClientInfo":{"Context":"default"}}`
	// Podman under the name of docker
	podmanProgram = `{"host":{"arch":"amd64","buildahVersion":"1.31.2","cgroupManager":"systemd","hostname":"toronto","os":"linux",` +
		`"security":{"apparmorEnabled":false,"rootless":true,"seccompEnabled":true,"selinuxEnabled":true},"serviceIsRemote":false},` +
		`"store":{"graphDriverName":"overlay","graphRoot":"/home/me/.local/share/containers/storage"},"registries":{"search":["docker.io"]},` +
		`"plugins":{"volume":["local"]},"version":{"APIVersion":"4.6.2","Version":"4.6.2","GoVersion":"go1.20.7","OsArch":"linux/amd64"}}`
	silent = `{"ID":"","Containers":0,"Driver":"","DockerRootDir":"","ServerVersion":"","SecurityOptions":null,` +
		`"ServerErrors":["Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"],"ClientInfo":{"Context":"default"}}`
	silentColima = `{"ServerVersion":"","ServerErrors":["Cannot connect to the Docker daemon at unix:///Users/me/.colima/default/docker.sock. ` +
		`Is the docker daemon running?"],"ClientInfo":{"Context":"colima"}}`
)

func TestDockerByItsInfo(t *testing.T) {
	const noDaemon = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?"
	const socket = "unix:///run/user/1000/podman/podman.sock"
	for name, test := range map[string]struct {
		info, address string
		want          Docker
	}{
		"Debian's": {info: debian, want: Docker{Server: "20.10.24+dfsg1", Data: "/var/lib/docker", Architecture: "amd64"}},
		"rootless": {info: rootless, want: Docker{Server: "20.10.5", Data: "/home/ubuntu/.local/share/docker", Rootless: true, Architecture: "amd64"}},
		"Desktop":  {info: desktop, want: Docker{Server: "27.2.0", Data: "/var/lib/docker", Kind: Desktop, Architecture: "arm64"}},
		"Colima":   {info: colima, want: Docker{Server: "27.4.0", Data: "/var/lib/docker", Kind: Colima, Architecture: "arm64"}},
		"Podman's socket": {info: podmanSocket, address: socket, want: Docker{Server: "5.4.0", Kind: Podman, Rootless: true,
			Data: "/var/home/core/.local/share/containers/storage", Architecture: "arm64"}},
		"Podman under Docker's name": {info: podmanProgram, want: Docker{Server: "4.6.2", Kind: Podman, Rootless: true,
			Data: "/home/me/.local/share/containers/storage", Architecture: "amd64"}},
		"none answers":          {info: silent, want: Docker{Problem: noDaemon}},
		"Podman's is silent":    {info: silent, address: socket, want: Docker{Kind: Podman, Problem: noDaemon}},
		"Colima sleeps":         {info: silentColima, want: Docker{Kind: Colima, Problem: "Cannot connect to the Docker daemon at unix:///Users/me/.colima/default/docker.sock. Is the docker daemon running?"}},
		"no JSON at all":        {info: "errors pretty printing info", want: Docker{}},
		"another machine's":     {info: debian, address: "ssh://me@builder", want: Docker{Server: "20.10.24+dfsg1", Data: "/var/lib/docker", Architecture: "amd64"}},
		"an exotic processor's": {info: `{"ServerVersion":"28","Architecture":"riscv64"}`, want: Docker{Server: "28", Architecture: "riscv64"}},
	} {
		test.want.Address = test.address
		if got := parseInfo(test.info).docker(test.address); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

func TestParseContainer(t *testing.T) {
	for answer, want := range map[string]Container{
		"true abc123 2026-11-30T21:00:00.1Z":            {Running: true, Label: "abc123", Since: "2026-11-30T21:00:00.1Z"},
		"false  0001-01-01T00:00:00Z":                   {Since: "0001-01-01T00:00:00Z"},
		"true  2026-11-30 21:00:00.123456789 +0000 UTC": {Running: true, Since: "2026-11-30 21:00:00.123456789 +0000 UTC"}, // Podman's
		"": {},
	} {
		if got := parseContainer(answer); got != want {
			t.Errorf("%q: got %+v, want %+v", answer, got, want)
		}
	}
}

func TestVersionIn(t *testing.T) {
	for name, want := range map[string]string{
		"registry.dagger.io/engine:v0.21.8":               "v0.21.8",
		"registry.dagger.io/engine:v0.20.8-gpu":           "v0.20.8-gpu",
		"dagger-engine-v0.20.8":                           "v0.20.8",
		"registry.dagger.io/engine:v0.21.8@sha256:abcdef": "v0.21.8",
		"dagger-engine.dev":                               "",
		"my-engine":                                       "",
		"":                                                "",
	} {
		if got := versionIn(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestEngineWords(t *testing.T) {
	for address, want := range map[string]string{
		"tcp://me:secret@engine:1234":                         "a remote engine, at engine:1234 over TCP",
		"ssh://me@builder":                                    "a remote engine, on builder over SSH",
		"unix:///run/dagger/engine.sock":                      "an engine that listens on the socket /run/dagger/engine.sock",
		"container://dagger-engine-v0.21.8":                   "an engine in the container dagger-engine-v0.21.8",
		"docker-container://mine":                             "an engine in the container mine",
		"podman-container://mine":                             "an engine in Podman's container mine",
		"kube-pod://dagger-abc?context=prod&namespace=dagger": "a remote engine, in the Kubernetes pod dagger-abc of namespace dagger",
		"docker-image://registry.dagger.io/engine:v0.21.8":    "an engine that the CLI starts from the image registry.dagger.io/engine:v0.21.8",
		"dagger-cloud://default":                              "an engine in Dagger Cloud",
		"carrier-pigeon://home":                               "an engine reached by carrier-pigeon://",
		"engine:1234":                                         "an engine reached by engine://",
		"/run/engine.sock":                                    "an engine whose address cannot be read: want tcp://HOST:PORT, unix:///PATH, container://NAME or kube-pod://NAME",
	} {
		if got := EngineWords(address); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
}

func TestParseStandIns(t *testing.T) {
	const title = "TensorFlow 2.16.2 (CPU), a stand-in"
	got := parseStandIns(`{"Names":["tensorflow/tensorflow:2.16.2","172.17.0.1:5000/tensorflow/tensorflow:2.16.2"],"Labels":{"org.opencontainers.image.title":"` + title + `"}}
{"Names":["tensorflow-ci/base:bookworm"],"Labels":{"org.opencontainers.image.title":"Debian 12, made by debootstrap for tensorflow-ci"}}
{"Names":[],"Labels":{"org.opencontainers.image.title":"Node 1, a stand-in"}}
{"Names":["mine:1"],"Labels":null}
Error: No such image: sha256:00
`)
	if len(got) != 1 || got[0].Title != title || got[0].Names[0] != "tensorflow/tensorflow:2.16.2" {
		t.Errorf("got %+v", got)
	}
}
