package ociimage

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

// FuzzOpen holds that an archive is refused, or is an image: every layer can be read, its config and manifest are JSON
// that says no time but the fixed one, and opening it again gives the same digest.
func FuzzOpen(f *testing.F) {
	f.Add(packed(f, "layer", "2026-11-24T12:00:00Z"))
	for _, index := range []string{
		`{}`, `null`, `{"manifests": null}`, `{"manifests": [{"mediaType": "` + indexType + `", "digest": "index.json"}]}`, `{"manifests": [{"digest": "a:b"}, {"digest": "c:d"}]}`,
	} {
		f.Add(tarred(f, map[string][]byte{"index.json": []byte(index)}))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		judge(t, content)
	})
}

// FuzzDocuments holds the same of the documents in an archive, which a change of the archive's bytes seldom reaches.
func FuzzDocuments(f *testing.F) {
	nested := `{"manifests": [{"mediaType": "` + indexType + `", "digest": "sha256:inner"}]}`
	f.Add(nested, `{"manifests": [{"digest": "sha256:manifest"}]}`, `{"config": {"digest": "sha256:config"}, "layers": [{"digest": "sha256:layer"}]}`, `{"history": [{"created": "now"}]}`)
	f.Add(nested, nested, "{}", "{}")
	f.Add(nested, `{}`, "{}", "{}")
	f.Add(`{"manifests": [{"digest": "sha256:manifest"}]}`, "", `{"config": {"digest": "sha256:config"}}`, "null")
	f.Add(`{"manifests": [{"digest": "sha256:manifest"}]}`, "", `{"config": {"digest": "sha256:config"}}`, `{"history": [null, 5, {"created": [1]}], "created": 5}`)
	f.Fuzz(func(t *testing.T, index, inner, manifest, config string) {
		judge(t, tarred(t, map[string][]byte{
			"index.json": []byte(index), "blobs/sha256/inner": []byte(inner), "blobs/sha256/manifest": []byte(manifest),
			"blobs/sha256/config": []byte(config), "blobs/sha256/layer": []byte("layer"),
		}))
	})
}

func judge(t *testing.T, content []byte) {
	t.Helper()
	archive, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		if !strings.Contains(err.Error(), "image archive") {
			t.Errorf("refused with %q", err)
		}
		return
	}
	for _, layer := range archive.manifest.Layers {
		if read, err := io.Copy(io.Discard, archive.layer(layer)); err != nil || read > int64(len(content)) {
			t.Errorf("layer %s: %d bytes, %v", layer.Digest, read, err)
		}
	}
	var config struct {
		Created string
		History []any
	}
	if err := json.Unmarshal(archive.config, &config); err == nil && config.Created != fixed {
		t.Errorf("the config is of %q", config.Created)
	}
	again, err := Open(bytes.NewReader(content), int64(len(content)))
	if err != nil || again.Descriptor().Digest != archive.Descriptor().Digest {
		t.Errorf("opened again it is another image (%v)", err)
	}
}
