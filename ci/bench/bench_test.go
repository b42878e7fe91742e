package bench

import (
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

// fixed is a measurement whose values are known.
func fixed(name string, values ...float64) Measurement {
	at := -1
	return Measurement{Name: name, Value: func() (float64, error) {
		at++
		if at >= len(values) {
			return 0, errors.New("no more values")
		}
		return values[at], nil
	}}
}

func TestTake(t *testing.T) {
	var order []string
	note := func(what string) func(context.Context) error {
		return func(context.Context) error { order = append(order, what); return nil }
	}
	groups := []Group{
		{
			Name: "first", Prepare: note("prepare"),
			Measurements: []Measurement{{Name: "slow", Before: note("before"), Timed: note("slow")}, {Name: "fast", Timed: note("fast")}},
		},
		{
			Name:         "second",
			Measurements: []Measurement{{Name: "slow", Timed: note("slow again")}, fixed("six", 6, 5, 7)},
			Claims:       []Claim{ratio(atMost(1), "slow", "fast"), ratio(atLeast(2), "six", "six", "six"), value(atMost(6), "six", "K")},
		},
	}
	figures, results, err := Take(t.Context(), groups, 3, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	round := []string{"before", "slow", "fast"}
	if want := slices.Concat([]string{"prepare"}, round, round, round); !slices.Equal(order, want) {
		t.Errorf("order %q, want %q", order, want)
	}
	if len(figures) != 3 || figures[0].Group != "first" || figures[2].Median != 6 || len(figures[2].All) != 3 || figures[0].Unit != "s" {
		t.Errorf("figures %+v", figures)
	}
	if len(results) != 3 || *results[0].Value != figures[0].Median/figures[1].Median {
		t.Fatalf("results %+v", results)
	}
	if *results[1].Value != 0.5 || *results[1].Met || *results[2].Value != 6 || !*results[2].Met || results[2].Unit != "K" {
		t.Errorf("results %+v", results)
	}
}

func TestTakeGoesOnAfterAFailure(t *testing.T) {
	groups := []Group{
		{Name: "a", Measurements: []Measurement{fixed("short", 1), fixed("whole", 1, 2)}, Claims: []Claim{ratio(atMost(9), "short", "whole"), value(Goal{}, "whole", "")}},
		{
			Name: "b", Prepare: func(context.Context) error { return errors.New("no room") },
			Measurements: []Measurement{fixed("x", 1, 1), fixed("y", 1, 1)}, Claims: []Claim{ratio(Goal{}, "x", "y")},
		},
	}
	figures, results, err := Take(t.Context(), groups, 2, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "short: no more values") || strings.Count(err.Error(), "preparing b: no room") != 1 {
		t.Errorf("error %v", err)
	}
	if len(figures) != 4 || figures[0].Failed == "" || figures[1].Failed != "" || figures[1].Median != 1.5 || figures[2].Failed == "" || figures[3].Failed == "" {
		t.Errorf("figures %+v", figures)
	}
	if len(results) != 3 || results[0].Value != nil || results[0].Met != nil || *results[1].Value != 1.5 || results[1].Met != nil || results[2].Value != nil {
		t.Errorf("results %+v", results)
	}
}

func TestTakeEndsWithItsContext(t *testing.T) {
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := Measurement{Name: "stop", Timed: func(context.Context) error { cancel(gone); return gone }}
	groups := []Group{{Name: "a", Measurements: []Measurement{fixed("one", 1)}}, {Name: "b", Measurements: []Measurement{stop, fixed("never")}}}
	figures, _, err := Take(ctx, groups, 1, io.Discard)
	if !errors.Is(err, gone) || len(figures) != 1 || figures[0].Name != "one" {
		t.Errorf("figures %+v, error %v", figures, err)
	}
}

func TestMedian(t *testing.T) {
	for want, values := range map[float64][]float64{2: {3, 1, 2}, 2.5: {4, 1, 2, 3}, 7: {7}} {
		if got := median(values); got != want {
			t.Errorf("%v: %v", values, got)
		}
	}
}

func TestGoal(t *testing.T) {
	yes, no := true, false
	for name, test := range map[string]struct {
		goal  Goal
		value float64
		text  string
		met   *bool
	}{
		"below":              {atMost(0.03), 0.02, "≤ 0.03", &yes},
		"at the upper bound": {atMost(2), 2, "≤ 2", &yes},
		"above":              {atMost(1.05), 1.06, "≤ 1.05", &no},
		"zero is a bound":    {atMost(0), 1, "≤ 0", &no},
		"enough":             {atLeast(1.8), 1.9, "≥ 1.8", &yes},
		"too little":         {atLeast(1.8), 1.7, "≥ 1.8", &no},
		"not a number":       {atMost(2), math.NaN(), "≤ 2", &no},
		"no goal":            {Goal{}, 5, "", nil},
	} {
		met := test.goal.Met(test.value)
		if test.goal.String() != test.text || (met == nil) != (test.met == nil) || met != nil && *met != *test.met {
			t.Errorf("%s: %q, met %v", name, test.goal, met)
		}
	}
}

func TestClaimsOfScale(t *testing.T) {
	for name, test := range map[string]struct {
		claim   Claim
		medians []float64
		want    float64
		goal    string
	}{
		"8 × 5 s in 20 s on 2 cores":       {speedUp(2, "", 8, "", ""), []float64{5, 20}, 2, "≥ 1.8"},
		"40 s in 20 s on 16 cores":         {speedUp(16, "", 1, "", ""), []float64{40, 20}, 2, "≥ 7.2"},
		"200 in 50 s":                      {perCell("", 200), []float64{50}, 0.25, ""},
		"each further one costs the same":  {steadiness([]int{1, 20, 200}, "", "", ""), []float64{4.1, 6, 24}, 1, "≤ 1.2"},
		"each further one costs the twice": {steadiness([]int{1, 20, 200}, "", "", ""), []float64{4.1, 6, 42}, 2, "≤ 1.2"},
	} {
		got := test.claim.From(test.medians)
		if math.Abs(got-test.want) > 1e-9 || test.claim.Goal.String() != test.goal {
			t.Errorf("%s: %v, goal %q", name, got, test.claim.Goal)
		}
	}
}

func TestChoose(t *testing.T) {
	groups := Place{Cells: 200, Cores: 2}.Groups()
	names := func(groups []Group) []string {
		var names []string
		for _, group := range groups {
			names = append(names, group.Name)
		}
		return names
	}
	for name, test := range map[string]struct{ only, want []string }{
		"all":                  {nil, Names},
		"one":                  {[]string{"scan"}, []string{"scan"}},
		"in the groups' order": {[]string{"scale", "install"}, []string{"install", "scale"}},
	} {
		if got := names(Choose(groups, test.only)); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
	if err := Check([]string{"line", "load"}); err != nil {
		t.Error(err)
	}
	if err := Check([]string{"line", "lines"}); err == nil || !strings.Contains(err.Error(), "lines") {
		t.Errorf("an unknown group: %v", err)
	}
}

// A claim of what its own group does not measure would depend on which groups are chosen.
func TestClaimsAreOfTheirGroupsMeasurements(t *testing.T) {
	for _, group := range (Place{Cells: 200, Cores: 2}).Groups() {
		own := map[string]bool{}
		for _, m := range group.Measurements {
			if own[m.Name] {
				t.Errorf("group %s measures %q twice", group.Name, m.Name)
			}
			own[m.Name] = true
		}
		for _, claim := range group.Claims {
			for _, name := range claim.Of {
				if !own[name] {
					t.Errorf("group %s: %q is made of %q, which it does not measure", group.Name, claim.Name, name)
				}
			}
		}
	}
}
