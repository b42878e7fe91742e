package ociimage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Registry is one repository of a registry, and who asks.
type Registry struct {
	Host       string // with its port
	Repository string
	Username   string
	Password   string
	Client     *http.Client

	base  string // scheme and host
	token string // value of the Authorization header
}

// request is one call of the distribution API.
type request struct {
	method, address string
	contentType     string
	size            int64
	body            func() io.Reader
}

// Push sends an image under a tag and returns its digest. What the registry has already is not sent again.
func (r *Registry) Push(ctx context.Context, image *Archive, tag string) (string, error) {
	if err := r.connect(ctx); err != nil {
		return "", err
	}
	blobs := []blob{bytesBlob(image.manifest.Config.MediaType, image.config)}
	for _, layer := range image.manifest.Layers {
		blobs = append(blobs, blob{layer, func() io.Reader { return image.layer(layer) }})
	}
	return r.put(ctx, image.manifest, tag, blobs...)
}

// Attach sends a file that says something about an image which is there, so that it is found by the image's digest: as a
// referrer, and in the index sha256-… that stands in for the list of referrers where the registry keeps none.
func (r *Registry) Attach(ctx context.Context, subject Descriptor, mediaType, name string, content []byte) (string, error) {
	if err := r.connect(ctx); err != nil {
		return "", err
	}
	file := bytesBlob(mediaType, content)
	file.Annotations = map[string]string{"org.opencontainers.image.title": name}
	nothing := bytesBlob(emptyType, []byte("{}"))
	manifest := Manifest{
		SchemaVersion: 2, MediaType: manifestType, ArtifactType: mediaType,
		Config: nothing.Descriptor, Layers: []Descriptor{file.Descriptor}, Subject: &subject,
	}
	attached, err := r.put(ctx, manifest, "", nothing, file)
	if err != nil {
		return "", err
	}
	listed, err := r.has(ctx, "/referrers/"+subject.Digest)
	if err != nil || listed {
		return attached, err
	}
	entry := describe(manifestType, encoded(manifest))
	entry.ArtifactType = mediaType
	return attached, r.list(ctx, subject, entry)
}

// list adds an entry to the index of what refers to subject.
func (r *Registry) list(ctx context.Context, subject, entry Descriptor) error {
	address := "/manifests/" + strings.Replace(subject.Digest, ":", "-", 1)
	index := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []Descriptor `json:"manifests"`
	}{SchemaVersion: 2, MediaType: indexType}
	answer, err := r.do(ctx, request{method: http.MethodGet, address: r.api(address)})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusOK {
		if err := json.NewDecoder(io.LimitReader(answer.Body, maxDocument)).Decode(&index); err != nil {
			return fmt.Errorf("the list of what refers to the image cannot be read: %w", err)
		}
	}
	for _, there := range index.Manifests {
		if there.Digest == entry.Digest {
			return nil
		}
	}
	index.Manifests = append(index.Manifests, entry)
	text := encoded(index)
	return r.want(ctx, http.StatusCreated, request{http.MethodPut, r.api(address), indexType, int64(len(text)), bytesBlob("", text).open})
}

// put sends blobs and the manifest that names them.
func (r *Registry) put(ctx context.Context, manifest Manifest, tag string, blobs ...blob) (string, error) {
	for _, blob := range blobs {
		if err := r.upload(ctx, blob); err != nil {
			return "", err
		}
	}
	text := encoded(manifest)
	sum := digest(text)
	if tag == "" {
		tag = sum
	}
	return sum, r.want(ctx, http.StatusCreated, request{http.MethodPut, r.api("/manifests/" + tag), manifestType, int64(len(text)), bytesBlob("", text).open})
}

