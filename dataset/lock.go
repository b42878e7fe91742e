// Package dataset judges the data that a model is trained on: whether they are those that a lock names, and whether their rows
// are what data-schema.yaml says.
package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What a project may keep beside its settings.
const (
	LockFile   = "data.lock"        // names of data to their digests
	SchemaFile = "data-schema.yaml" // what rows must be
)

// Lock holds data to what they were: their name in tensorflow-ci.yaml to their digest, sha256:HEX.
type Lock map[string]string

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// ReadLock decodes a data.lock.
func ReadLock(text []byte) (Lock, error) {
	var lock Lock
	if err := json.Unmarshal(text, &lock); err != nil || lock == nil {
		return nil, fmt.Errorf("%s: want a JSON object, name to digest (data lock writes it): %v", LockFile, err)
	}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(lock)) {
		if !digestForm.MatchString(lock[name]) {
			wrong = append(wrong, fmt.Errorf("%s: the digest of %.80q is %.80q, want sha256: and 64 digits from 0-9 and a-f", LockFile, name, lock[name]))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return lock, nil
}

// Marshal writes the lock in the form that ReadLock reads; equal locks give equal bytes.
func (l Lock) Marshal() (string, error) {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return "", fmt.Errorf("%s: %w", LockFile, err)
	}
	return string(text) + "\n", nil
}

// Check refuses data that are not those of the lock. Data that it does not name are refused too: a lock that says nothing about
// what is trained on would be no lock.
func (l Lock) Check(now Lock) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(now)) {
		switch locked, named := l[name]; {
		case !named:
			wrong = append(wrong, fmt.Errorf("%s does not name %s; it names %s: lock again (data lock export --path %s) and commit it",
				LockFile, name, strings.Join(slices.Sorted(maps.Keys(l)), ", "), LockFile))
		case locked != now[name]:
			wrong = append(wrong, fmt.Errorf("%s changed under the same name: it is %s, and %s says %s; if that is meant, lock again "+
				"(data lock export --path %s) and commit it, if not, bring the old data back; explain --before-data --after-data names the rows",
				name, now[name], LockFile, locked, LockFile))
		}
	}
	return errors.Join(wrong...)
}
