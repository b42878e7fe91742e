// Package imagelock reads and writes the lock file of images: which image each role has, by digest, and for which platform.
package imagelock

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/platform"
)

// platformsKey stands among the roles. Lock files of earlier versions have no such key, and load as they did.
const platformsKey = "platforms"

// Lock is what a lock file says.
type Lock struct {
	Images    map[string]string // role to reference@digest
	Platforms map[string]string // role to platform; none of a role that was locked before platforms were written down
}

// Read decodes a lock file; each reference in it must carry a digest.
func Read(text []byte) (Lock, error) {
	const form = "image lock file: want a JSON object, role to reference@digest: %w"
	var entries map[string]json.RawMessage
	if err := json.Unmarshal(text, &entries); err != nil {
		return Lock{}, fmt.Errorf(form, err)
	}
	lock := Lock{Images: map[string]string{}, Platforms: map[string]string{}}
	var wrong []error
	complain := func(format string, args ...any) {
		wrong = append(wrong, fmt.Errorf("image lock file, "+format, args...))
	}
	for _, role := range slices.Sorted(maps.Keys(entries)) {
		if role == platformsKey {
			if err := json.Unmarshal(entries[role], &lock.Platforms); err != nil {
				complain("%s: want an object, role to platform: %w", role, err)
			}
			continue
		}
		var reference string
		if err := json.Unmarshal(entries[role], &reference); err != nil {
			complain("%s: want a reference@digest: %w", role, err)
			continue
		}
		if err := pinned(reference); err != nil {
			complain("%s: %w", role, err)
		}
		lock.Images[role] = reference
	}
	for _, role := range slices.Sorted(maps.Keys(lock.Platforms)) {
		if locked := lock.Platforms[role]; !slices.Contains(platform.Choices(), locked) {
			complain("%s: %.40q is no platform; allowed: %q", role, locked, platform.Choices())
		}
	}
	if len(wrong) > 0 {
		return Lock{}, errors.Join(wrong...)
	}
	return lock, nil
}

// pinned refuses a reference that does not say by digest what it means.
func pinned(reference string) error {
	if platform.IsWheel(reference) {
		wheel, err := platform.ParseWheel(reference)
		if err == nil && wheel.Digest == "" {
			err = fmt.Errorf("%s has no digest: write it as wheel:VERSION@sha256:…", reference)
		}
		return err
	}
	parsed, err := imageref.Parse(reference)
	if err == nil && !parsed.Pinned() {
		err = fmt.Errorf("%s has no digest: write it as name:tag@sha256:…", reference)
	}
	return err
}

// Fits refuses a role that is locked for another platform than the one that is asked for: the digest of an image index
// is the same for all of its platforms, and so says nothing.
func (l Lock) Fits(role, wanted string) error {
	if locked := l.Platforms[role]; locked != "" && locked != wanted {
		return fmt.Errorf("image lock file, %s: it was locked for %s, and %s is asked for: ask for the platform that it was "+
			"locked for, or lock again (images lock)", role, locked, wanted)
	}
	return nil
}

// Marshal writes the lock file: sorted keys, a final newline.
func (l Lock) Marshal() ([]byte, error) {
	entries := map[string]any{}
	for role, reference := range l.Images {
		entries[role] = reference
	}
	if len(l.Platforms) > 0 {
		entries[platformsKey] = l.Platforms
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(entries)
	return out.Bytes(), err
}
