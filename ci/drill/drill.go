// Package drill plants real faults during real work of the line, and judges what follows: what the user saw, whether what was
// there stayed whole, and whether the plain call, repeated, ends with the right result, and after how long.
package drill

import (
	"context"
	"dagger/tensorflow-ci/ci/choice"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Drill is one fault.
type Drill struct {
	Name  string // in one word, as --only takes it
	Fault string // for people
	run   func(ctx context.Context, site *Site) (Account, error)
}

// Account is how a drill that ended rightly went.
type Account struct {
	Saw     string        // what the user saw, whole
	Recover time.Duration // from the end of the fault to the right result
}

// Verdict is what a drill came to.
type Verdict string

// The verdicts. NotDone is for a fault that this machine does not let anybody plant; it never counts as passed.
const (
	Right   Verdict = "yes"
	Wrong   Verdict = "NO"
	NotDone Verdict = "not done"
)

// Result is a drill that was tried.
type Result struct {
	Name    string  `json:"name"`
	Fault   string  `json:"fault"`
	Saw     string  `json:"saw"` // the whole message
	Verdict Verdict `json:"verdict"`
	Why     string  `json:"why,omitempty"` // of a verdict that is not Right
	Seconds float64 `json:"seconds"`       // to recover
}

// All are the drills, in their order: those of the store first, which need no engine.
func All() []Drill {
	var all []Drill
	for _, part := range [][]Drill{storeDrills(), engineDrills(), interruptions(), otherDrills(), checkpointDrills()} {
		all = append(all, part...)
	}
	return all
}

// Select keeps the named drills, in their own order; all when none is named.
func Select(all []Drill, only []string) ([]Drill, error) {
	return choice.Of("--only", all, func(one Drill) string { return one.Name }, only)
}

// notDone is why a fault cannot be planted here.
type notDone struct{ why string }

func (n notDone) Error() string { return n.why }

// Run does the drills one after the other, and tells progress; it ends early only when the context does.
func Run(ctx context.Context, site *Site, drills []Drill, progress io.Writer) []Result {
	var results []Result
	for _, one := range drills {
		fmt.Fprintf(progress, "%s: %s\n", one.Name, one.Fault)
		began := time.Now()
		account, err := one.run(ctx, site)
		if ctx.Err() != nil {
			break
		}
		result := judged(one, account, err)
		results = append(results, result)
		fmt.Fprintf(progress, "  right result: %s, after %.0f s in all%s\n", result.Verdict, time.Since(began).Seconds(), indented(result.Why))
	}
	return results
}

func indented(text string) string {
	if text == "" {
		return ""
	}
	return "\n  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// judged is the result of a drill that returned these.
func judged(one Drill, account Account, err error) Result {
	result := Result{Name: one.Name, Fault: one.Fault, Saw: account.Saw, Verdict: Right, Seconds: account.Recover.Seconds()}
	var reason notDone
	switch {
	case errors.As(err, &reason):
		result.Verdict, result.Why = NotDone, reason.why
	case err != nil:
		result.Verdict, result.Why = Wrong, err.Error()
	}
	return result
}

// Err is the error of results of which some are wrong; a drill that was not done is none.
func Err(results []Result) error {
	var wrong []string
	for _, result := range results {
		if result.Verdict == Wrong {
			wrong = append(wrong, result.Name)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d drills ended wrongly: %s; the lines above say how", len(wrong), len(results), strings.Join(wrong, ", "))
}
