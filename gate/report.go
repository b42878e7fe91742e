package gate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Verdict is how one limit was judged.
type Verdict struct {
	Metric   string   `json:"metric"`
	Slice    string   `json:"slice,omitempty"`
	Limit    string   `json:"limit"` // minimum, maximum or max-drop
	Want     float64  `json:"want"`
	Got      *float64 `json:"got"`                // null: not measured, or not finite
	Baseline *float64 `json:"baseline,omitempty"` // the baseline's figure, for max-drop
	By       *float64 `json:"by"`                 // distance to the limit, on whichever side; null: not judged
	Passed   bool     `json:"passed"`
	Reason   string   `json:"reason,omitempty"` // why it failed, or why it was not judged
}

// Report is the gate's verdict on a model.
type Report struct {
	Passed   bool      `json:"passed"`
	Verdicts []Verdict `json:"verdicts"`
}

// Err returns nil when every limit holds, and otherwise one line for each that does not.
func (r Report) Err() error {
	var failed []string
	for _, verdict := range r.Verdicts {
		if !verdict.Passed {
			failed = append(failed, verdict.Reason)
		}
	}
	switch len(failed) {
	case 0:
		return nil
	case 1:
		return errors.New(failed[0])
	}
	return fmt.Errorf("%d of %d limits do not hold:\n  %s", len(failed), len(r.Verdicts), strings.Join(failed, "\n  "))
}

// Summary says in one line what was measured and how many limits hold.
func (r Report) Summary(measured Measured) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(measured.Metrics)) {
		parts = append(parts, name+" "+figure(measured.Metrics[name]))
	}
	held, unjudged := 0, 0
	for _, verdict := range r.Verdicts {
		switch {
		case verdict.Passed && verdict.By == nil:
			unjudged++
		case verdict.Passed:
			held++
		}
	}
	outcome := fmt.Sprintf("%d of %d limits hold", held, len(r.Verdicts)-unjudged)
	if unjudged > 0 {
		outcome += fmt.Sprintf(", %d not judged", unjudged)
	}
	if len(r.Verdicts) == 0 {
		outcome = "no limits set"
	}
	return strings.Join(append(parts, outcome), ", ")
}

// subject names what was judged.
func (v Verdict) subject() string {
	if v.Slice == "" {
		return v.Metric
	}
	return v.Metric + " in slice " + v.Slice
}

// figure is a number as a person reads it.
func figure(value *float64) string {
	if value == nil {
		return "not finite"
	}
	return strconv.FormatFloat(*value, 'g', 6, 64)
}

// figures are two numbers that a person compares: with all their digits where six would make them look equal.
func figures(a, b float64) (string, string) {
	if shortA, shortB := figure(&a), figure(&b); shortA != shortB {
		return shortA, shortB
	}
	return strconv.FormatFloat(a, 'g', -1, 64), strconv.FormatFloat(b, 'g', -1, 64)
}
