// Package step runs the steps that bring a machine up: in the order they need, side by side where they can, and only
// those whose inputs have changed or whose result is gone.
package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// Step makes one thing, or keeps one service running.
type Step struct {
	// Name is one word: the step's log and its record are called so.
	Name string
	// What the step makes, for the line that the user reads.
	What string
	// Inputs decide the result, together with those of Needs: when one changes, the step runs again.
	Inputs []string
	// Uses are services that must run before Holds can be asked.
	Uses []*Step
	// Needs are steps whose results Run works with. They are looked at only when the step must run, so that what was
	// only a way to a result that is here is not made again.
	Needs []*Step
	// Heavy steps keep all processors busy: never two at once.
	Heavy bool
	// Holds tells, cheaply, whether the result is still there.
	Holds func(ctx context.Context) bool
	// Run makes the result; everything that the programs print goes to the log.
	Run func(ctx context.Context, log io.Writer) error
	// Try says what to do when the step fails.
	Try string
}

// Key is the hash of everything that decides the step's result.
func (s *Step) Key() string {
	hash := sha256.New()
	fmt.Fprintf(hash, "%q %q\n", s.Name, s.Inputs)
	for _, need := range s.Needs {
		fmt.Fprintln(hash, need.Key())
	}
	return hex.EncodeToString(hash.Sum(nil))
}
