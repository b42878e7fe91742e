package bench

import (
	"context"
	"dagger/tensorflow-ci/ci/choice"
	"slices"
)

// Group is one question: what is measured for it, and what follows.
type Group struct {
	Name string
	// Prepare makes what all of its measurements need, outside of every clock; nil for nothing.
	Prepare      func(ctx context.Context) error
	Measurements []Measurement
	Claims       []Claim
}

// Names are those of all groups, in their order.
var Names = []string{"install", "line", "seed", "modes", "scale", "scan", "load"}

// Check refuses a name that no group has.
func Check(only []string) error {
	_, err := choice.Of("--only", Names, func(name string) string { return name }, only)
	return err
}

// Choose keeps the groups that are named, in their own order; all when none is named.
func Choose(groups []Group, only []string) []Group {
	if len(only) == 0 {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(group Group) bool { return !slices.Contains(only, group.Name) })
}
