package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	for _, name := range only {
		if !slices.Contains(Names, name) {
			return fmt.Errorf("--only %s: want some of %s", name, strings.Join(Names, ", "))
		}
	}
	return nil
}

// Choose keeps the groups that are named, in their own order; all when none is named.
func Choose(groups []Group, only []string) []Group {
	if len(only) == 0 {
		return groups
	}
	return slices.DeleteFunc(slices.Clone(groups), func(group Group) bool { return !slices.Contains(only, group.Name) })
}
