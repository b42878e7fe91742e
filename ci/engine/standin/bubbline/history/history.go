// Stand-in for github.com/vito/bubbline, which the Go module proxy does not serve: the shell's history is neither read nor kept.

// Package history has the calls that the Dagger CLI's interactive shell makes for its history file.
package history

import "errors"

var errStandIn = errors.New("the shell's history is not in this build of Dagger")

// LoadHistory fails: this build keeps no history.
func LoadHistory(string) ([]string, error) { return nil, errStandIn }

// SaveHistory fails like [LoadHistory].
func SaveHistory([]string, string) error { return errStandIn }
