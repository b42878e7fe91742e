package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// pushBroken puts an image into a registry of this machine whose one layer is no archive, and returns its reference.
func pushBroken(ctx context.Context, host, name, tag string) (string, error) {
	registry := "http://" + host + "/v2/" + name
	layer := []byte("this is no archive")
	config, err := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux", "config": map[string]any{},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{digestOf(layer)}},
	})
	if err != nil {
		return "", err
	}
	for _, blob := range [][]byte{layer, config} {
		if err := pushBlob(ctx, host, registry, blob); err != nil {
			return "", err
		}
	}
	described := func(kind string, blob []byte) map[string]any {
		return map[string]any{"mediaType": kind, "digest": digestOf(blob), "size": len(blob)}
	}
	const kind = "application/vnd.oci.image.manifest.v1+json"
	manifest, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": kind,
		"config": described("application/vnd.oci.image.config.v1+json", config),
		"layers": []any{described("application/vnd.oci.image.layer.v1.tar+gzip", layer)},
	})
	if err != nil {
		return "", err
	}
	_, _, err = send(ctx, http.MethodPut, registry+"/manifests/"+tag, kind, manifest, http.StatusCreated)
	return host + "/" + name + ":" + tag, err
}

func pushBlob(ctx context.Context, host, registry string, blob []byte) error {
	begun, _, err := send(ctx, http.MethodPost, registry+"/blobs/uploads/", "", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	place, err := url.Parse(begun.Get("Location"))
	if err != nil {
		return err
	}
	place.Scheme, place.Host = "http", host
	query := place.Query()
	query.Set("digest", digestOf(blob))
	place.RawQuery = query.Encode()
	_, _, err = send(ctx, http.MethodPut, place.String(), "application/octet-stream", blob, http.StatusCreated)
	return err
}

func digestOf(blob []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(blob))
}

// attached wants a bill of materials that refers to an image, where a registry without an API for that keeps it.
func attached(ctx context.Context, host, name, digest string) error {
	_, text, err := send(ctx, http.MethodGet, "http://"+host+"/v2/"+name+"/manifests/"+strings.Replace(digest, ":", "-", 1), "", nil, http.StatusOK)
	if err != nil {
		return err
	}
	var index struct {
		Manifests []struct{ ArtifactType, Digest string }
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return err
	}
	for _, one := range index.Manifests {
		if one.ArtifactType != "application/vnd.cyclonedx+json" {
			continue
		}
		_, text, err := send(ctx, http.MethodGet, "http://"+host+"/v2/"+name+"/manifests/"+one.Digest, "", nil, http.StatusOK)
		if err != nil {
			return err
		}
		var manifest struct {
			Subject struct{ Digest string }
			Layers  []struct{ Digest string }
		}
		if err := json.Unmarshal(text, &manifest); err != nil {
			return err
		}
		if manifest.Subject.Digest != digest || len(manifest.Layers) != 1 {
			return fmt.Errorf("what is attached to %s is about another image, or is no single file: %s", digest, text)
		}
		_, bill, err := send(ctx, http.MethodGet, "http://"+host+"/v2/"+name+"/blobs/"+manifest.Layers[0].Digest, "", nil, http.StatusOK)
		if err == nil && !bytes.Contains(bill, []byte(`"bomFormat"`)) {
			err = fmt.Errorf("what is attached to %s is no bill of materials: %.200s", digest, bill)
		}
		return err
	}
	return fmt.Errorf("no bill of materials is attached to %s: %s", digest, text)
}

// send makes one request, wants its status, and returns the answer's header and body.
func send(ctx context.Context, method, address, kind string, body []byte, want int) (http.Header, []byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	request.Header.Set("Accept", "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, */*")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("%s %s: status %d, want %d: %.300s", method, address, response.StatusCode, want, text)
	}
	return response.Header, text, err
}
