// Package attest says who vouches for a model: what is known of it, as an in-toto Statement with a SLSA provenance
// predicate, and that statement in a DSSE envelope that a key has signed.
//
// A verified envelope is enough to decide on: the whole manifest (package lineage) is in it, metrics and the gate's verdict
// included. Nothing here asks the network, and nothing holds a time: the same manifest signed by the same key twice is the
// same envelope.
package attest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/platform"
)

// FileName is the envelope's name beside the model's manifest.
const FileName = "attestation.json"

// The forms of statement that this package writes and reads.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	BuildType     = "urn:tensorflow-ci:train:1" // says what the parameters mean: those of lineage.Manifest
)

// ModelSubject is the name under which a statement names the model by its canonical digest.
const ModelSubject = "model"

// Subject is something that a statement vouches for.
type Subject struct {
	Name   string // ModelSubject, "image", or a path in the output of a run, such as exports/tflite/model.tflite
	Digest string // sha256: and 64 digits
}

// descriptor is in-toto's way to name a thing.
type descriptor struct {
	Name        string            `json:"name,omitempty"`
	URI         string            `json:"uri,omitempty"`
	Digest      map[string]string `json:"digest,omitempty"`
	MediaType   string            `json:"mediaType,omitempty"`
	Content     []byte            `json:"content,omitempty"` // base64 in JSON
	Annotations map[string]string `json:"annotations,omitempty"`
}

type statement struct {
	Type          string       `json:"_type"`
	Subject       []descriptor `json:"subject"`
	PredicateType string       `json:"predicateType"`
	Predicate     provenance   `json:"predicate"`
}

// provenance is SLSA's predicate, as far as it is used here.
type provenance struct {
	BuildDefinition struct {
		BuildType            string         `json:"buildType"`
		ExternalParameters   map[string]any `json:"externalParameters"`
		InternalParameters   map[string]any `json:"internalParameters,omitempty"`
		ResolvedDependencies []descriptor   `json:"resolvedDependencies,omitempty"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID      string            `json:"id"`
			Version map[string]string `json:"version,omitempty"`
		} `json:"builder"`
		Byproducts []descriptor `json:"byproducts"` // the manifest, as it is
	} `json:"runDetails"`
}

// treeRule annotates the digest of a folder, which is no digest of one file.
var treeRule = map[string]string{"digestRule": "tree 1"}

// Statement says what a manifest says in the form that supply-chain tools read.
//
// Its subjects are the model by its canonical digest, the SavedModel's files, and those given.
func Statement(manifest lineage.Manifest, subjects []Subject) ([]byte, error) {
	text, err := manifest.Marshal()
	if err != nil {
		return nil, fmt.Errorf("no statement can be made of this manifest: %w", err)
	}
	named, err := allSubjects(manifest, subjects)
	if err != nil {
		return nil, err
	}
	made := statement{Type: StatementType, Subject: named, PredicateType: PredicateType}
	definition := &made.Predicate.BuildDefinition
	definition.BuildType = BuildType
	definition.ExternalParameters = map[string]any{
		"model": manifest.Model, "script": manifest.Parameters.Script, "args": append([]string{}, manifest.Parameters.Args...),
		"workers": max(1, manifest.Parameters.Workers), "seed": manifest.Seed, "reproducible": manifest.Reproducible,
	}
	definition.InternalParameters = map[string]any{"device": manifest.Device, "threads": manifest.Threads, "resumed": manifest.Parameters.Resumed}
	definition.ResolvedDependencies = dependencies(manifest)
	run := &made.Predicate.RunDetails
	run.Builder.ID = "urn:tensorflow-ci:line"
	run.Builder.Version = map[string]string{}
	for name, version := range map[string]string{"dagger": manifest.Tools.Engine, "tensorflow-ci": manifest.Tools.Module} {
		if version != "" {
			run.Builder.Version[name] = version
		}
	}
	sum := sha256.Sum256(text)
	run.Byproducts = []descriptor{{
		Name: lineage.FileName, MediaType: "application/json", Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}, Content: text,
	}}
	return json.Marshal(made)
}

var digestForm = regexp.MustCompile(`^sha256:([0-9a-f]{64})$`)

// allSubjects lists the model first, then everything else by name.
func allSubjects(manifest lineage.Manifest, given []Subject) ([]descriptor, error) {
	digests := map[string]string{ModelSubject: manifest.CanonicalDigest}
	for name, digest := range manifest.Files {
		digests[path.Join("model", name)] = digest
	}
	for _, subject := range given {
		if subject.Name == "" {
			return nil, fmt.Errorf("a subject with the digest %.80q has no name: a statement must say what it vouches for", subject.Digest)
		}
		if digest, there := digests[subject.Name]; there && digest != subject.Digest {
			return nil, fmt.Errorf("subject %s is named with two digests, %s and %.80q: which of them is it?", subject.Name, digest, subject.Digest)
		}
		digests[subject.Name] = subject.Digest
	}
	names := slices.Sorted(maps.Keys(digests))
	names = append([]string{ModelSubject}, slices.DeleteFunc(names, func(name string) bool { return name == ModelSubject })...)
	var subjects []descriptor
	for _, name := range names {
		parts := digestForm.FindStringSubmatch(digests[name])
		if parts == nil {
			return nil, fmt.Errorf("subject %.200q has the digest %.80q, want sha256: and 64 digits from 0-9 and a-f", name, digests[name])
		}
		subjects = append(subjects, descriptor{Name: name, Digest: map[string]string{"sha256": parts[1]}})
	}
	return subjects, nil
}

// dependencies is everything that the model is a function of.
func dependencies(manifest lineage.Manifest) []descriptor {
	hex := func(digest string) string { return strings.TrimPrefix(digest, "sha256:") }
	source := descriptor{Name: "source", Digest: map[string]string{"sha256": hex(manifest.Source.Digest)}, Annotations: treeRule}
	if manifest.Source.Commit != "" {
		source.Digest["gitCommit"] = manifest.Source.Commit
	}
	found := []descriptor{source, {Name: "data", Digest: map[string]string{"sha256": hex(manifest.Data.Digest)}, Annotations: treeRule}}
	for _, role := range slices.Sorted(maps.Keys(manifest.Images)) {
		image := manifest.Images[role]
		uri := "oci:" + image.Reference
		if wheel, err := platform.ParseWheel(image.Reference); err == nil {
			uri = "pkg:pypi/tensorflow@" + wheel.Version
		}
		found = append(found, descriptor{Name: "image/" + role, URI: uri, Digest: map[string]string{"sha256": hex(image.Digest)}})
	}
	if manifest.Requirements.Digest != "" {
		found = append(found, descriptor{Name: "requirements", Digest: map[string]string{"sha256": hex(manifest.Requirements.Digest)}, Annotations: treeRule})
	}
	for _, installed := range manifest.Requirements.Installed {
		name := strings.ReplaceAll(strings.ToLower(installed.Name), "_", "-")
		found = append(found, descriptor{URI: "pkg:pypi/" + name + "@" + installed.Version})
	}
	return found
}
