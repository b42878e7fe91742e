package host

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
)

// Docker is the daemon, as its client sees it.
type Docker struct {
	Client       bool   // the program `docker` is here
	Server       string // version of the daemon that answers; "" when none does
	Problem      string // why none answers, in the client's words
	Data         string // where a daemon on this machine keeps images; "" when it runs elsewhere, or in a virtual machine
	Remote       bool   // Address is another machine's
	Address      string // that DOCKER_HOST or Docker's context names; "" for the usual socket
	Kind         Kind   // what runs it, where that is not plain Docker
	Rootless     bool
	Architecture string // processor of the daemon, as Go names it; "" when not known
}

// Kind is a program that answers as a Docker daemon does.
type Kind string

// The kinds that are told apart.
const (
	Plain   Kind = ""
	Colima  Kind = "Colima"
	Desktop Kind = "Docker Desktop"
	Podman  Kind = "Podman"
)

// Start is how a person starts a daemon of this kind.
func (k Kind) Start() string {
	switch k {
	case Colima:
		return "run `colima start`"
	case Desktop:
		return "start Docker Desktop"
	case Podman:
		return "run `podman machine start`, or `systemctl --user start podman.socket` on Linux"
	}
	return "start Docker"
}

const defaultData = "/var/lib/docker"

func lookDocker(ctx context.Context, system string) Docker {
	docker := Docker{Address: os.Getenv("DOCKER_HOST")}
	if _, err := exec.LookPath("docker"); err == nil {
		answer, err := proc.Command{Args: []string{"docker", "info", "--format", "{{json .}}"}}.Output(ctx)
		info := parseInfo(answer)
		if docker.Address == "" && info.ClientInfo.Context != "" && info.ClientInfo.Context != "default" {
			docker.Address, _ = proc.Command{Args: []string{"docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"}}.Output(ctx)
		}
		docker = info.docker(docker.Address)
		docker.Client = true
		if docker.Server == "" && docker.Problem == "" {
			docker.Problem = lastLine(err)
		}
	}
	docker.Remote = remote(docker.Address)
	switch {
	case docker.Remote || system != "linux" || docker.Kind == Desktop || docker.Kind == Colima:
		docker.Data = ""
	case docker.Server == "":
		docker.Data = defaultData
	}
	return docker
}

// remote tells whether the address is that of another machine's daemon.
func remote(address string) bool { return address != "" && !strings.HasPrefix(address, "unix://") }

// info is what `docker info` prints as JSON: Docker's client of any daemon, or Podman under the name of docker.
type info struct {
	ServerVersion   string
	ServerErrors    []string
	OperatingSystem string
	Name            string
	Architecture    string
	DockerRootDir   string
	ProductLicense  string
	SecurityOptions []string
	ClientInfo      struct{ Context string }
	// of Podman's own
	Host struct {
		Arch     string
		Security struct{ Rootless bool }
	} `json:"host"`
	Store   struct{ GraphRoot string } `json:"store"`
	Version struct{ Version string }   `json:"version"`
}

func parseInfo(text string) info {
	var parsed info
	if json.Unmarshal([]byte(text), &parsed) != nil {
		return info{} // an old client, which prints no JSON without a daemon: its error says why
	}
	return parsed
}

// docker reads the facts; the address is where the client finds the daemon.
func (i info) docker(address string) Docker {
	docker := Docker{
		Server: i.ServerVersion, Data: i.DockerRootDir, Address: address, Kind: i.kind(address), Architecture: architecture(i.Architecture),
	}
	for _, option := range i.SecurityOptions {
		docker.Rootless = docker.Rootless || option == "name=rootless"
	}
	if i.Version.Version != "" { // the program docker is Podman
		docker.Server, docker.Data, docker.Kind = i.Version.Version, i.Store.GraphRoot, Podman
		docker.Rootless, docker.Architecture = i.Host.Security.Rootless, architecture(i.Host.Arch)
	}
	if docker.Server == "" {
		docker.Data = ""
		docker.Problem = strings.Join(i.ServerErrors, "; ")
	}
	return docker
}

func (i info) kind(address string) Kind {
	where := strings.ToLower(address + " " + i.ClientInfo.Context)
	switch {
	// Podman's own licence and store: its answer says nowhere that it is Podman's
	case i.ProductLicense == "Apache-2.0", strings.HasSuffix(i.DockerRootDir, "/containers/storage"), strings.Contains(where, "podman"):
		return Podman
	case i.OperatingSystem == "Docker Desktop", i.ServerVersion == "" && strings.Contains(where, "desktop-linux"):
		return Desktop
	case i.Name == "colima", strings.HasPrefix(i.Name, "colima-"), strings.Contains(where, "colima"):
		return Colima
	}
	return Plain
}

// architecture is a processor's name as Go has it, from the kernel's or Go's own.
func architecture(name string) string {
	switch name {
	case "x86_64":
		return "amd64"
	case "aarch64":
		return "arm64"
	}
	return name
}

// WithoutUser is an address without the name and password in it.
func WithoutUser(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return "an address that cannot be read"
	}
	parsed.User = nil
	return parsed.String()
}
