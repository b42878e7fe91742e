package main

import (
	"fmt"
	"strings"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
)

// published is the processor that TensorFlow's published images are made for, and no other.
const published = "amd64"

// diagnoseDocker says which daemon answers, and what follows from its kind.
func diagnoseDocker(facts host.Facts, made plan.Plan) []finding {
	docker := facts.Docker
	switch {
	case docker.Server != "":
	case made.Daemon:
		return []finding{{brought, "no Docker daemon answers", "one is started by hand, with its log in the state folder"}}
	case facts.Engine.Remote != "" && !host.NeedsDocker(facts.Engine.Remote):
		return []finding{{good, "no Docker daemon answers, and none is needed: the engine is another one", ""}}
	default:
		return []finding{{bad, "no Docker daemon answers: " + docker.Problem, docker.Kind.Start() + ", or set DOCKER_HOST to a daemon that runs"}}
	}
	findings := []finding{{good, daemonWords(docker), ""}}
	if docker.Kind == host.Podman {
		findings = append(findings, finding{note, podmanWords(docker), ""})
	} else if docker.Rootless {
		findings = append(findings, finding{note, "Docker is rootless: the engine can do no more than the user who runs it", ""})
	}
	if docker.Architecture != "" && docker.Architecture != published && facts.Engine.Remote == "" {
		findings = append(findings, finding{note,
			fmt.Sprintf("the Docker daemon is linux/%s, and TensorFlow's published images are linux/%s alone", docker.Architecture, published),
			fmt.Sprintf("they run there by emulation, slowly, or on a remote linux/%s engine: export %s=tcp://HOST:PORT", published, host.EngineVariable)})
	}
	return findings
}

func daemonWords(docker host.Docker) string {
	var about []string
	if docker.Kind != host.Plain {
		about = append(about, string(docker.Kind))
	}
	if docker.Rootless {
		about = append(about, "rootless")
	}
	if docker.Remote {
		about = append(about, "on another machine: "+host.WithoutUser(docker.Address))
	}
	text := "Docker daemon " + docker.Server + " answers"
	if len(about) > 0 {
		text += " (" + strings.Join(about, ", ") + ")"
	}
	return text
}

// podmanWords says what Dagger asks of Podman: containers that may do all.
func podmanWords(docker host.Docker) string {
	if docker.Rootless {
		return "Podman is rootless: if the engine does not start, use a rootful one (`podman machine set --rootful`; on Linux, the socket of root)"
	}
	return "Podman answers in Docker's place: the tests of the module run on Docker"
}

// diagnoseRegistries has a line for each registry that answers and one for all that do not.
func diagnoseRegistries(facts host.Facts, made plan.Plan) []finding {
	var findings []finding
	for _, registry := range facts.Registries {
		switch {
		case !registry.Reached:
		case registry.Problem != "":
			findings = append(findings, finding{bad, "image registry " + registry.Host + ": " + registry.Problem, "no stand-ins are built for that"})
		case registry.Login:
			findings = append(findings, finding{good, "image registry " + registry.Host + " answers; for images that are not public it wants a login", ""})
		default:
			findings = append(findings, finding{good, "image registry " + registry.Host + " answers", ""})
		}
	}
	unreached := host.Unreached(facts.Registries)
	switch {
	case unreached == "" && made.Mirror && facts.MirrorMade:
		findings = append(findings, finding{note, "stand-ins are in use although the image registries answer now",
			"`go run ./ci down --all`, then `go run ./ci up`, changes to the published images"})
	case unreached == "":
	case made.Mirror && facts.MirrorMade:
		findings = append(findings, finding{note, "image registries out of reach: " + unreached, "stand-ins are in use, the images that were made here"})
	case made.Mirror:
		findings = append(findings, finding{brought, "image registries out of reach: " + unreached, "stand-ins are built here and served by a registry of our own"})
	case facts.Engine.Remote != "":
		findings = append(findings, finding{note, "image registries out of reach: " + unreached, "what counts is what the other engine reaches"})
	default:
		findings = append(findings, finding{bad, "image registries out of reach: " + unreached, "open the network or mend the proxy; `--mirror auto` builds stand-ins on linux/amd64"})
	}
	return findings
}

func diagnoseEngine(facts host.Facts, made plan.Plan) finding {
	engine := facts.Engine
	switch {
	case engine.Remote != "":
		return finding{good, fmt.Sprintf("calls use %s (%s)", host.EngineWords(engine.Remote), host.EngineVariable), ""}
	case engine.Exists && !engine.Ours && made.Mirror:
		return finding{bad, "container " + host.EngineContainer(made.Engine) + " was not made by `up`", "remove it (docker rm -f " + host.EngineContainer(made.Engine) + ") or use --mirror never"}
	case engine.Running:
		return finding{good, "Dagger engine " + made.Engine + " runs", ""}
	case made.Mirror:
		return finding{brought, "no Dagger engine runs", "one is built here"}
	}
	return finding{good, "no Dagger engine runs yet: the CLI starts one", ""}
}
