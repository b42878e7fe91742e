package setup

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
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

// labelledStandIn reads the labels of an image in a repository of a registry.
func labelledStandIn(ctx context.Context, repository, digest string) bool {
	var manifest struct {
		Config struct{ Digest string }
	}
	var config struct {
		Config struct{ Labels map[string]string }
	}
	return getJSON(ctx, repository+"/manifests/"+digest, &manifest) && strings.HasPrefix(manifest.Config.Digest, "sha256:") &&
		getJSON(ctx, repository+"/blobs/"+manifest.Config.Digest, &config) && host.IsStandIn(config.Config.Labels)
}

// getJSON reads what lies at an address of the Docker bridge, on which a proxy has no part.
func getJSON(ctx context.Context, address string, into any) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	request.Header.Set("Accept", manifestTypes)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK && json.NewDecoder(response.Body).Decode(into) == nil
}
