package setup

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/imageref"
)

// MadeImage tells whether an image that a run used is a stand-in: the registry that `up` started has it by its digest, and its
// labels say so. A published image has another digest, whatever its name.
func (m *Machine) MadeImage(ctx context.Context, reference, digest string) bool {
	ref, err := imageref.Parse(reference)
	if err != nil || digest == "" || !m.Folder.Process(RegistryProcess).Alive() {
		return false
	}
	address, err := m.mirror(ctx)
	return err == nil && labelledStandIn(ctx, "http://"+address+"/v2/"+ref.Repository, digest)
}

// labelledStandIn reads the labels of an image in a repository of a registry; of an index, those of its first image.
func labelledStandIn(ctx context.Context, repository, digest string) bool {
	type content struct{ Digest string }
	var manifest struct {
		Config    content
		Manifests []content // of an index
	}
	var config struct {
		Config struct{ Labels map[string]string }
	}
	if !getJSON(ctx, repository+"/manifests/"+digest, &manifest) {
		return false
	}
	if len(manifest.Manifests) > 0 && !getJSON(ctx, repository+"/manifests/"+manifest.Manifests[0].Digest, &manifest) {
		return false
	}
	return manifest.Config.Digest != "" && getJSON(ctx, repository+"/blobs/"+manifest.Config.Digest, &config) && host.IsStandIn(config.Config.Labels)
}

// getJSON reads what lies at an address of the Docker bridge, on which a proxy has no part.
func getJSON(ctx context.Context, address string, into any) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	request.Header.Set("Accept", manifestTypes+", application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(into) == nil
}
