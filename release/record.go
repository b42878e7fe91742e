package release

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Action is what a person or a job asks for.
type Action string

// What can be asked for.
const (
	Push       Action = "push"
	DeployTest Action = "deploy-test"
	SetCanary  Action = "canary"
	Promote    Action = "promote"
	Rollback   Action = "rollback"
	Retire     Action = "retire"
)

// Change is one version's way from one status to another.
type Change struct {
	Version int64  `json:"version"`
	From    Status `json:"from"` // empty for a version that was not there
	To      Status `json:"to"`
	Digest  string `json:"canonicalDigest"`
}

// Record is one transition: who, when, what, why.
type Record struct {
	SchemaVersion int        `json:"schemaVersion"`
	Sequence      int        `json:"sequence"` // 1 for a model's first
	Model         string     `json:"model"`
	Action        Action     `json:"action"`
	Version       int64      `json:"version"` // that it is about
	Digest        string     `json:"canonicalDigest"`
	Changes       []Change   `json:"changes"`       // that version's, and what follows for others
	CanaryPercent int        `json:"canaryPercent"` // afterwards
	By            string     `json:"by"`
	At            time.Time  `json:"at"` // when it was decided
	StartedBy     string     `json:"startedBy,omitempty"`
	Pipeline      string     `json:"pipeline,omitempty"` // its address
	Reason        string     `json:"reason,omitempty"`
	Approvals     []Approval `json:"approvals,omitempty"`
	Pushed        *Version   `json:"pushed,omitempty"` // of a push: all that is known of the version
}

// Apply returns the state after a record; the state itself stays as it is.
func (s State) Apply(record Record) (State, error) {
	refuse := func(format string, args ...any) (State, error) {
		return State{}, fmt.Errorf("%s cannot follow: %s", historyName(record.Sequence), fmt.Sprintf(format, args...))
	}
	if record.SchemaVersion != SchemaVersion {
		return refuse("its schemaVersion is %d, and this version of the line reads %d", record.SchemaVersion, SchemaVersion)
	}
	if record.Sequence != s.Sequence+1 || record.Model != s.Model {
		return refuse("it is record %d of %q, wanted is record %d of %q", record.Sequence, record.Model, s.Sequence+1, s.Model)
	}
	if len(record.Changes) == 0 && record.CanaryPercent == s.CanaryPercent {
		return refuse("it changes nothing")
	}
	after := s.clone()
	after.Sequence, after.CanaryPercent = record.Sequence, record.CanaryPercent
	if pushed := record.Pushed; pushed != nil {
		after.Versions = append(after.Versions, *pushed)
		after.Versions[len(after.Versions)-1].Status = None
	}
	for _, change := range record.Changes {
		at := slices.IndexFunc(after.Versions, func(v Version) bool { return v.Number == change.Version })
		if at < 0 {
			return refuse("there is no version %d", change.Version)
		}
		version := &after.Versions[at]
		if version.Status != change.From || version.Digest != change.Digest {
			return refuse("version %d is %q with %s, not %q with %s", change.Version, version.Status, version.Digest, change.From, change.Digest)
		}
		if change.To == Production && change.From != Retired { // one that comes back keeps what it replaced then
			version.Replaced = 0
			if before, found := s.Holder(Production); found {
				version.Replaced = before.Number
			}
		}
		version.Status = change.To
	}
	if err := after.Check(); err != nil {
		return refuse("%v", err)
	}
	return after, nil
}

// Fold returns the state that records lead to, from a model's first on.
func Fold(model string, records []Record) (State, error) {
	state := State{SchemaVersion: SchemaVersion, Model: model}
	for _, record := range records {
		var err error
		if state, err = state.Apply(record); err != nil {
			return State{}, err
		}
	}
	return state, nil
}

// readRecord decodes an object of the history.
func readRecord(name string, text []byte) (Record, error) {
	var record Record
	if err := decode(text, &record); err != nil {
		return Record{}, fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if record.By == "" || record.At.IsZero() {
		return Record{}, errors.New(name + " does not say who and when")
	}
	return record, nil
}
