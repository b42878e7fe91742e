// Package choice picks what a flag such as --stage or --only names.
package choice

import (
	"fmt"
	"strings"
)

// Of keeps what is named, in its own order; all when none is named. A name that nothing has is an error, which calls it by
// the flag.
func Of[T any](flag string, all []T, name func(T) string, only []string) ([]T, error) {
	if len(only) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	for _, name := range only {
		wanted[name] = true
	}
	var chosen []T
	var known []string
	for _, one := range all {
		known = append(known, name(one))
		if wanted[name(one)] {
			chosen = append(chosen, one)
			delete(wanted, name(one))
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("%s %s: want some of %s", flag, name, strings.Join(known, ", "))
	}
	return chosen, nil
}
