// Package sequence decides how two parts of a run follow each other when the second counts only if the first holds.
package sequence

import "context"

// Part is what a run does at one go; its error stops the run.
type Part func(ctx context.Context) error

// InTurn starts the second part when the first has held.
func InTurn(ctx context.Context, first, second Part) error {
	if err := first(ctx); err != nil {
		return err
	}
	return second(ctx)
}

// Beside starts both parts at once. The word of the first comes first: where it fails, the second is ended and not heard, so
// that a run fails with the same error however fast its parts are.
func Beside(ctx context.Context, first, second Part) error {
	following, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- second(following) }()
	if err := first(ctx); err != nil {
		stop()
		<-ended // what still ran would take the processors from whatever comes next
		return err
	}
	return <-ended
}
