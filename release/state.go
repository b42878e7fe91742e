// Package release decides how a model gets from a store into production and out of it again, and writes that down.
//
// A version is pushed, tested, a canary, in production, retired; from each of these it can be rolled back. Every
// transition is one record of an append-only history, written before anything else changes. What serves (models.config)
// and what is known (state.json) follow from the records: a transition that is killed half-way is finished by whoever
// comes next, and one that is refused has changed nothing.
//
// Nothing here knows of a cloud or of an engine: a [Store] is anything that keeps objects by their names.
package release

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// SchemaVersion is the form of state, records and approvals that this package writes and reads.
const SchemaVersion = 1

// Status is how far a version has come.
type Status string

// The ways of a version.
const (
	None       Status = "" // of a version that is not there yet
	Pushed     Status = "pushed"
	Test       Status = "test"
	Canary     Status = "canary"
	Production Status = "production"
	Retired    Status = "retired"
	RolledBack Status = "rolled-back"
)

// statuses are those that a version in a state can have, in their order.
var statuses = []Status{Pushed, Test, Canary, Production, Retired, RolledBack}

// File is one file of a model.
type File struct {
	Size   int64  `json:"size"`
	Sha256 string `json:"sha256"` // 64 hexadecimal digits
}

// Version is one model in the store.
type Version struct {
	Number   int64           `json:"version"`
	Status   Status          `json:"state"`
	Digest   string          `json:"canonicalDigest"`
	Commit   string          `json:"commit,omitempty"`
	Replaced int64           `json:"replaced,omitempty"` // the version whose place in production it took; 0 for none
	Files    map[string]File `json:"files"`              // path in the SavedModel
}

// State is everything that is known of one model: what the history says when it is read from its beginning.
type State struct {
	SchemaVersion int       `json:"schemaVersion"`
	Model         string    `json:"model"`
	Sequence      int       `json:"sequence"`      // number of the last record that it knows
	CanaryPercent int       `json:"canaryPercent"` // of the traffic; 0 where there is no canary
	Versions      []Version `json:"versions"`      // by rising number
}

// Find returns the version of a number.
func (s State) Find(number int64) (Version, bool) {
	for _, version := range s.Versions {
		if version.Number == number {
			return version, true
		}
	}
	return Version{}, false
}

// Holder returns the version that has a status which only one can have: test, canary or production.
func (s State) Holder(status Status) (Version, bool) {
	for _, version := range s.Versions {
		if version.Status == status {
			return version, true
		}
	}
	return Version{}, false
}

// newest returns the youngest version of a status.
func (s State) newest(status Status) (Version, bool) {
	for _, version := range slices.Backward(s.Versions) {
		if version.Status == status {
			return version, true
		}
	}
	return Version{}, false
}

// byDigest returns the youngest version of a model that has one of these statuses; any where none is given.
func (s State) byDigest(digest string, of ...Status) (Version, bool) {
	for _, version := range slices.Backward(s.Versions) {
		if version.Digest == digest && (len(of) == 0 || slices.Contains(of, version.Status)) {
			return version, true
		}
	}
	return Version{}, false
}

// next is the number that the next version gets by itself.
func (s State) next() int64 {
	if len(s.Versions) == 0 {
		return 1
	}
	return s.Versions[len(s.Versions)-1].Number + 1
}

var (
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	hashForm   = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// Check refuses a state that no history leads to.
func (s State) Check() error {
	var wrong []error
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }
	if s.SchemaVersion != SchemaVersion {
		complain("schemaVersion is %d, and this version of the line reads %d", s.SchemaVersion, SchemaVersion)
	}
	if s.Model == "" || s.Sequence < 0 {
		complain("model is %q and sequence %d", s.Model, s.Sequence)
	}
	held, last := map[Status]int64{}, int64(0)
	for _, version := range s.Versions {
		if version.Number <= last {
			complain("version %d stands after version %d", version.Number, last)
		}
		last = version.Number
		if !slices.Contains(statuses, version.Status) {
			complain("version %d is in the state %q", version.Number, version.Status)
		}
		if !digestForm.MatchString(version.Digest) {
			complain("version %d has the canonicalDigest %.80q", version.Number, version.Digest)
		}
		if _, known := s.Find(version.Replaced); version.Replaced != 0 && (!known || version.Replaced == version.Number) {
			complain("version %d replaced version %d, which is not there", version.Number, version.Replaced)
		}
		if single(version.Status) {
			if before := held[version.Status]; before != 0 {
				complain("versions %d and %d are both in the state %s", before, version.Number, version.Status)
			}
			held[version.Status] = version.Number
		}
	}
	switch percent := s.CanaryPercent; {
	case percent < 0 || percent > 100:
		complain("canaryPercent is %d", percent)
	case held[Canary] == 0 && percent != 0:
		complain("canaryPercent is %d without a canary", percent)
	case held[Canary] != 0 && held[Production] == 0 && percent != 100:
		complain("the canary gets %d %% of the traffic, and there is nothing in production for the rest", percent)
	}
	return errors.Join(wrong...)
}

// single tells whether at most one version can have a status.
func single(status Status) bool {
	return status == Test || status == Canary || status == Production
}

// clone is the state with versions of its own.
func (s State) clone() State {
	s.Versions = slices.Clone(s.Versions)
	return s
}

// readState decodes state.json; name is the object's, for messages.
func readState(name string, text []byte, model string) (State, error) {
	var state State
	if err := decode(text, &state); err != nil {
		return State{}, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if err := state.Check(); err != nil {
		return State{}, fmt.Errorf("%s is no state that this line wrote: %w", name, err)
	}
	if state.Model != model {
		return State{}, fmt.Errorf("%s is of the model %q, not of %q", name, state.Model, model)
	}
	return state, nil
}

// encode is JSON as all objects of a store have it: two spaces, a final newline.
func encode(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		panic(err) // of a type of this package that JSON cannot hold
	}
	return out.Bytes()
}

// decode reads one JSON value, and nothing that it would not write.
func decode(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if decoder.More() {
		return errors.New("there is more after its end")
	}
	return nil
}

// moment is a time as records hold it.
func moment(at time.Time) string { return at.UTC().Format(time.RFC3339) }
