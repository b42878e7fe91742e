package kserve

import (
	"strings"
	"testing"
)

var pinned = "registry.example.com/models/phishing:2@sha256:" + strings.Repeat("0123456789abcdef", 4)

func percent(value int) *int { return &value }

func sample() Service {
	return Service{Model: "phishing_sites", Version: 2, Digest: "sha256:abc", Image: pinned, CanaryPercent: percent(10)}
}

const want = `apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: phishing-sites
  labels:
    app.kubernetes.io/created-by: tensorflow-ci
  annotations:
    tensorflow-ci/model-digest: sha256:abc
    tensorflow-ci/model-version: "2"
spec:
  predictor:
    canaryTrafficPercent: 10
    model:
      modelFormat:
        name: tensorflow
      storageUri: oci://IMAGE
`

func TestInferenceService(t *testing.T) {
	text, err := sample().InferenceService()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(want, "IMAGE", pinned, 1); string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestExactParts(t *testing.T) {
	for _, test := range []struct {
		percent *int
		want    string
	}{
		{percent(0), "canaryTrafficPercent: 0\n"}, {percent(100), "canaryTrafficPercent: 100\n"}, {nil, ""},
	} {
		service := sample()
		service.CanaryPercent, service.Namespace = test.percent, "team-a"
		text, err := service.InferenceService()
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(text), "canaryTrafficPercent"); has != (test.want != "") || !strings.Contains(string(text), test.want) {
			t.Errorf("want %q in\n%s", test.want, text)
		}
		if !strings.Contains(string(text), "  namespace: team-a\n") {
			t.Errorf("no namespace in\n%s", text)
		}
	}
}

func TestInferenceServiceRefuses(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(*Service)
	}{
		{"a tag", "has no digest", func(s *Service) { s.Image = "registry.example.com/phishing:1" }},
		{"no image", "it is empty", func(s *Service) { s.Image = "" }},
		{"less than nothing", "cannot get -1 %", func(s *Service) { s.CanaryPercent = percent(-1) }},
		{"more than all", "cannot get 101 %", func(s *Service) { s.CanaryPercent = percent(101) }},
		{"a name", "is no name for a model", func(s *Service) { s.Model = "../x" }},
		{"no version", "no version", func(s *Service) { s.Version = 0 }},
		{"a namespace", "--namespace is", func(s *Service) { s.Namespace = "A b" }},
	} {
		service := sample()
		test.change(&service)
		if text, err := service.InferenceService(); err == nil || !strings.HasPrefix(err.Error(), "inference service: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %.40s, %v, want %s", test.name, text, err, test.want)
		}
	}
}
