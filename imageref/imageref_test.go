package imageref

import (
	"fmt"
	"strings"
	"testing"
)

var (
	sha256 = "sha256:" + strings.Repeat("0123456789abcdef", 4)
	sha512 = "sha512:" + strings.Repeat("0123456789abcdef", 8)
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		in       string
		want     Ref
		familiar string
	}{
		{"tensorflow/tensorflow:2.21.0", Ref{"docker.io", "tensorflow/tensorflow", "2.21.0", ""}, "tensorflow/tensorflow:2.21.0"},
		{"python:3.11-slim", Ref{"docker.io", "library/python", "3.11-slim", ""}, "python:3.11-slim"},
		{"docker.io/python:3", Ref{"docker.io", "library/python", "3", ""}, "python:3"},
		{"docker.io/library/python:3", Ref{"docker.io", "library/python", "3", ""}, "python:3"},
		{"index.docker.io/python:3", Ref{"docker.io", "library/python", "3", ""}, "python:3"},
		{"Docker.IO/python:3", Ref{"docker.io", "library/python", "3", ""}, "python:3"},
		{"docker.io/library/localhost/x:1", Ref{"docker.io", "library/localhost/x", "1", ""}, "library/localhost/x:1"},
		{"docker.io/a.b/x:1", Ref{"docker.io", "a.b/x", "1", ""}, "docker.io/a.b/x:1"},
		{"library/0/0:0", Ref{"docker.io", "library/0/0", "0", ""}, "library/0/0:0"},
		{"localhost/x:1", Ref{"localhost", "x", "1", ""}, "localhost/x:1"},
		{"localhost:5000/team/x:1", Ref{"localhost:5000", "team/x", "1", ""}, "localhost:5000/team/x:1"},
		{"[::1]:5000/x:1", Ref{"[::1]:5000", "x", "1", ""}, "[::1]:5000/x:1"},
		{"gcr.io/a/b/c__d/e.f--g:V1_x", Ref{"gcr.io", "a/b/c__d/e.f--g", "V1_x", ""}, "gcr.io/a/b/c__d/e.f--g:V1_x"},
		{"tensorflow/serving@" + sha256, Ref{"docker.io", "tensorflow/serving", "", sha256}, "tensorflow/serving@" + sha256},
		{"tensorflow/serving:2.16.1@" + sha512, Ref{"docker.io", "tensorflow/serving", "2.16.1", sha512}, "tensorflow/serving:2.16.1@" + sha512},
		{"x:" + strings.Repeat("a", 128), Ref{"docker.io", "library/x", strings.Repeat("a", 128), ""}, "x:" + strings.Repeat("a", 128)},
		{"aquasec/trivy:0.69.3", Ref{"docker.io", "aquasec/trivy", "0.69.3", ""}, "aquasec/trivy:0.69.3"},
		{"aquasec/trivy:0.69.40", Ref{"docker.io", "aquasec/trivy", "0.69.40", ""}, "aquasec/trivy:0.69.40"},
		{"aquasec/trivy:0.70.0", Ref{"docker.io", "aquasec/trivy", "0.70.0", ""}, "aquasec/trivy:0.70.0"},
		{"aquasec/trivy-operator:0.69.4", Ref{"docker.io", "aquasec/trivy-operator", "0.69.4", ""}, "aquasec/trivy-operator:0.69.4"},
		{"x:latestish", Ref{"docker.io", "library/x", "latestish", ""}, "x:latestish"},
	} {
		t.Run(test.in, func(t *testing.T) {
			got, err := Parse(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			if full, want := got.String(), test.want.Registry+"/"+test.want.Repository+test.want.suffix(); full != want {
				t.Errorf("String() = %s, want %s", full, want)
			}
			if got.Familiar() != test.familiar {
				t.Errorf("Familiar() = %s, want %s", got.Familiar(), test.familiar)
			}
			if want := strings.Contains(test.in, "@"); got.Pinned() != want {
				t.Errorf("Pinned() = %v, want %v", got.Pinned(), want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ in, why, write string }{
		{"", "empty", "tensorflow/tensorflow:2.21.0"},
		{"tensorflow/tensorflow", "neither a tag nor a digest", "tensorflow/tensorflow:VERSION"},
		{"python", "neither a tag nor a digest", "python:VERSION"},
		{"localhost:5000/x", "neither a tag nor a digest", "localhost:5000/x:VERSION"},
		{"tensorflow/tensorflow:latest", "the tag latest moves", "tensorflow/tensorflow:VERSION"},
		{"tensorflow/tensorflow:LATEST", "moves", "VERSION"},
		{"tensorflow/tensorflow:latest-gpu", "the tag latest-gpu moves", "VERSION"},
		{"tensorflow/tensorflow:latest@" + sha256, "says nothing about the version", "tensorflow/tensorflow@sha256:"},
		{"tensorflow/tensorflow:", "no tag", "128"},
		{"tensorflow/tensorflow:.1", "no tag", "128"},
		{"x:" + strings.Repeat("a", 129), "no tag", "128"},
		{"x:1;reboot", "no tag", "128"},
		{"x:$(reboot)", "no tag", "128"},
		{"x@sha256:abc", "no digest", "64 digits"},
		{"x@" + strings.ToUpper(sha256), "no digest", "64 digits"},
		{"x@" + sha256 + "0", "no digest", "64 digits"},
		{"x@md5:" + strings.Repeat("a", 32), "no digest", "64 digits"},
		{"x@" + sha256 + "@" + sha256, "no digest", "64 digits"},
		{"x@", "no digest", "64 digits"},
		{strings.TrimPrefix(sha256, "sha256:"), "digest without a name", "name@sha256:"},
		{sha256, "digest without a name", "name@sha256:"},
		{"TensorFlow/tensorflow:2.21.0", "upper-case", "tensorflow/tensorflow:2.21.0"},
		{"docker.io/Python:3", "upper-case", "python:3"},
		{"tensorflow tensorflow:2.16.2", `contains ' '`, "letters"},
		{" x:1", `contains ' '`, "letters"},
		{"x:1\n", `contains '\n'`, "letters"},
		{"x\x00:1", `contains '\x00'`, "letters"},
		{"x:1\x1b[31m", `contains '\x1b'`, "letters"},
		{"ténsor:1", `contains 'é'`, "letters"},
		{"x:🔥", `contains '🔥'`, "letters"},
		{"\xff:1", "contains", "letters"},
		{"-x:1", "starts with a dash", "tensorflow/tensorflow:2.21.0"},
		{"--privileged", "starts with a dash", "tensorflow/tensorflow:2.21.0"},
		{"https://docker.io/x:1", "URL", "without the scheme"},
		{"../x:1", "no registry", "registry.example.com"},
		{"a..b/x:1", "no registry", "registry.example.com"},
		{"reg:port/x:1", "no registry", "registry.example.com"},
		{"a/../x:1", "no repository", "lower-case"},
		{"a//x:1", "no repository", "lower-case"},
		{"/x:1", "no repository", "lower-case"},
		{"x/:1", "no repository", "lower-case"},
		{"gcr.io/:1", "no repository", "lower-case"},
		{"a___b:1", "no repository", "lower-case"},
		{":1", "no repository", "lower-case"},
		{strings.Repeat("a/", 200) + "x:1", "longer than 255", "tensorflow/tensorflow:2.21.0"},
		{strings.Repeat("a.", 200) + "b/x:1", "no registry", "registry.example.com"},
		{strings.Repeat("A", 800) + ":1", "longer than 255", "tensorflow/tensorflow:2.21.0"},
		{strings.Repeat("x", 10_000), "10000 bytes long", "tensorflow/tensorflow:2.21.0"},
		{"aquasec/trivy:0.69.4", "Trivy 0.69.4 is malicious", "0.69.3"},
		{"ghcr.io/aquasecurity/trivy:v0.69.5", "Trivy v0.69.5 is malicious", "0.69.3"},
		{"mirror.example.com:5000/docker/aquasec/trivy:0.69.6@" + sha256, "Trivy 0.69.6 is malicious", "0.69.3"},
		{"trivy:0.69.4-amd64", "malicious", "0.69.3"},
	} {
		t.Run(fmt.Sprintf("%.40q", test.in), func(t *testing.T) {
			ref, err := Parse(test.in)
			if err == nil {
				t.Fatalf("got %+v, want a refusal", ref)
			}
			for _, want := range []string{test.why, test.write, "; write "} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if len(err.Error()) > 500 || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' }) {
				t.Errorf("unfit for a log: %q", err)
			}
			if ref != (Ref{}) {
				t.Errorf("got %+v beside the error", ref)
			}
		})
	}
}

func TestAllowed(t *testing.T) {
	for _, test := range []struct {
		reference  string
		registries []string
		want       bool
	}{
		{"python:3", nil, true},
		{"python:3", []string{"docker.io"}, true},
		{"python:3", []string{"index.docker.io"}, true},
		{"python:3", []string{"index.docker.io/library/"}, true},
		{"python:3", []string{"docker.io/tensorflow"}, false},
		{"ghcr.io/team/x:1", []string{"docker.io", "ghcr.io/team"}, true},
		{"ghcr.io/team/x:1", []string{"ghcr.io/team/x"}, true},
		{"ghcr.io/teammate/x:1", []string{"ghcr.io/team"}, false},
		{"ghcr.io.evil.example/x:1", []string{"ghcr.io"}, false},
		{"localhost:5000/x:1", []string{"localhost"}, false},
		{"python:3", []string{""}, false},
	} {
		t.Run(fmt.Sprint(test.reference, test.registries), func(t *testing.T) {
			ref, err := Parse(test.reference)
			if err != nil {
				t.Fatal(err)
			}
			err = ref.Allowed(test.registries)
			if (err == nil) != test.want {
				t.Fatalf("got %v, want allowed: %v", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), "from one of: "+strings.Join(test.registries, ", ")) {
				t.Errorf("%q does not name what is allowed", err)
			}
		})
	}
}

// FuzzParse holds that what is accepted reads back as itself, in both of its forms, is never a flag or a moving tag and is
// allowed from its own registry, and that what is refused is named in one line that is fit for a log.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"tensorflow/tensorflow:2.21.0", "python", "x@" + sha256, "localhost:5000/a/b:1@" + sha256, "docker.io/library/localhost/x:1",
		"[::1]:5000/x:1", "x:latest", "-x:1", "A/b:1", "a//b:1", "x:1\x00",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := Parse(s)
		if err != nil {
			said := err.Error()
			if !strings.HasPrefix(said, "image "+shortened(s)+": ") || !strings.Contains(said, "; write ") || len(said) > 1000 ||
				strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%q is refused with %q", s, said)
			}
			return
		}
		if err := ref.Allowed([]string{"elsewhere.example.com", ref.Registry}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if ref.Allowed([]string{ref.Registry + "x"}) == nil {
			t.Errorf("%q is allowed from another registry", s)
		}
		if strings.HasPrefix(s, "-") || ref.Tag == "latest" || ref.Tag == "" && !ref.Pinned() {
			t.Errorf("accepted %q", s)
		}
		for _, form := range []string{ref.String(), ref.Familiar()} {
			again, err := Parse(form)
			if err != nil || again != ref {
				t.Errorf("%q is %+v, but its form %q is %+v (%v)", s, ref, form, again, err)
			}
		}
	})
}
