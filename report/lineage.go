package report

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Fact is one line of a model's lineage.
type Fact struct {
	Name, Value string
}

// Facts are what the model was made from, each ready to be copied; nothing without a manifest.
func (r Report) Facts() []Fact {
	if r.Manifest == nil {
		return nil
	}
	m := r.Manifest
	facts := []Fact{
		{"model (canonical digest)", m.CanonicalDigest},
		{"weights", m.WeightsDigest},
		{"graphs", m.GraphDigest},
		{"source", m.Source.Digest},
		{"commit", m.Source.Commit},
		{"data", m.Data.Digest},
	}
	for _, role := range slices.Sorted(maps.Keys(m.Images)) {
		name, _, _ := strings.Cut(m.Images[role].Reference, "@")
		facts = append(facts, Fact{"image " + role, strings.TrimSpace(name + "@" + m.Images[role].Digest + " " + m.Images[role].Platform)})
	}
	facts = append(facts,
		Fact{"requirements", strings.TrimSpace(m.Requirements.File + " " + m.Requirements.Digest)},
		Fact{"command", strings.Join(append([]string{m.Parameters.Script}, m.Parameters.Args...), " ")},
		Fact{"seed", strconv.Itoa(m.Seed)},
		Fact{"reproducible", m.Reproducible},
		Fact{"device", strings.Join(append([]string{m.Device.Kind}, append(m.Device.Names, m.Device.Processor.Model)...), ", ")},
		Fact{"engine", m.Tools.Engine},
	)
	return slices.DeleteFunc(facts, func(fact Fact) bool { return fact.Value == "" })
}
