// Package ociimage gives an image archive a digest that follows from its content alone, and pushes it to a registry with
// what is known about it.
//
// Dagger's engine writes into an image when each of its layers came into the engine's cache, so that equal images made
// on two machines have two digests. Here these times are replaced by a fixed one. Files in the layers must already have
// fixed time stamps.
package ociimage

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Media types of the parts that are written here.
const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	indexType    = "application/vnd.oci.image.index.v1+json"
	emptyType    = "application/vnd.oci.empty.v1+json"
)

// Descriptor names a blob, as the OCI image specification has it.
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

// Manifest is an image, or a file that is attached to one.
type Manifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType,omitempty"`
	Config        Descriptor        `json:"config"`
	Layers        []Descriptor      `json:"layers"`
	Subject       *Descriptor       `json:"subject,omitempty"`
	Annotations   map[string]string `json:"annotations,omitempty"`
}

// Archive is an image in an OCI layout, packed with tar.
type Archive struct {
	content  io.ReaderAt
	blobs    map[string]*io.SectionReader
	manifest Manifest
	config   []byte
}

// deepest is how many indexes may lie in each other; more go round in a circle.
const deepest = 4

// maxDocument is far more than a manifest or a config needs.
const maxDocument = 16 << 20

// Open reads the parts of an archive that holds one image.
func Open(content io.ReaderAt, size int64) (*Archive, error) {
	archive := &Archive{content: content, blobs: map[string]*io.SectionReader{}}
	if err := archive.list(size); err != nil {
		return nil, fmt.Errorf("the image archive cannot be read: %w", err)
	}
	var index struct{ Manifests []Descriptor }
	if err := archive.read("index.json", &index); err != nil {
		return nil, err
	}
	// An index can name another one, for a single platform.
	for depth := 0; len(index.Manifests) == 1 && index.Manifests[0].MediaType == indexType; depth++ {
		if depth == deepest {
			return nil, fmt.Errorf("the image archive has more than %d indexes in each other", deepest)
		}
		place := blobPath(index.Manifests[0].Digest)
		index.Manifests = nil
		if err := archive.read(place, &index); err != nil {
			return nil, err
		}
	}
	if len(index.Manifests) != 1 {
		return nil, fmt.Errorf("the image archive holds %d images, and one is wanted", len(index.Manifests))
	}
	if err := archive.read(blobPath(index.Manifests[0].Digest), &archive.manifest); err != nil {
		return nil, err
	}
	var config map[string]any
	if err := archive.read(blobPath(archive.manifest.Config.Digest), &config); err != nil {
		return nil, err
	}
	if config == nil {
		return nil, fmt.Errorf("the config in the image archive, %s, is no object", archive.manifest.Config.Digest)
	}
	for _, layer := range archive.manifest.Layers {
		if archive.blobs[blobPath(layer.Digest)] == nil {
			return nil, fmt.Errorf("the image archive has no layer %s", layer.Digest)
		}
	}
	archive.fix(config)
	return archive, nil
}

// list finds where in the archive each file lies.
func (a *Archive) list(size int64) error {
	whole := io.NewSectionReader(a.content, 0, size)
	reader := tar.NewReader(whole)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		start, err := whole.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		a.blobs[strings.TrimPrefix(header.Name, "./")] = io.NewSectionReader(a.content, start, header.Size)
	}
}

func (a *Archive) read(name string, into any) error {
	section := a.blobs[name]
	if section == nil {
		return fmt.Errorf("the image archive has no %s", name)
	}
	if section.Size() > maxDocument {
		return fmt.Errorf("%s in the image archive has %d bytes, and %d are the most", name, section.Size(), maxDocument)
	}
	text, err := io.ReadAll(section)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("%s in the image archive: %w", name, err)
	}
	return nil
}

// fixed is the time that an image is given: the same as that of the files in it.
var fixed = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)

// fix takes out of the config when its layers were made.
func (a *Archive) fix(config map[string]any) {
	config["created"] = fixed
	history, _ := config["history"].([]any)
	for _, entry := range history {
		if entry, ok := entry.(map[string]any); ok {
			entry["created"] = fixed
		}
	}
	a.config = encoded(config)
	a.manifest.Config = describe(a.manifest.Config.MediaType, a.config)
	a.manifest.MediaType, a.manifest.Annotations = manifestType, nil
	for at := range a.manifest.Layers {
		a.manifest.Layers[at].Annotations = nil
	}
}

// Descriptor names the image: its digest is equal for equal content.
func (a *Archive) Descriptor() Descriptor {
	return describe(manifestType, encoded(a.manifest))
}

// layer is the content of a layer, from its beginning.
func (a *Archive) layer(layer Descriptor) io.Reader {
	section := a.blobs[blobPath(layer.Digest)]
	return io.NewSectionReader(section, 0, section.Size())
}

func blobPath(digest string) string {
	algorithm, hash, _ := strings.Cut(digest, ":")
	return "blobs/" + algorithm + "/" + hash
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// encoded is a document as it is sent; what is encoded here is made of text, numbers, lists and maps, and never fails.
func encoded(document any) []byte {
	text, err := json.Marshal(document) // sorts the keys of maps
	if err != nil {
		panic(err)
	}
	return text
}

func describe(mediaType string, content []byte) Descriptor {
	return Descriptor{MediaType: mediaType, Digest: digest(content), Size: int64(len(content))}
}

// blob is content that can be sent more than once.
type blob struct {
	Descriptor
	open func() io.Reader
}

func bytesBlob(mediaType string, content []byte) blob {
	return blob{describe(mediaType, content), func() io.Reader { return bytes.NewReader(content) }}
}
