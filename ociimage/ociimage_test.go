package ociimage

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// packed is an archive as the engine writes it, of an image with one layer that came into its cache at a time.
func packed(t testing.TB, layer, created string) []byte {
	t.Helper()
	files := map[string][]byte{}
	add := func(mediaType string, content []byte) Descriptor {
		files[blobPath(digest(content))] = content
		described := describe(mediaType, content)
		described.Annotations = map[string]string{"buildkit/createdat": created}
		return described
	}
	config := add("application/vnd.oci.image.config.v1+json", fmt.Appendf(nil,
		`{"os": "linux", "created": %q, "history": [{"created": %q, "created_by": "copy"}], "rootfs": {"diff_ids": ["sha256:1"]}}`, created, created))
	manifest := add(manifestType, encoded(Manifest{SchemaVersion: 2, Config: config, Layers: []Descriptor{
		add("application/vnd.oci.image.layer.v1.tar+gzip", []byte(layer)),
	}}))
	inner := add(indexType, encoded(map[string]any{"manifests": []Descriptor{manifest}}))
	files["index.json"] = encoded(map[string]any{"manifests": []Descriptor{inner}})
	return tarred(t, files)
}

func tarred(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	writer := tar.NewWriter(&buffer)
	for name, content := range files {
		if err := writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func open(t *testing.T, content []byte) *Archive {
	t.Helper()
	archive, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	return archive
}

func TestDigestFollowsFromContent(t *testing.T) {
	first := open(t, packed(t, "layer", "2026-11-24T12:00:00Z")).Descriptor()
	again := open(t, packed(t, "layer", "2027-01-01T00:00:00.5Z")).Descriptor()
	other := open(t, packed(t, "another", "2026-11-24T12:00:00Z")).Descriptor()
	if first.Digest != again.Digest || first.Digest == other.Digest {
		t.Errorf("digests: %s, made later %s (want equal), of another layer %s", first.Digest, again.Digest, other.Digest)
	}
}

func TestOpenRefuses(t *testing.T) {
	whole := packed(t, "layer", "2026-11-24T12:00:00Z")
	two := encoded(map[string]any{"manifests": []Descriptor{{Digest: "sha256:a"}, {Digest: "sha256:b"}}})
	gone := encoded(map[string]any{"manifests": []Descriptor{{Digest: "sha256:a"}}})
	for name, content := range map[string][]byte{
		"nothing":    nil,
		"no archive": []byte(strings.Repeat("x", 2000)),
		"a cut one":  whole[:700],
		"no index":   tarred(t, map[string][]byte{"oci-layout": nil}),
		"no JSON":    tarred(t, map[string][]byte{"index.json": []byte("{")}),
		"two images": tarred(t, map[string][]byte{"index.json": two}),
		"an index of an index of an index": tarred(t, map[string][]byte{
			"index.json":     encoded(map[string]any{"manifests": []Descriptor{{MediaType: indexType, Digest: "sha256:a"}}}),
			"blobs/sha256/a": encoded(map[string]any{"manifests": []Descriptor{{MediaType: indexType, Digest: "sha256:a"}}}),
		}),
		"an index of nothing": tarred(t, map[string][]byte{
			"index.json": encoded(map[string]any{"manifests": []Descriptor{{MediaType: indexType, Digest: "sha256:a"}}}), "blobs/sha256/a": []byte("{}"),
		}),
		"a missing blob": tarred(t, map[string][]byte{"index.json": gone}),
	} {
		if _, err := Open(bytes.NewReader(content), int64(len(content))); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// store is a registry that asks for a token, and keeps no list of referrers unless it is told to.
type store struct {
	*httptest.Server
	lock      sync.Mutex
	content   map[string][]byte
	uploads   int
	referrers bool
}

func newStore(t *testing.T) *store {
	s := &store{content: map[string][]byte{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *store) serve(w http.ResponseWriter, r *http.Request) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if r.URL.Path == "/token" {
		want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:right"))
		if r.Header.Get("Authorization") != want || r.URL.Query().Get("scope") != "repository:team/model:pull,push" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"token": "good"}`)
		return
	}
	if r.Header.Get("Authorization") != "Bearer good" {
		w.Header().Set("WWW-Authenticate", `Bearer realm="`+s.URL+`/token",service="store"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	body, _ := io.ReadAll(r.Body)
	switch {
	case r.URL.Path == "/v2/":
	case strings.Contains(r.URL.Path, "/referrers/"):
		if !s.referrers {
			w.WriteHeader(http.StatusNotFound)
		}
	case r.Method == http.MethodPost:
		s.uploads++
		w.Header().Set("Location", "/v2/team/model/blobs/uploads/1?state=x")
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/uploads/"):
		if digest(body) != r.URL.Query().Get("digest") || r.URL.Query().Get("state") != "x" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"errors": [{"code": "DIGEST_INVALID", "message": "another content"}]}`)
			return
		}
		s.content["/v2/team/model/blobs/"+digest(body)] = body
		w.WriteHeader(http.StatusCreated)
	case r.Method == http.MethodPut:
		s.content[r.URL.Path] = body
		w.WriteHeader(http.StatusCreated)
	case s.content[r.URL.Path] == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		_, _ = w.Write(s.content[r.URL.Path])
	}
}

func (s *store) registry(password string) *Registry {
	return &Registry{Host: strings.TrimPrefix(s.URL, "http://"), Repository: "team/model", Username: "me", Password: password}
}

func TestPush(t *testing.T) {
	s := newStore(t)
	image := open(t, packed(t, "layer", "2026-11-24T12:00:00Z"))
	sum, err := s.registry("right").Push(context.Background(), image, "1.0")
	if err != nil {
		t.Fatal(err)
	}
	if sum != image.Descriptor().Digest || digest(s.content["/v2/team/model/manifests/1.0"]) != sum {
		t.Errorf("pushed %s, want %s", sum, image.Descriptor().Digest)
	}
	if got := s.content["/v2/team/model/blobs/"+digest([]byte("layer"))]; string(got) != "layer" {
		t.Errorf("the layer in the registry is %q", got)
	}
	before := s.uploads
	if _, err := s.registry("right").Push(context.Background(), image, "1.1"); err != nil || s.uploads != before {
		t.Errorf("pushed again: %v, %d uploads of what was there", err, s.uploads-before)
	}
}

func TestAttach(t *testing.T) {
	for _, referrers := range []bool{false, true} {
		s := newStore(t)
		s.referrers = referrers
		subject := open(t, packed(t, "layer", "2026-11-24T12:00:00Z")).Descriptor()
		for _, bill := range []string{"first", "second", "second"} {
			if _, err := s.registry("right").Attach(context.Background(), subject, "application/vnd.cyclonedx+json", "sbom.cdx.json", []byte(bill)); err != nil {
				t.Fatal(err)
			}
		}
		var index struct{ Manifests []Descriptor }
		list := s.content["/v2/team/model/manifests/"+strings.Replace(subject.Digest, ":", "-", 1)]
		if referrers {
			if list != nil {
				t.Error("a registry that lists referrers itself was given a list")
			}
			continue
		}
		if err := json.Unmarshal(list, &index); err != nil || len(index.Manifests) != 2 {
			t.Fatalf("the list of referrers is %s (%v), want two entries", list, err)
		}
		var attached Manifest
		if err := json.Unmarshal(s.content["/v2/team/model/manifests/"+index.Manifests[1].Digest], &attached); err != nil {
			t.Fatal(err)
		}
		if attached.Subject == nil || attached.Subject.Digest != subject.Digest || attached.ArtifactType != "application/vnd.cyclonedx+json" {
			t.Errorf("attached %+v", attached)
		}
	}
}

func TestPushRefused(t *testing.T) {
	s := newStore(t)
	image := open(t, packed(t, "layer", "2026-11-24T12:00:00Z"))
	for name, test := range map[string]struct {
		registry *Registry
		want     string
	}{
		"a wrong password": {s.registry("wrong"), "the password is wrong"},
		"nobody there":     {&Registry{Host: "127.0.0.1:1", Repository: "team/model"}, "127.0.0.1:1 does not answer"},
	} {
		_, err := test.registry.Push(context.Background(), image, "1.0")
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "wrong@") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestPrivate(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost:5000": true, "127.0.0.1": true, "[::1]:5000": true, "172.17.0.1:5000": true, "10.0.0.1": true,
		"docker.io": false, "registry.example.com:5000": false, "8.8.8.8": false, "localhost.example.com": false,
	} {
		if got := private(host); got != want {
			t.Errorf("%s: %t, want %t", host, got, want)
		}
	}
}
