// Package gate judges what a model achieves on held-out data by the limits that a project sets.
//
// A rule names a metric and one or more limits: a minimum, a maximum, and how far the metric may get worse than that of
// a baseline model; all of it over every row, or over one slice of them. What was not measured, or is no finite number,
// fails: a gate opens only for what is known to be good.
package gate

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// The limits that a rule can set.
const (
	Minimum = "minimum"
	Maximum = "maximum"
	MaxDrop = "max-drop"
)

// Rule is what one metric must hold.
type Rule struct {
	Metric  string
	Minimum *float64
	Maximum *float64
	MaxDrop *float64 // how far it may be worse than the baseline's: below it, or above it for an error such as loss
	Slice   string   // column=value; empty for all rows
}

// rounding is what binary fractions may add to a difference of two decimal ones: 0.95 - 0.94 is more than 0.01.
const rounding = 1e-12

// Judge compares what was measured with every limit of every rule, in their order; baseline may be nil.
func Judge(rules []Rule, measured Measured, baseline *Measured) Report {
	report := Report{Passed: true, Verdicts: []Verdict{}}
	add := func(verdict Verdict) {
		report.Verdicts = append(report.Verdicts, verdict)
		report.Passed = report.Passed && verdict.Passed
	}
	for _, rule := range rules {
		if rule.Minimum != nil {
			add(judgeBound(rule, Minimum, *rule.Minimum, measured))
		}
		if rule.Maximum != nil {
			add(judgeBound(rule, Maximum, *rule.Maximum, measured))
		}
		if rule.MaxDrop != nil {
			add(judgeDrop(rule, measured, baseline))
		}
	}
	return report
}

func judgeBound(rule Rule, limit string, want float64, measured Measured) Verdict {
	verdict := Verdict{Metric: rule.Metric, Slice: rule.Slice, Limit: limit, Want: want}
	got, missing := measured.find(rule.Metric, rule.Slice)
	if missing != "" {
		verdict.Reason = missing
		return verdict
	}
	verdict.Got = &got
	verdict.By = finite(math.Abs(got - want))
	verdict.Passed = got >= want
	relation := "below"
	if limit == Maximum {
		verdict.Passed = got <= want
		relation = "above"
	}
	if !verdict.Passed {
		shown, wanted := figures(got, want)
		verdict.Reason = fmt.Sprintf("%s is %s, %s the %s %s by %s", verdict.subject(), shown, relation, limit, wanted, figure(verdict.By))
	}
	return verdict
}

func judgeDrop(rule Rule, measured Measured, baseline *Measured) Verdict {
	want := *rule.MaxDrop
	verdict := Verdict{Metric: rule.Metric, Slice: rule.Slice, Limit: MaxDrop, Want: want}
	got, missing := measured.find(rule.Metric, rule.Slice)
	if missing != "" {
		verdict.Reason = missing
		return verdict
	}
	verdict.Got = &got
	if baseline == nil {
		verdict.Passed = true
		verdict.Reason = "not judged: no baseline model was given"
		return verdict
	}
	before, missing := baseline.find(rule.Metric, rule.Slice)
	if missing != "" {
		verdict.Reason = "the baseline cannot be compared with: " + missing
		return verdict
	}
	verdict.Baseline = &before
	drop, direction := before-got, "below"
	if LowerIsBetter(rule.Metric) {
		drop, direction = got-before, "above"
	}
	verdict.By = finite(math.Abs(drop - want))
	verdict.Passed = drop <= want+rounding
	if !verdict.Passed {
		shown, wanted := figures(drop, want)
		verdict.Reason = fmt.Sprintf("%s is %s, %s %s the baseline's %s: more than the max-drop %s by %s",
			verdict.subject(), figure(&got), shown, direction, figure(&before), wanted, figure(verdict.By))
	}
	return verdict
}

// find looks a figure up, and says why there is none to judge.
func (m Measured) find(metric, slice string) (value float64, missing string) {
	metrics, where := m.Metrics, ""
	if slice != "" {
		of, found := m.Slices[slice]
		if !found {
			return 0, fmt.Sprintf("slice %s was not measured; measured: %s", slice, names(m.Slices))
		}
		metrics, where = of, " in slice "+slice
	}
	got, found := metrics[metric]
	switch {
	case !found:
		return 0, fmt.Sprintf("%s was not measured%s; measured: %s", metric, where, names(metrics))
	case got == nil || finite(*got) == nil:
		return 0, fmt.Sprintf("%s%s is not a finite number", metric, where)
	}
	return *got, ""
}

// maxNames is how many names a message lists: slices of a free column can be thousands.
const maxNames = 20

func names[V any](of map[string]V) string {
	if len(of) == 0 {
		return "nothing"
	}
	sorted := slices.Sorted(maps.Keys(of))
	if more := len(sorted) - maxNames; more > 0 {
		return strings.Join(sorted[:maxNames], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(sorted, ", ")
}

// finite is value, or nil for what JSON cannot hold.
func finite(value float64) *float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return nil
	}
	return &value
}
