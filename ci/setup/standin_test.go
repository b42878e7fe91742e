package setup

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"dagger/tensorflow-ci/ci/state"
)

func TestLabelledStandIn(t *testing.T) {
	answers := map[string]string{
		"/v2/a/manifests/sha256:1": `{"schemaVersion": 2, "config": {"digest": "sha256:c1"}}`,
		"/v2/a/blobs/sha256:c1":    `{"config": {"Labels": {"org.opencontainers.image.title": "TensorFlow 2.16.2 (CPU), a stand-in"}}}`,
		"/v2/a/manifests/sha256:2": `{"config": {"digest": "sha256:c2"}}`,
		"/v2/a/blobs/sha256:c2":    `{"config": {"Labels": {"maintainer": "somebody"}}}`,
		"/v2/a/manifests/sha256:3": `{"config": {"digest": "sha256:c3"}}`,
		"/v2/a/manifests/sha256:4": `{"manifests": []}`,
		"/v2/a/manifests/sha256:5": `not JSON`,
		"/v2/a/manifests/sha256:6": `{"manifests": [{"digest": "sha256:1"}]}`,
		"/v2/a/manifests/sha256:7": `{"manifests": [{"digest": "sha256:9"}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		answer, found := answers[request.URL.Path]
		if !found {
			w.WriteHeader(http.StatusNotFound)
		}
		io.WriteString(w, answer)
	}))
	defer server.Close()
	for digest, want := range map[string]bool{
		"sha256:1": true,
		"sha256:2": false, // the published one
		"sha256:3": false, // its configuration is missing
		"sha256:4": false, // an empty index
		"sha256:5": false,
		"sha256:6": true,  // an index
		"sha256:7": false, // an index of what is not there
		"sha256:9": false, // not in this registry
	} {
		if got := labelledStandIn(t.Context(), server.URL+"/v2/a", digest); got != want {
			t.Errorf("%s: got %t", digest, got)
		}
	}
	if (&Machine{Folder: state.At(t.TempDir())}).MadeImage(t.Context(), "tensorflow/tensorflow:2.16.2", "sha256:1") {
		t.Error("a machine that made no registry has made an image")
	}
}
