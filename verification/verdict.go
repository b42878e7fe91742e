package verification

import (
	"fmt"
	"slices"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/lineage"
)

// Comparison is the answer of scripts/modeldiff.py: how two models differ.
type Comparison struct {
	Weights     Weights      `json:"weights"`
	Graph       Graph        `json:"graph"`
	Assets      bool         `json:"assets"` // whether files under assets/ differ
	Predictions *Predictions `json:"predictions"`
}

// Weights are the differences between variables.
type Weights struct {
	Variables  int       `json:"variables"`
	Different  int       `json:"different"` // variables that both have, with other values
	Missing    []string  `json:"missing"`   // only the first has them
	Added      []string  `json:"added"`     // only the second has them
	First      *Variable `json:"first"`     // by name
	MaxAbsDiff *float64  `json:"maxAbsDiff"`
	MaxUlps    *float64  `json:"maxUlps"`
	State      bool      `json:"state"` // whether tables or other state differ
}

// Variable is the first value in which a variable differs.
type Variable struct {
	Name   string `json:"name"`
	Dtype  string `json:"dtype"`
	Shape  []int  `json:"shape"`
	Index  []int  `json:"index"`
	Before string `json:"before"`
	After  string `json:"after"`
	// Units in the last place between the two; nil for what is no number.
	Ulps  *float64 `json:"ulps"`
	Count int      `json:"count"` // values of this variable that differ
}

// Graph are the signatures that differ in what they compute or take.
type Graph struct {
	Different []string `json:"different"`
	Missing   []string `json:"missing"`
	Added     []string `json:"added"`
}

// Predictions are the differences between answers to the same rows.
type Predictions struct {
	Examples   int      `json:"examples"`
	MaxAbsDiff *float64 `json:"maxAbsDiff"`
	Flipped    *int     `json:"flipped"` // rows decided otherwise; nil for a regression
}

// Limits are how far a model may be from the recorded one where equal bits are not promised.
type Limits struct {
	Weights     *float64 // of any value; nil for no limit
	Predictions *float64
	Flipped     int // rows
}

// Promised tells whether the recorded training, repeated now, must give the same bits; if not, why.
//
// Equal bits were measured on one class of processor: the same model of processor with the same instructions.
func Promised(recorded, now lineage.Manifest) (bool, string) {
	was, is := recorded.Device, now.Device
	switch {
	case recorded.Reproducible == config.Off:
		return false, "train.reproducible is off, which promises nothing"
	case recorded.Reproducible == config.Seeded:
		return false, "train.reproducible is seeded, which leaves operations as fast as they can be and promises no equal bits"
	case was.Kind != "cpu" || is.Kind != "cpu":
		return false, "on GPUs equal bits are not promised"
	case recorded.Parameters.Resumed:
		return false, "the recorded training went on from a checkpoint, this one began anew"
	case was.Processor.Model != is.Processor.Model || !slices.Equal(was.Processor.Flags, is.Processor.Flags):
		return false, fmt.Sprintf("it was made on another class of processor (%s; here %s)", class(was.Processor), class(is.Processor))
	}
	return true, ""
}

func class(processor lineage.Processor) string {
	return strings.TrimSpace(processor.Model + " " + strings.Join(processor.Flags, " "))
}

// Verdict is what came of a training that was repeated.
type Verdict struct {
	Identical  bool        `json:"identical"`
	Passed     bool        `json:"passed"`
	Promised   bool        `json:"promised"`         // equal bits
	Reason     string      `json:"reason,omitempty"` // why they are not promised
	Summary    string      `json:"summary"`
	Comparison *Comparison `json:"comparison,omitempty"` // nil for identical models
}

// Judge says whether a repeated training passes: with equal bits, or, where they are not promised, within the limits.
func Judge(recorded, now lineage.Manifest, found *Comparison, limits Limits) Verdict {
	verdict := Verdict{Comparison: found}
	verdict.Promised, verdict.Reason = Promised(recorded, now)
	if recorded.CanonicalDigest == now.CanonicalDigest {
		verdict.Identical, verdict.Passed, verdict.Comparison = true, true, nil
		verdict.Summary = "identical: trained again from the recorded inputs, the model is " + now.CanonicalDigest + " as recorded"
		if !verdict.Promised {
			verdict.Summary += "\nthat is more than was promised: " + verdict.Reason
		}
		return verdict
	}
	said := "differs: recorded is " + recorded.CanonicalDigest + ", trained again it is " + now.CanonicalDigest
	if found == nil {
		verdict.Summary = said + "\nthe recorded model itself was not given, so that nothing more can be said: give the output of the run that made it"
		return verdict
	}
	said += "\n" + found.String()
	if verdict.Promised {
		verdict.Summary = said + "\nequal bits are promised here (train.reproducible " + recorded.Reproducible + ", the same class of processor): " +
			"the training depends on something beside its recorded inputs, such as the time, the network, a generator with a seed of its own, or threads of its own"
		return verdict
	}
	broken := limits.broken(*found)
	if len(broken) > 0 {
		verdict.Summary = said + "\nequal bits are not promised (" + verdict.Reason + "), and it is out of tolerance: " + strings.Join(broken, "; ")
		return verdict
	}
	verdict.Passed = true
	verdict.Summary = "not identical, within tolerance: " + strings.TrimPrefix(said, "differs: ") +
		"\nequal bits are not promised: " + verdict.Reason + "; promote the recorded bytes, not these"
	return verdict
}

