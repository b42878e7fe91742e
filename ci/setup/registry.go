package setup

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

// registry runs Debian's docker-registry on the bridge's address: containers and the engine reach it, other machines
// do not.
func (m *Machine) registry(packages, daemon []*step.Step) *step.Step {
	return &step.Step{
		Name:   "registry",
		What:   fmt.Sprintf("OCI registry on port %d of the Docker bridge, the engine's mirror for docker.io", m.Options.RegistryPort),
		Inputs: []string{strconv.Itoa(m.Options.RegistryPort)},
		Uses:   slices.Concat(packages, daemon),
		Holds: func(ctx context.Context) bool {
			address, err := m.mirror(ctx)
			return err == nil && m.Folder.Process(RegistryProcess).Alive() && registryAnswers(ctx, address)
		},
		Run: m.startRegistry,
		Try: "another port, where something else listens on this one: --registry-port 5001",
	}
}

func (m *Machine) startRegistry(ctx context.Context, log io.Writer) error {
	if err := m.Folder.Process(RegistryProcess).Stop(ctx, 10*time.Second); err != nil {
		return err
	}
	address, err := m.mirror(ctx)
	if err != nil {
		return err
	}
	if connection, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		connection.Close()
		return fmt.Errorf("another program listens on %s already", address)
	}
	settings := m.Folder.Path("registry.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: %q}\n  delete: {enabled: true}\nhttp: {addr: %q}\n",
		m.Folder.Path("registry"), address)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		return err
	}
	return m.serve(ctx, log, RegistryProcess, proc.Command{Args: []string{"docker-registry", "serve", settings}}, 20*time.Second,
		func(ctx context.Context) bool { return registryAnswers(ctx, address) })
}

// mirror is the address of the registry: on the Docker bridge, where containers and this machine both reach it.
func (m *Machine) mirror(ctx context.Context) (string, error) {
	gateway, err := BridgeAddress(ctx)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(gateway, strconv.Itoa(m.Options.RegistryPort)), nil
}

// BridgeAddress is this machine's own address on the Docker bridge, where containers reach it.
func BridgeAddress(ctx context.Context) (string, error) {
	gateway, err := docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").Output(ctx)
	if err == nil && gateway == "" { // the daemon does not say before the bridge has had its first container
		gateway, err = addressOf("docker0")
	}
	if err != nil {
		return "", fmt.Errorf("the address of the Docker bridge: %w", err)
	}
	return gateway, nil
}

// addressOf is the IPv4 address of a network interface.
func addressOf(name string) (string, error) {
	found, err := net.InterfaceByName(name)
	if err != nil {
		return "", fmt.Errorf("interface %s: %w", name, err)
	}
	addresses, err := found.Addrs()
	if err != nil {
		return "", fmt.Errorf("interface %s: %w", name, err)
	}
	for _, address := range addresses {
		if prefix, ok := address.(*net.IPNet); ok && prefix.IP.To4() != nil {
			return prefix.IP.String(), nil
		}
	}
	return "", fmt.Errorf("interface %s has no IPv4 address", name)
}

func registryAnswers(ctx context.Context, address string) bool {
	return get(ctx, "http://"+address+"/v2/") == http.StatusOK
}

// hasImage asks the registry for an image's manifest.
func hasImage(ctx context.Context, address, name, tag string) bool {
	return get(ctx, fmt.Sprintf("http://%s/v2/%s/manifests/%s", address, name, tag)) == http.StatusOK
}

// manifestTypes are the forms of an image's manifest that a registry may answer with.
const manifestTypes = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"

// get is the status of the answer, 0 when there is none. A proxy has no part in a call to the Docker bridge.
func get(ctx context.Context, address string) int {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0
	}
	request.Header.Set("Accept", manifestTypes)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}
