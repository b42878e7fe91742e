package lineage

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Marshal writes the manifest: sorted keys, two spaces, a final newline; equal manifests give equal bytes.
//
// It refuses a manifest that [Read] would.
func (m Manifest) Marshal() ([]byte, error) {
	if m.SchemaVersion == 0 {
		m.SchemaVersion = SchemaVersion
	}
	if m.Parameters.Args == nil {
		m.Parameters.Args = []string{}
	}
	if err := m.check(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", FileName, err)
	}
	return sorted(text)
}

// sorted is JSON with the keys of every object in order, those that came as text from elsewhere included.
func sorted(text []byte) ([]byte, error) {
	var content any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // a float64 would change what a large number is
	if err := decoder.Decode(&content); err != nil {
		return nil, fmt.Errorf("%s: %w", FileName, err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(content); err != nil {
		return nil, fmt.Errorf("%s: %w", FileName, err)
	}
	return out.Bytes(), nil
}

// Read decodes a manifest, and refuses one of another schema, with unknown keys, or without what makes it one.
func Read(text []byte) (Manifest, error) {
	var version struct {
		SchemaVersion *int `json:"schemaVersion"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return Manifest{}, fmt.Errorf("%s is no manifest: %w", FileName, err)
	}
	switch {
	case version.SchemaVersion == nil:
		return Manifest{}, fmt.Errorf("%s has no schemaVersion: is it a manifest of this line?", FileName)
	case *version.SchemaVersion != SchemaVersion:
		return Manifest{}, fmt.Errorf("%s has schemaVersion %d, and this version of the line reads %d: use the version that wrote it",
			FileName, *version.SchemaVersion, SchemaVersion)
	}
	var manifest Manifest
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&manifest); err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", FileName, err)
	}
	if err := manifest.check(); err != nil {
		return Manifest{}, err
	}
	return manifest, nil
}

var (
	digestForm   = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	platformForm = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9]+(?:/[a-z0-9.]+)?$`)
)

// check reports everything that a manifest must have and this one has not.
func (m Manifest) check() error {
	var wrong []error
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf(FileName+": "+format, args...))
	}
	digest := func(key, value string, required bool) {
		if (value != "" || required) && !digestForm.MatchString(value) {
			complain("%s is %.80q, want sha256: and 64 digits from 0-9 and a-f", key, value)
		}
	}
	if m.SchemaVersion != SchemaVersion {
		complain("schemaVersion is %d, want %d", m.SchemaVersion, SchemaVersion)
	}
	if m.Model == "" {
		complain("model is empty, want the model's name")
	}
	if m.Parameters.Script == "" {
		complain("parameters.script is empty, want the training script's path")
	}
	if kind := m.Device.Kind; kind != "cpu" && kind != "gpu" {
		complain("device.kind is %.80q, want cpu or gpu", kind)
	}
	if len(m.Signatures) > 0 && !isObject(m.Signatures) {
		complain("signatures is no JSON object")
	}
	digest("canonicalDigest", m.CanonicalDigest, true)
	digest("weightsDigest", m.WeightsDigest, false)
	digest("graphDigest", m.GraphDigest, false)
	digest("source.digest", m.Source.Digest, true)
	digest("data.digest", m.Data.Digest, true)
	digest("data.version", m.Data.Version, false)
	m.Data.checkProfiles(digest)
	digest("requirements.digest", m.Requirements.Digest, false)
	for _, role := range slices.Sorted(maps.Keys(m.Images)) {
		digest("images."+role+".digest", m.Images[role].Digest, true)
		if platform := m.Images[role].Platform; platform != "" && !platformForm.MatchString(platform) {
			complain("images.%s.platform is %.80q, want one such as linux/amd64", role, platform)
		}
	}
	digests := func(key string, of map[string]string) {
		for _, path := range slices.Sorted(maps.Keys(of)) {
			digest(key+"."+path, of[path], true)
		}
	}
	digests("files", m.Files)
	digests("source.entries", m.Source.Entries)
	return errors.Join(wrong...)
}

func isObject(text json.RawMessage) bool {
	var object map[string]json.RawMessage
	return json.Unmarshal(text, &object) == nil && object != nil
}
