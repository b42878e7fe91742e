// Package dagger calls functions of a Dagger module through the CLI, and finds in its output what a person wants to
// know: what is being done, and why it failed.
package dagger

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"dagger/tensorflow-ci/ci/proc"
)

// Call is one `dagger call`.
type Call struct {
	CLI    string   // path of the program
	Module string   // folder of the module
	Args   []string // after `dagger call`: constructor flags, functions and their flags
	Env    []string
	// Logs prints what programs and functions say, and not each step of the engine: a call of very many steps then takes the
	// CLI, which draws them all anew with each, a sixth of the processor time.
	Logs bool
	// Out also gets what the called function returns; nothing when nil.
	Out io.Writer
}

// Plain is the environment in which the CLI prints what it does and nothing else.
// Nor does it remove the engines of other versions, which it would do from v0.21 on where it starts one.
var Plain = []string{"NO_COLOR=1", "DAGGER_NO_NAG=1", "DO_NOT_TRACK=1", "DAGGER_LEAVE_OLD_ENGINE=1"}

// Run makes the call. Everything that the CLI prints goes to log; doing is told what the engine works on.
func (c Call) Run(ctx context.Context, log io.Writer, doing func(what string)) error {
	shown := "plain" // this CLI has no live view: without the flag a terminal shows nothing before the end
	if c.Logs {
		shown = "logs"
	}
	command := proc.Command{
		Args: append([]string{c.CLI, "--progress=" + shown, "call", "-m", c.Module}, c.Args...),
		Env:  slices.Concat(Plain, c.Env),
	}
	both := &shared{out: io.MultiWriter(log, &watcher{doing: doing})}
	out := io.Writer(both)
	if c.Out != nil {
		out = io.MultiWriter(both, c.Out)
	}
	if err := command.RunApart(ctx, out, both); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("dagger call: %w", err)
	}
	return nil
}

// shared lets a program's two outputs go to one place, a whole piece at a time.
type shared struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *shared) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(text)
}
