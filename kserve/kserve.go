// Package kserve writes the manifest by which a cluster with KServe serves a model, and splits traffic with a canary.
package kserve

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/imageref"
)

// Service is a model as a cluster is to serve it.
//
// KServe compares what is applied with what is there: a canary is the newest model with a part of the traffic, and what
// was served before it keeps the rest. So this is always the newest model: the canary's, or where there is none production's.
type Service struct {
	Model   string // name of the model; the service is named after it
	Version int64
	Digest  string // canonical digest of the model
	Image   string // OCI image with the model in /models/VERSION, by digest
	// CanaryPercent is the newest model's part of the traffic; nil for all of it and no canary. 0 and 100 are exactly that.
	CanaryPercent *int
	Namespace     string // empty for the one that the cluster's user has chosen
}

// maxName leaves room for what KServe appends to the names of a service's parts.
const maxName = 40

var (
	modelForm     = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)
	namespaceForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// Name is the model's, as Kubernetes allows names: with no underscore, and ending with a letter or a digit.
func (s Service) Name() string {
	name := strings.ReplaceAll(s.Model, "_", "-")
	return strings.TrimRight(name[:min(maxName, len(name))], "-")
}

// InferenceService is the service in YAML.
func (s Service) InferenceService() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, fmt.Errorf("inference service: %w", err)
	}
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := encoder.Encode(inferenceService{
		APIVersion: "serving.kserve.io/v1beta1",
		Kind:       "InferenceService",
		Metadata: metadata{
			Name: s.Name(), Namespace: s.Namespace,
			Labels:      map[string]string{"app.kubernetes.io/created-by": "tensorflow-ci"},
			Annotations: map[string]string{"tensorflow-ci/model-version": fmt.Sprint(s.Version), "tensorflow-ci/model-digest": s.Digest},
		},
		Spec: spec{predictor{
			CanaryTrafficPercent: s.CanaryPercent,
			Model:                modelSpec{ModelFormat: modelFormat{"tensorflow"}, StorageURI: "oci://" + s.Image},
		}},
	})
	return text.Bytes(), err
}

func (s Service) check() error {
	image, err := imageref.Parse(s.Image)
	switch {
	case err != nil:
		return err
	case !image.Pinned():
		return fmt.Errorf("image %s has no digest, and a tag may mean another model on the next node: write it as name:tag@sha256:…", s.Image)
	case !modelForm.MatchString(s.Model):
		return fmt.Errorf("%q is no name for a model; allowed: a-z 0-9 - _, starting with a letter", s.Model)
	case s.Version < 1 || s.Digest == "":
		return errors.New("it is of no version of a model")
	case s.CanaryPercent != nil && (*s.CanaryPercent < 0 || *s.CanaryPercent > 100):
		return fmt.Errorf("a canary cannot get %d %% of the traffic; allowed: 0 to 100", *s.CanaryPercent)
	case s.Namespace != "" && !namespaceForm.MatchString(s.Namespace):
		return fmt.Errorf("--namespace is %.60q; allowed: up to 63 of a-z 0-9 -, starting and ending with a letter or a digit", s.Namespace)
	}
	return nil
}

// What the manifest says, as the API of KServe spells it.

type inferenceService struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name        string            `yaml:"name"`
	Namespace   string            `yaml:"namespace,omitempty"`
	Labels      map[string]string `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

type spec struct {
	Predictor predictor `yaml:"predictor"`
}

type predictor struct {
	CanaryTrafficPercent *int      `yaml:"canaryTrafficPercent,omitempty"`
	Model                modelSpec `yaml:"model"`
}

type modelSpec struct {
	ModelFormat modelFormat `yaml:"modelFormat"`
	StorageURI  string      `yaml:"storageUri"`
}

type modelFormat struct {
	Name string `yaml:"name"`
}