func (r *Registry) upload(ctx context.Context, blob blob) error {
	there, err := r.has(ctx, "/blobs/"+blob.Digest)
	if err != nil || there {
		return err
	}
	answer, err := r.do(ctx, request{method: http.MethodPost, address: r.api("/blobs/uploads/")})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		return refusal(answer)
	}
	place, err := answer.Location()
	if err != nil {
		return fmt.Errorf("%s does not say where to send a layer: %w", r.Host, err)
	}
	query := place.Query()
	query.Set("digest", blob.Digest)
	place.RawQuery = query.Encode()
	return r.want(ctx, http.StatusCreated, request{http.MethodPut, place.String(), "application/octet-stream", blob.Size, blob.open})
}

func (r *Registry) has(ctx context.Context, address string) (bool, error) {
	method := http.MethodHead
	if strings.HasPrefix(address, "/referrers/") {
		method = http.MethodGet
	}
	answer, err := r.do(ctx, request{method: method, address: r.api(address)})
	if err != nil {
		return false, err
	}
	answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return true, nil
	case http.StatusNotFound:
		return false, nil
	}
	return false, refusal(answer)
}

func (r *Registry) want(ctx context.Context, status int, ask request) error {
	answer, err := r.do(ctx, ask)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != status {
		return refusal(answer)
	}
	return nil
}

func (r *Registry) api(rest string) string {
	return r.base + "/v2/" + r.Repository + rest
}

// connect finds out how the registry is spoken to. Only an address of a private network is tried without TLS, and only
// where it does not answer with it.
func (r *Registry) connect(ctx context.Context) error {
	if r.base != "" {
		return nil
	}
	if r.Client == nil {
		r.Client = http.DefaultClient
	}
	host := r.Host
	if host == "docker.io" {
		host = "registry-1.docker.io"
	}
	schemes := []string{"https"}
	if private(host) {
		schemes = append(schemes, "http")
	}
	var failed error
	for _, scheme := range schemes {
		r.base = scheme + "://" + host
		answer, err := r.do(ctx, request{method: http.MethodGet, address: r.base + "/v2/"})
		if err == nil {
			answer.Body.Close()
			return nil
		}
		failed = errors.Join(failed, err)
	}
	r.base = ""
	return fmt.Errorf("%s does not answer: %w", r.Host, failed)
}

// private tells an address that only this machine or this network can mean.
func private(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	if err != nil {
		return host == "localhost"
	}
	return address.IsLoopback() || address.IsPrivate()
}

// do asks once, and once more with a token where the registry wants one.
func (r *Registry) do(ctx context.Context, ask request) (*http.Response, error) {
	answer, err := r.once(ctx, ask)
	if err != nil || answer.StatusCode != http.StatusUnauthorized {
		return answer, err
	}
	answer.Body.Close()
	if err := r.authorize(ctx, answer.Header.Get("WWW-Authenticate")); err != nil {
		return nil, err
	}
	return r.once(ctx, ask)
}

func (r *Registry) once(ctx context.Context, ask request) (*http.Response, error) {
	var body io.Reader
	if ask.body != nil {
		body = ask.body()
	}
	call, err := http.NewRequestWithContext(ctx, ask.method, ask.address, body)
	if err != nil {
		return nil, err
	}
	call.ContentLength = ask.size
	if ask.contentType != "" {
		call.Header.Set("Content-Type", ask.contentType)
	}
	call.Header.Set("Accept", strings.Join([]string{manifestType, indexType, "*/*"}, ", "))
	// Another host, to which a registry sends for a blob, is not told who asks.
	if r.token != "" && strings.HasPrefix(ask.address, r.base+"/") {
		call.Header.Set("Authorization", r.token)
	}
	return r.Client.Do(call)
}

// refusal is what a registry says instead of doing what it was asked.
func refusal(answer *http.Response) error {
	what := fmt.Sprintf("%s %s: %s", answer.Request.Method, answer.Request.URL.Redacted(), answer.Status)
	var body struct {
		Errors []struct{ Code, Message string }
	}
	if json.NewDecoder(io.LimitReader(answer.Body, maxDocument)).Decode(&body) == nil && len(body.Errors) > 0 {
		what += fmt.Sprintf(" (%s: %s)", body.Errors[0].Code, body.Errors[0].Message)
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("%s: this user may not write there, or the password is wrong", what)
	}
	return errors.New(what)
}
