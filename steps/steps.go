// Package steps says of each step of a run whether it ran, and why: which of its inputs changed since an earlier run.
package steps

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// File is the name of a run's record of its steps.
const File = "reports/steps.json"

// LinePrograms is the input that stands for everything which the line itself brings along.
const LinePrograms = "the line's programs"

// Inputs are what a step's result is a function of: the input's name to a digest or a value.
//
// A name is what a person would call it: a path in the project, a setting's key, or [LinePrograms].
type Inputs map[string]string

// Step is one step's account of its last real run, and what it had to do with this one.
type Step struct {
	Name    string  `json:"name"`
	Verdict string  `json:"verdict"`
	Started string  `json:"started"` // of the run that made the result, RFC 3339 with milliseconds
	Seconds float64 `json:"seconds"`
	Cached  bool    `json:"cached"` // the result was there before this run began
	Why     string  `json:"why"`
	Inputs  Inputs  `json:"inputs,omitempty"`
}

// Read decodes a record of steps.
func Read(text []byte) ([]Step, error) {
	var read []Step
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("%s is no record of a run's steps: %w", File, err)
	}
	return read, nil
}

// Record is what a step's program writes beside its result.
type Record struct {
	Started string  `json:"started"`
	Seconds float64 `json:"seconds"`
	// Said is what a person should know of a step that went well, such as what of a lock the image decided.
	Said []string `json:"said"`
}

// New is the account of a step of a run that began at the given time, with what an earlier run says of the same step.
func New(name, verdict string, record Record, inputs Inputs, began time.Time, previous []Step) (Step, error) {
	started, err := time.Parse(time.RFC3339, record.Started)
	if err != nil {
		return Step{}, fmt.Errorf("the record of step %s: started is %.40q, not a time", name, record.Started)
	}
	step := Step{Name: name, Verdict: strings.Join(append([]string{verdict}, record.Said...), "; "), Started: record.Started, Seconds: record.Seconds, Inputs: inputs}
	// Programs tell the time in milliseconds.
	step.Cached = started.Before(began.Truncate(time.Millisecond))
	at := slices.IndexFunc(previous, func(s Step) bool { return s.Name == name })
	switch {
	case len(inputs) == 0:
		step.Why = "" // always runs, and its verdict says what it is for
	case at < 0 || len(previous[at].Inputs) == 0:
		step.Why = first(step.Cached)
	default:
		step.Why = why(step.Cached, Changed(previous[at].Inputs, inputs), previous[at].Started == step.Started)
	}
	return step, nil
}

func first(cached bool) string {
	if cached {
		return "an earlier run had the same inputs"
	}
	return "no earlier run to compare with"
}

// why gives the reason, from what changed since the previous run.
func why(cached bool, changed []string, same bool) string {
	switch {
	case cached && len(changed) == 0:
		return "nothing changed"
	case cached && same:
		// Two steps of one result: what changed is no input of what the engine ran.
		return phrase(changed) + ", to the same effect"
	case cached:
		return phrase(changed) + ", and an earlier run had the same inputs"
	case len(changed) == 0:
		return "nothing changed; this engine no longer has the result"
	}
	return phrase(changed)
}

// Changed lists the inputs that differ: those that changed, then those that were added, then those that were removed, and the
// line's own at the end, since it is the project's that a person asks about.
func Changed(before, after Inputs) []string {
	var changed, added, removed []string
	for _, name := range slices.Sorted(maps.Keys(after)) {
		old, was := before[name]
		switch {
		case !was:
			added = append(added, name+" added")
		case old != after[name]:
			changed = append(changed, name+" changed")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if _, is := after[name]; !is {
			removed = append(removed, name+" removed")
		}
	}
	all := slices.Concat(changed, added, removed)
	slices.SortStableFunc(all, func(a, b string) int {
		return cmp.Compare(strings.Count(a, LinePrograms), strings.Count(b, LinePrograms))
	})
	return all
}

// phrase names the first few of the inputs that changed.
func phrase(changed []string) string {
	const named = 4
	if len(changed) <= named {
		return strings.Join(changed, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(changed[:named], ", "), len(changed)-named)
}
