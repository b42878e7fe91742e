// Package imageref reads image references and refuses those that do not say which image is meant.
//
// The grammar is that of the OCI distribution reference: [registry/]repository[:tag][@digest], where a reference without
// a registry means docker.io, and one without an owner means docker.io/library. On top of it come the line's own rules:
// a tag or a digest must be there, the tag latest is refused, and so are images that are known to be malicious.
package imageref

import "strings"

const (
	defaultRegistry = "docker.io"
	legacyRegistry  = "index.docker.io"
	officialOwner   = "library/"
)

// Ref is an image reference, taken apart and normalised.
type Ref struct {
	Registry   string // with its port, such as docker.io or localhost:5000
	Repository string // with its owner, such as library/python
	Tag        string // empty where only a digest is given
	Digest     string // with its algorithm, such as sha256:…; empty where only a tag is given
}

// Pinned reports whether the reference names its content by digest, so that it can never mean another image.
func (r Ref) Pinned() bool {
	return r.Digest != ""
}

// String returns the full reference, registry and owner included.
func (r Ref) String() string {
	return r.Registry + "/" + r.Repository + r.suffix()
}

// Familiar returns the shortest form that means the same: without docker.io, and without library/ there.
func (r Ref) Familiar() string {
	for _, short := range []string{strings.TrimPrefix(r.Repository, officialOwner), r.Repository} {
		// An owner can look like a registry, and library can own what has an owner's name: then nothing is left out.
		if registry, repository := cutRegistry(short); registry == r.Registry && repository == r.Repository {
			return short + r.suffix()
		}
	}
	return r.String()
}

func (r Ref) suffix() string {
	var suffix string
	if r.Tag != "" {
		suffix = ":" + r.Tag
	}
	if r.Digest != "" {
		suffix += "@" + r.Digest
	}
	return suffix
}

// Allowed returns an error unless the image comes from one of the registries.
//
// An entry is a registry (ghcr.io) or a part of one (ghcr.io/my-team). No entries mean that every registry is allowed.
func (r Ref) Allowed(registries []string) error {
	if len(registries) == 0 {
		return nil
	}
	place := r.Registry + "/" + r.Repository + "/"
	for _, entry := range registries {
		entry = strings.TrimSuffix(entry, "/")
		if host, path, _ := strings.Cut(entry, "/"); host == legacyRegistry {
			entry = strings.TrimSuffix(defaultRegistry+"/"+path, "/")
		}
		if entry != "" && strings.HasPrefix(place, entry+"/") {
			return nil
		}
	}
	return refuse(r.String(), "its registry is not allowed here", "an image from one of: "+strings.Join(registries, ", "))
}
