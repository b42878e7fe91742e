// Package bench measures what the line costs beside the same work done by hand, and says which goals the figures meet.
//
// A [Group] is one question: measurements, and claims that are made of their medians. What runs programs is in a file for
// each group; the arithmetic is in [Take], [Claim] and [Report], which need no engine.
package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Measurement is one quantity that is taken several times.
type Measurement struct {
	Name string // measurements of one name are one: a second group that has it too does not take it again
	Unit string // seconds when empty
	// Before is done ahead of the clock; nil for nothing.
	Before func(ctx context.Context) error
	// Timed is what the clock is held against; nil where Value reads what another measurement of the group has left.
	Timed func(ctx context.Context) error
	// Value takes the place of the clock, where what was run knows better; nil for the clock.
	Value func() (float64, error)
}

// Figure is what came out of a measurement.
type Figure struct {
	Name   string    `json:"name"`
	Group  string    `json:"group"`
	Unit   string    `json:"unit"`
	Median float64   `json:"median"`
	All    []float64 `json:"all"`
	Failed string    `json:"failed,omitempty"` // why there is no median that counts
}

const seconds = "s"

// Take takes the measurements of the groups, and makes the claims of the figures. A measurement that fails takes no other with
// it; the error names those that did.
func Take(ctx context.Context, groups []Group, times int, progress io.Writer) ([]Figure, []Result, error) {
	t := taking{times: times, progress: progress, taken: map[string]*Figure{}}
	var figures []Figure
	var results []Result
	for _, group := range groups {
		fresh := t.fresh(group)
		t.group(ctx, group, fresh)
		if ctx.Err() != nil { // no failure of what was measured, and no figures either
			return figures, results, context.Cause(ctx)
		}
		for _, m := range fresh {
			figures = append(figures, *t.taken[m.Name])
		}
		for _, claim := range group.Claims {
			results = append(results, claim.result(group.Name, t.taken))
		}
	}
	return figures, results, errors.Join(t.failures...)
}

// taking is what is known in the middle of it.
type taking struct {
	times    int
	progress io.Writer
	taken    map[string]*Figure
	failures []error
}

// fresh are the measurements of the group that no group before has taken, each with an empty figure.
func (t *taking) fresh(group Group) []Measurement {
	var fresh []Measurement
	for _, m := range group.Measurements {
		if t.taken[m.Name] != nil {
			continue
		}
		unit := m.Unit
		if unit == "" {
			unit = seconds
		}
		t.taken[m.Name] = &Figure{Name: m.Name, Group: group.Name, Unit: unit, All: []float64{}}
		fresh = append(fresh, m)
	}
	return fresh
}

// group goes through the measurements in rounds: a load that comes and goes on the machine meets all of them alike, where one
// after the other would meet one alone.
func (t *taking) group(ctx context.Context, group Group, fresh []Measurement) {
	if group.Prepare != nil && len(fresh) > 0 {
		fmt.Fprintf(t.progress, "%s: preparing\n", group.Name)
		if err := group.Prepare(ctx); err != nil {
			t.failed(fmt.Errorf("preparing %s: %w", group.Name, err), fresh...)
			return
		}
	}
	for round := range t.times {
		for _, m := range fresh {
			figure := t.taken[m.Name]
			if figure.Failed != "" || ctx.Err() != nil {
				continue
			}
			fmt.Fprintf(t.progress, "%s: %s, %d of %d\n", group.Name, m.Name, round+1, t.times)
			value, err := m.take(ctx)
			if err != nil {
				t.failed(fmt.Errorf("%s: %w", m.Name, err), m)
				continue
			}
			figure.All = append(figure.All, value)
			figure.Median = median(figure.All)
		}
	}
}

// failed is one reason for which measurements have no figure.
func (t *taking) failed(reason error, measurements ...Measurement) {
	fmt.Fprintln(t.progress, reason)
	t.failures = append(t.failures, reason)
	for _, m := range measurements {
		t.taken[m.Name].Failed = reason.Error()
	}
}

// take is one value.
func (m Measurement) take(ctx context.Context) (float64, error) {
	if m.Before != nil {
		if err := m.Before(ctx); err != nil {
			return 0, fmt.Errorf("before it: %w", err)
		}
	}
	began := time.Now()
	if m.Timed != nil {
		if err := m.Timed(ctx); err != nil {
			return 0, err
		}
	}
	if m.Value != nil {
		return m.Value()
	}
	return time.Since(began).Seconds(), nil
}

// median is the middle of the values, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
