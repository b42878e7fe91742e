package setup

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

const (
	belowConfig = `{"architecture": "amd64", "container_config": {"Cmd": ["x"]}, "config": {"Env": ["PATH=/bin", "A=1"], "Cmd": ["bash"],
		"Labels": {"title": "below", "kept": "yes"}}, "rootfs": {"type": "layers", "diff_ids": ["sha256:1", "sha256:2"]}, "history": [{"a": 1}, {"a": 2}]}`
	aboveConfig = `{"config": {"Env": ["A=2", "B=3"], "Labels": {"title": "above"}}, "rootfs": {"type": "layers", "diff_ids": ["sha256:3"]}, "history": [{"a": 3}]}`
)

func TestOnTop(t *testing.T) {
	text, err := onTop([]byte(belowConfig), []byte(aboveConfig))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"architecture":"amd64","config":{"Cmd":["bash"],"Env":["PATH=/bin","A=2","B=3"],"Labels":{"kept":"yes","title":"above"}},` +
		`"history":[{"a":1},{"a":2},{"a":3}],"rootfs":{"type":"layers","diff_ids":["sha256:1","sha256:2","sha256:3"]}}`
	if string(text) != want {
		t.Errorf("got\n%s, want\n%s", text, want)
	}
	for _, bad := range [][2]string{{"", aboveConfig}, {belowConfig, "{}"}, {"{}", aboveConfig}, {belowConfig, `{"rootfs": 5}`}} {
		if text, err := onTop([]byte(bad[0]), []byte(bad[1])); err == nil {
			t.Errorf("%q on %q gave %s", bad[1], bad[0], text)
		}
	}
}

// TestLayer puts an image together in a registry that keeps what it is sent.
func TestLayer(t *testing.T) {
	held := map[string]string{
		"/v2/a/b/blobs/sha256:below": belowConfig, "/v2/a/b/blobs/sha256:above": aboveConfig,
		"/v2/a/b/manifests/1":       `{"mediaType": "` + manifestType + `", "config": {"digest": "sha256:below"}, "layers": [{"digest": "sha256:x"}]}`,
		"/v2/a/b/manifests/1-files": `{"mediaType": "` + manifestType + `", "config": {"digest": "sha256:above"}, "layers": [{"digest": "sha256:y"}]}`,
		"/v2/a/b/manifests/index":   `{"mediaType": "application/vnd.oci.image.index.v1+json"}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
		switch asked.Method {
		case http.MethodPost:
			answer.Header().Set("Location", "/v2/a/b/blobs/uploads/1?state=x")
			answer.WriteHeader(http.StatusAccepted)
		case http.MethodPut:
			content, _ := io.ReadAll(asked.Body)
			place := asked.URL.Path
			if digest := asked.URL.Query().Get("digest"); digest != "" {
				if digest != fmt.Sprintf("sha256:%x", sha256.Sum256(content)) || asked.URL.Query().Get("state") != "x" {
					answer.WriteHeader(http.StatusBadRequest)
					return
				}
				place = "/v2/a/b/blobs/" + digest
			}
			held[place] = string(content)
			answer.WriteHeader(http.StatusCreated)
		default:
			text, found := held[asked.URL.Path]
			if !found {
				answer.WriteHeader(http.StatusNotFound)
			}
			io.WriteString(answer, text)
		}
	}))
	defer server.Close()
	place := repository(server.URL + "/v2/a/b")
	if err := place.layer(t.Context(), "1", "1-files", "1-gpu"); err != nil {
		t.Fatal(err)
	}
	var made imageManifest
	if err := json.Unmarshal([]byte(held["/v2/a/b/manifests/1-gpu"]), &made); err != nil {
		t.Fatal(err)
	}
	if layers := []string{"sha256:x", "sha256:y"}; !slices.EqualFunc(made.Layers, layers, func(b blob, d string) bool { return b.Digest == d }) {
		t.Errorf("layers %v, want %v", made.Layers, layers)
	}
	if config := held["/v2/a/b/blobs/"+made.Config.Digest]; int64(len(config)) != made.Config.Size || !strings.Contains(config, `"above"`) {
		t.Errorf("the configuration of %d bytes is %q", made.Config.Size, config)
	}
	for base, want := range map[string]string{"absent": "404 Not Found", "index": "want \"" + manifestType} {
		if err := place.layer(t.Context(), base, "1-files", "x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("on %s: got %v", base, err)
		}
	}
}
