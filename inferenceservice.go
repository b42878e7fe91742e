package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/kserve"
	"dagger/tensorflow-ci/release"
)

// kubeconfigFile is where kubectl finds a cluster's credentials, for one command.
const kubeconfigFile = "/kubeconfig"

// Render the state as a KServe InferenceService: the canary with its part of the traffic, or else what is in production.
//
// KServe keeps what was applied before for the rest of the traffic. Apply it after every canary, promote and rollback:
// after a promotion it names no part, and after a rollback the version before.
//
// +cache="never"
func (r *Release) InferenceService(
	ctx context.Context,
	// Image of the model, as publish-model-image returned it, of the version that is the canary or, where there is none,
	// in production. Example: registry.example.com/models/phishing:3@sha256:…
	image string,
	// Namespace of the service; the one that the cluster's user has chosen where it is left out.
	// +optional
	namespace string,
) (*dagger.File, error) {
	text, err := r.inferenceService(ctx, image, namespace)
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile("inferenceservice.yaml", text).File("inferenceservice.yaml"), nil
}

func (r *Release) inferenceService(ctx context.Context, image, namespace string) (string, error) {
	var state release.State
	err := r.reading(ctx, func(store *openStore) (err error) {
		state, _, _, err = store.book.Look(ctx)
		return err
	})
	if err != nil {
		return "", err
	}
	version, canary := state.Holder(release.Canary)
	service := kserve.Service{Image: image, Namespace: namespace}
	if canary {
		service.CanaryPercent = &state.CanaryPercent
	} else if stable, found := state.Holder(release.Production); found {
		version = stable
	} else {
		return "", fmt.Errorf("inference service: no version of %s is a canary or in production", state.Model)
	}
	service.Model, service.Version, service.Digest = state.Model, version.Number, version.Digest
	text, err := service.InferenceService()
	if err != nil {
		return "", err
	}
	settings, err := r.Line.settings(ctx)
	if err != nil {
		return "", err
	}
	held, err := containerFor(settings.PlatformOf("busybox")).From(image).Label(ctx, digestLabel)
	switch {
	case err != nil:
		return "", failure("inference service: "+image+" cannot be had", err)
	case held != version.Digest:
		return "", fmt.Errorf("inference service: %s holds the model %q, and version %d is %s: publish that one with publish-model-image", image, held, version.Number, version.Digest)
	}
	return string(text), nil
}

// Apply the InferenceService to a cluster; its own schema decides whether it is one.
//
// +cache="never"
func (r *Release) ApplyInferenceService(
	ctx context.Context,
	// Image of the model, as for inference-service.
	image string,
	// Kubeconfig of a user of the cluster. Example: file:kubeconfig
	kubeconfig *dagger.Secret,
	// Namespace of the service.
	// +optional
	namespace string,
) (string, error) {
	text, err := r.inferenceService(ctx, image, namespace)
	if err != nil {
		return "", err
	}
	settings, err := r.Line.settings(ctx)
	if err != nil {
		return "", err
	}
	python, err := r.Line.pythonWith(ctx, settings, "kubectl")
	if err != nil {
		return "", err
	}
	said, err := python.
		WithNewFile(outDir+"/inferenceservice.yaml", text).
		WithMountedSecret(kubeconfigFile, kubeconfig).
		// A fresh value on this one exec: what a cluster was told yesterday it need not know today.
		WithEnvVariable("TENSORFLOW_CI_NOW", time.Now().UTC().Format(time.RFC3339Nano)).
		WithExec([]string{
			lineDir + "/tool/bin/kubectl", "--kubeconfig", kubeconfigFile, "--request-timeout=30s", "apply", "--validate=strict",
			"--filename", outDir + "/inferenceservice.yaml",
		}).
		Stdout(ctx)
	if err != nil {
		return "", failure("the cluster did not take the inference service", err)
	}
	return strings.TrimSpace(said), nil
}
