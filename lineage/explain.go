package lineage

import "strings"

// Kind is what kind of input a difference is in.
type Kind string

// The kinds, in the order of what they usually weigh.
const (
	Code       Kind = "code"
	TrainData  Kind = "data"
	PackageSet Kind = "packages"
	ImageUsed  Kind = "image"
	Arguments  Kind = "parameters"
	Seed       Kind = "seed"
	Mode       Kind = "reproducibility"
	Hardware   Kind = "hardware"
	Tooling    Kind = "tools"
	Judged     Kind = "held-out data" // changes the figures, never the model
)

// Explanation answers why a model is another than the one before.
type Explanation struct {
	Before  Side   `json:"before"`
	After   Side   `json:"after"`
	Same    bool   `json:"same"`    // whether the two are one model: equal canonical digests
	Verdict string `json:"verdict"` // the answer in a sentence
	// Changes are the inputs that differ, the heaviest first.
	Changes []Change `json:"changes"`
	Parts   []string `json:"parts,omitempty"` // what differs in the model itself: weights, graph
	Metrics []Metric `json:"metrics"`
	// Comparable tells whether both were judged on the same rows; absent where the manifests do not say.
	Comparable  *bool  `json:"comparable,omitempty"`
	Predictions *Flips `json:"predictions,omitempty"`
}

// Side is one of the two models.
type Side struct {
	Model           string `json:"model"`
	CanonicalDigest string `json:"canonicalDigest"`
	Commit          string `json:"commit,omitempty"`
	Passed          *bool  `json:"passed,omitempty"` // the gate's verdict
}

// Change is one input that differs.
type Change struct {
	Kind    Kind     `json:"kind"`
	Summary string   `json:"summary"`
	Details []Detail `json:"details,omitempty"`
}

// Detail is one difference within an input; of something added there is no Before, of something removed no After.
type Detail struct {
	Name   string `json:"name"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	Note   string `json:"note,omitempty"` // what can be said beside the two values
}

// Metric is a figure on held-out data; nil: not measured, or not finite.
type Metric struct {
	Name   string   `json:"name"`
	Before *float64 `json:"before"`
	After  *float64 `json:"after"`
}

// Change is the difference of the two values, nil where one is missing.
func (m Metric) Change() *float64 {
	if m.Before == nil || m.After == nil {
		return nil
	}
	change := *m.After - *m.Before
	return &change
}

// Explain compares two manifests: what went in, what came out.
func Explain(before, after Manifest) Explanation {
	explanation := Explanation{
		Before: before.side(), After: after.side(),
		Same:    before.CanonicalDigest == after.CanonicalDigest,
		Changes: []Change{},
		Metrics: compareMetrics(before.Metrics, after.Metrics),
	}
	for _, compare := range []func(before, after Manifest) *Change{
		compareCode, compareData, comparePackages, compareImages, compareParameters, compareSeed, compareMode, compareHardware,
		compareTools, compareHeldOut,
	} {
		if change := compare(before, after); change != nil {
			explanation.Changes = append(explanation.Changes, *change)
		}
	}
	if before.WeightsDigest != after.WeightsDigest {
		explanation.Parts = append(explanation.Parts, "weights")
	}
	if before.GraphDigest != after.GraphDigest {
		explanation.Parts = append(explanation.Parts, "graph")
	}
	if len(before.Data.HeldOut) > 0 && len(after.Data.HeldOut) > 0 {
		equal := compareHeldOut(before, after) == nil
		explanation.Comparable = &equal
	}
	explanation.Verdict = explanation.verdict(after.Reproducible)
	return explanation
}

func (m Manifest) side() Side {
	side := Side{Model: m.Model, CanonicalDigest: m.CanonicalDigest, Commit: m.Source.Commit}
	if m.Gate != nil {
		side.Passed = &m.Gate.Passed
	}
	return side
}

// verdict says the answer in a sentence.
func (e Explanation) verdict(mode string) string {
	var causes []string
	for _, change := range e.Changes {
		if change.Kind != Judged && change.Kind != Tooling {
			causes = append(causes, string(change.Kind))
		}
	}
	named := listed(causes)
	switch {
	case e.Same && len(e.Changes) == 0:
		return "Nothing changed: it is the same model, made from the same inputs."
	case e.Same && len(causes) == 0:
		return "It is the same model; what made it did not change."
	case e.Same:
		return "It is the same model, although this changed: " + named + "."
	case len(causes) > 0:
		return "The model changed, and so did what made it: " + named + "."
	case mode == "off" || mode == "seeded":
		return "The model changed, and no recorded input did: train.reproducible is " + mode + ", so two runs of the same inputs differ."
	}
	return "The model changed, and no recorded input did: the training reads something that is not recorded (time, network, a file outside the project), or was exported in another way."
}

func listed(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
