package host

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
)

// Engine is the container that the CLI of this version looks for, and whether another engine is asked for.
type Engine struct {
	Remote  string // value of the variable that names another engine
	Version string // of that other engine; "" where it cannot be known before a call
	Exists  bool
	Running bool
	Ours    bool // made by `up`
}

// released is a version of Dagger in the name of a container or the tag of an image.
var released = regexp.MustCompile(`(?:dagger-engine-|engine:)(v\d+\.\d+\.\d+(?:-[0-9A-Za-z.]+)?)`)

// versionIn is the version that such a name holds; "" when none.
func versionIn(name string) string {
	if match := released.FindStringSubmatch(name); match != nil {
		return match[1]
	}
	return ""
}

// otherVersion finds out which version an engine has that the variable names: its container's image says so, or its name.
func otherVersion(ctx context.Context, address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	name, _, _ := strings.Cut(rest, "?")
	switch scheme {
	case "container", "docker-container":
		image, err := proc.Command{Args: []string{"docker", "container", "inspect", "--format", "{{.Config.Image}}", name}}.Output(ctx)
		if version := versionIn(image); err == nil && version != "" {
			return version
		}
		return versionIn(name)
	case "podman-container", "image", "docker-image":
		return versionIn(name)
	}
	return "" // an address says nothing of it, nor does the name that Kubernetes gives a pod
}

// NeedsDocker tells whether the CLI reaches such an engine through Docker.
func NeedsDocker(address string) bool {
	scheme, _, _ := strings.Cut(address, "://")
	return slices.Contains([]string{"container", "docker-container", "image", "docker-image"}, scheme)
}

// EngineWords says in words which engine the variable names.
func EngineWords(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme == "" {
		return "an engine whose address cannot be read: want tcp://HOST:PORT, unix:///PATH, container://NAME or kube-pod://NAME"
	}
	switch place := parsed.Host + parsed.Path; parsed.Scheme {
	case "tcp":
		return "a remote engine, at " + parsed.Host + " over TCP"
	case "ssh":
		return "a remote engine, on " + parsed.Host + " over SSH"
	case "unix":
		return "an engine that listens on the socket " + place
	case "container", "docker-container":
		return "an engine in the container " + place
	case "podman-container":
		return "an engine in Podman's container " + place
	case "kube-pod":
		words := "a remote engine, in the Kubernetes pod " + place
		if namespace := parsed.Query().Get("namespace"); namespace != "" {
			words += " of namespace " + namespace
		}
		return words
	case "image", "docker-image":
		return "an engine that the CLI starts from the image " + place
	case "dagger-cloud":
		return "an engine in Dagger Cloud"
	}
	return "an engine reached by " + parsed.Scheme + "://"
}
