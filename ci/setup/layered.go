package setup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// An image that is a few files on another is put together in the registry, which has the other's layers: to have the daemon
// write it out would be a gigabyte and half a minute for each.

const (
	manifestType = "application/vnd.docker.distribution.manifest.v2+json"
	configType   = "application/vnd.docker.container.image.v1+json"
)

// blob is what a manifest says of a layer, or of the image's configuration.
type blob struct {
	MediaType string `json:"mediaType"`
	Size      int64  `json:"size"`
	Digest    string `json:"digest"`
}

type imageManifest struct {
	Schema    int    `json:"schemaVersion"`
	MediaType string `json:"mediaType"`
	Config    blob   `json:"config"`
	Layers    []blob `json:"layers"`
}

// repository is one of the mirror's, by its address: http://HOST:PORT/v2/NAME.
type repository string

// layer puts the image of the tag files, of one repository, on the image of the tag base, and names the whole.
func (r repository) layer(ctx context.Context, base, files, name string) error {
	below, belowConfig, err := r.image(ctx, base)
	if err != nil {
		return err
	}
	above, aboveConfig, err := r.image(ctx, files)
	if err != nil {
		return err
	}
	config, err := onTop(belowConfig, aboveConfig)
	if err != nil {
		return fmt.Errorf("%s on %s: %w", files, base, err)
	}
	made := imageManifest{
		Schema: 2, MediaType: manifestType, Layers: slices.Concat(below.Layers, above.Layers),
		Config: blob{configType, int64(len(config)), fmt.Sprintf("sha256:%x", sha256.Sum256(config))},
	}
	if err := r.upload(ctx, config, made.Config.Digest); err != nil {
		return err
	}
	text, err := json.Marshal(made)
	if err != nil {
		return err
	}
	_, _, err = r.do(ctx, http.MethodPut, string(r)+"/manifests/"+name, manifestType, text, http.StatusCreated)
	return err
}

// image reads a tag's manifest and configuration.
func (r repository) image(ctx context.Context, tag string) (made imageManifest, config []byte, err error) {
	text, _, err := r.do(ctx, http.MethodGet, string(r)+"/manifests/"+tag, manifestType, nil, http.StatusOK)
	if err != nil {
		return made, nil, err
	}
	if err := json.Unmarshal(text, &made); err != nil || made.MediaType != manifestType {
		return made, nil, errors.Join(fmt.Errorf("the manifest of %s:%s is of the type %q, want %q", r, tag, made.MediaType, manifestType), err)
	}
	config, _, err = r.do(ctx, http.MethodGet, string(r)+"/blobs/"+made.Config.Digest, "", nil, http.StatusOK)
	return made, config, err
}

func (r repository) upload(ctx context.Context, content []byte, digest string) error {
	begun := string(r) + "/blobs/uploads/"
	_, place, err := r.do(ctx, http.MethodPost, begun, "", nil, http.StatusAccepted)
	if err != nil {
		return err
	}
	address, err := url.Parse(begun)
	if err == nil {
		address, err = address.Parse(place)
	}
	if err != nil {
		return fmt.Errorf("the registry's place for an upload: %w", err)
	}
	query := address.Query()
	query.Set("digest", digest)
	address.RawQuery = query.Encode()
	_, _, err = r.do(ctx, http.MethodPut, address.String(), "application/octet-stream", content, http.StatusCreated)
	return err
}

// do asks the registry, and wants an answer of the given status; it returns its text and place.
func (r repository) do(ctx context.Context, method, address, mediaType string, content []byte, want int) ([]byte, string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(content))
	if err != nil {
		return nil, "", err
	}
	if mediaType != "" {
		request.Header.Set("Accept", mediaType)
		request.Header.Set("Content-Type", mediaType)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy, as for all calls to the Docker bridge
	answer, err := client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err == nil && answer.StatusCode != want {
		err = fmt.Errorf("%s %s: the registry answers %s, want %d: %.200s", method, address, answer.Status, want, text)
	}
	return text, answer.Header.Get("Location"), err
}

// onTop is the configuration of an image whose files lie on another's: the other's, with the layers, variables and labels of the
// one added.
func onTop(below, above []byte) ([]byte, error) {
	var all map[string]any
	var base, more struct {
		Config struct {
			Env    []string
			Labels map[string]string
		} `json:"config"`
		Rootfs struct {
			Type    string   `json:"type"`
			DiffIDs []string `json:"diff_ids"`
		} `json:"rootfs"`
		History []json.RawMessage `json:"history"`
	}
	if err := errors.Join(json.Unmarshal(below, &all), json.Unmarshal(below, &base), json.Unmarshal(above, &more)); err != nil {
		return nil, fmt.Errorf("an image's configuration cannot be read: %w", err)
	}
	config, _ := all["config"].(map[string]any)
	if config == nil || len(base.Rootfs.DiffIDs) == 0 || len(more.Rootfs.DiffIDs) == 0 {
		return nil, errors.New("an image's configuration has no layers")
	}
	environment := slices.Clone(base.Config.Env)
	for _, variable := range more.Config.Env {
		name, _, _ := strings.Cut(variable, "=")
		environment = append(slices.DeleteFunc(environment, func(one string) bool { return strings.HasPrefix(one, name+"=") }), variable)
	}
	labels := maps.Clone(base.Config.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	maps.Copy(labels, more.Config.Labels)
	config["Env"], config["Labels"] = environment, labels
	base.Rootfs.DiffIDs = append(base.Rootfs.DiffIDs, more.Rootfs.DiffIDs...)
	all["rootfs"] = base.Rootfs
	all["history"] = append(base.History, more.History...)
	delete(all, "container_config") // of the command that made the last layer below
	return json.Marshal(all)
}
