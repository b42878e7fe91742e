package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// What the scanner asks of the artifact: one layer of this type, with this title.
const (
	configType = types.MediaType("application/vnd.aquasec.trivy.config.v1+json")
	layerType  = types.MediaType("application/vnd.aquasec.trivy.db.layer.v1.tar+gzip")
	title      = "db.tar.gz"
)

// Keys that OCI defines for a manifest's annotations.
const (
	titleKey       = "org.opencontainers.image.title"
	createdKey     = "org.opencontainers.image.created"
	descriptionKey = "org.opencontainers.image.description"
)

// artifact is a folder's database as the scanner downloads it.
func artifact(folder string, updatedAt time.Time, description string) (v1.Image, error) {
	archive, err := pack(folder, "metadata.json", "trivy.db")
	if err != nil {
		return nil, err
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), configType)
	image, err = mutate.Append(image, mutate.Addendum{
		Layer:       static.NewLayer(archive, layerType),
		Annotations: map[string]string{titleKey: title},
	})
	if err != nil {
		return nil, err
	}
	annotated, ok := mutate.Annotations(image, map[string]string{
		createdKey: updatedAt.Format(time.RFC3339), descriptionKey: description,
	}).(v1.Image)
	if !ok {
		return nil, errors.New("the artifact lost its type with its annotations")
	}
	return annotated, nil
}

// pack makes an archive of files, the same one for the same contents.
func pack(folder string, names ...string) ([]byte, error) {
	var archive bytes.Buffer
	compressed := gzip.NewWriter(&archive)
	files := tar.NewWriter(compressed)
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return nil, err
		}
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)}
		if err := files.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := files.Write(text); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(files.Close(), compressed.Close()); err != nil {
		return nil, err
	}
	return archive.Bytes(), nil
}

// push puts the artifact under a reference such as HOST:5000/aquasec/trivy-db:2, and returns it by its digest.
func push(ctx context.Context, image v1.Image, reference string) (string, error) {
	// the mirror speaks http, and no proxy knows the Docker bridge
	target, err := name.ParseReference(reference, name.Insecure)
	if err != nil {
		return "", err
	}
	direct := http.DefaultTransport.(*http.Transport).Clone()
	direct.Proxy = nil
	if err := remote.Write(target, image, remote.WithContext(ctx), remote.WithTransport(direct)); err != nil {
		return "", err
	}
	digest, err := image.Digest()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s@%s", target.Context().Name(), digest), nil
}