// broken says which limits a comparison is over, or cannot be held against.
func (l Limits) broken(found Comparison) []string {
	var broken []string
	switch weights := found.Weights; {
	case len(weights.Missing)+len(weights.Added) > 0:
		broken = append(broken, "the models do not have the same variables")
	case weights.State:
		broken = append(broken, "their tables differ, for which there is no tolerance")
	case l.Weights != nil && (weights.MaxAbsDiff == nil || !(*weights.MaxAbsDiff <= *l.Weights)):
		broken = append(broken, fmt.Sprintf("weights differ by up to %s, the limit is %.3g", number(weights.MaxAbsDiff), *l.Weights))
	}
	if graph := found.Graph; len(graph.Different)+len(graph.Missing)+len(graph.Added) > 0 || found.Assets {
		broken = append(broken, "the models do not compute the same thing, for which there is no tolerance")
	}
	if l.Predictions == nil {
		return broken
	}
	switch predictions := found.Predictions; {
	case predictions == nil:
		broken = append(broken, "there are no held-out rows to compare answers on: set evaluate.data and evaluate.label")
	case predictions.MaxAbsDiff == nil || !(*predictions.MaxAbsDiff <= *l.Predictions):
		broken = append(broken, fmt.Sprintf("answers differ by up to %s, the limit is %.3g", number(predictions.MaxAbsDiff), *l.Predictions))
	case predictions.Flipped != nil && *predictions.Flipped > l.Flipped:
		broken = append(broken, fmt.Sprintf("%d of %d rows are decided otherwise, the limit is %d", *predictions.Flipped, predictions.Examples, l.Flipped))
	}
	return broken
}

// String says where two models differ first, and by how much.
func (c Comparison) String() string {
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if first := c.Weights.First; first != nil {
		say("weights: first %s %v %s at %v: %s, then %s%s", first.Name, first.Shape, first.Dtype, first.Index, first.Before, first.After, ulps(first.Ulps))
		say("weights: %d of %d variables differ, by up to %s%s", c.Weights.Different, c.Weights.Variables, number(c.Weights.MaxAbsDiff), ulps(c.Weights.MaxUlps))
	}
	if names := c.Weights.Missing; len(names) > 0 {
		say("weights: only the recorded model has %s", listed(names))
	}
	if names := c.Weights.Added; len(names) > 0 {
		say("weights: only the new model has %s", listed(names))
	}
	if c.Weights.State {
		say("weights: tables or other state differ")
	}
	if names := c.Graph.Different; len(names) > 0 {
		say("graph: signature %s computes something else, or has other inputs or outputs", listed(names))
	}
	if names := c.Graph.Missing; len(names) > 0 {
		say("signatures: only the recorded model has %s", listed(names))
	}
	if names := c.Graph.Added; len(names) > 0 {
		say("signatures: only the new model has %s", listed(names))
	}
	if c.Assets {
		say("assets: the files under assets/ differ")
	}
	if found := c.Predictions; found != nil {
		flipped := ""
		if found.Flipped != nil {
			flipped = fmt.Sprintf(", %d decided otherwise", *found.Flipped)
		}
		say("answers to %d held-out rows: off by up to %s%s", found.Examples, number(found.MaxAbsDiff), flipped)
	}
	if len(said) == 0 {
		said = []string{"their digests differ, and no difference was found"}
	}
	return strings.Join(said, "\n")
}

func ulps(value *float64) string {
	if value == nil {
		return ""
	}
	return fmt.Sprintf(" (%.0f ulp)", *value)
}

func number(value *float64) string {
	if value == nil {
		return "what is no finite number"
	}
	return fmt.Sprintf("%.3g", *value)
}
