package bench

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Claim is a number made of medians, and the goal that it has.
type Claim struct {
	Name string
	Of   []string // names of the measurements it is made of
	// From makes it of their medians, in the order of Of.
	From func(medians []float64) float64
	Unit string // nothing for a ratio
	Goal Goal
}

// Goal is a bound of a number; the zero value is none.
type Goal struct {
	AtMost  *float64 `json:"atMost,omitempty"`
	AtLeast *float64 `json:"atLeast,omitempty"`
}

func atMost(value float64) Goal  { return Goal{AtMost: &value} }
func atLeast(value float64) Goal { return Goal{AtLeast: &value} }

// String is the bound as a table shows it.
func (g Goal) String() string {
	switch {
	case g.AtMost != nil:
		return "≤ " + bound(*g.AtMost)
	case g.AtLeast != nil:
		return "≥ " + bound(*g.AtLeast)
	}
	return ""
}

// Met tells whether a value keeps to the bound; nil where there is none.
func (g Goal) Met(value float64) *bool {
	var met bool
	switch {
	case g.AtMost != nil:
		met = value <= *g.AtMost
	case g.AtLeast != nil:
		met = value >= *g.AtLeast
	default:
		return nil
	}
	return &met
}

// Result is what came out of a claim.
type Result struct {
	Name  string   `json:"name"`
	Group string   `json:"group"`
	Value *float64 `json:"value"` // nil where a measurement that it is made of failed
	Unit  string   `json:"unit,omitempty"`
	Goal  Goal     `json:"goal,omitzero"`
	Met   *bool    `json:"met,omitempty"` // nil without a goal, and without a value
}

// result makes the claim of what was taken.
func (c Claim) result(group string, taken map[string]*Figure) Result {
	result := Result{Name: c.Name, Group: group, Unit: c.Unit, Goal: c.Goal}
	medians := make([]float64, len(c.Of))
	for at, name := range c.Of {
		figure := taken[name]
		if figure == nil || figure.Failed != "" {
			return result
		}
		medians[at] = figure.Median
	}
	value := c.From(medians)
	result.Value, result.Met = &value, c.Goal.Met(value)
	return result
}

// ratio sets a measurement against the sum of others.
func ratio(goal Goal, of string, against ...string) Claim {
	return Claim{
		Name: of + " ÷ " + strings.Join(against, " + "), Of: append([]string{of}, against...), Goal: goal,
		From: func(medians []float64) float64 {
			sum := 0.0
			for _, median := range medians[1:] {
				sum += median
			}
			return medians[0] / sum
		},
	}
}

// value is a measurement that has a goal by itself.
func value(goal Goal, of, unit string) Claim {
	return Claim{Name: of, Of: []string{of}, Unit: unit, Goal: goal, From: func(medians []float64) float64 { return medians[0] }}
}

// number is a figure in three digits that count; whole numbers, which were counted, and large ones are whole.
func number(value float64) string {
	if value == math.Trunc(value) || math.Abs(value) >= 100 {
		return strconv.FormatFloat(value, 'f', 0, 64)
	}
	return fmt.Sprintf("%#.3g", value)
}

// bound is a goal's number as it was written.
func bound(value float64) string { return strconv.FormatFloat(value, 'g', -1, 64) }

// inUnit is a figure with its unit, if it has one.
func inUnit(value float64, unit string) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s", number(value), unit))
}
