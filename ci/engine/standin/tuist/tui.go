// Stand-in for github.com/vito/tuist, which the Go module proxy does not serve: nothing is drawn before the end.

// Package tuist has the calls that the Dagger CLI's terminal view makes. A command runs and its last
// picture is printed; there is no live view, no interactive shell and no question to the user.
package tuist

import (
	"fmt"
	"io"
	"os"
	"sync"
)

// Unsupported ends the program: the view has no way to report an error and would wait for ever.
func Unsupported(what string) {
	fmt.Fprintf(os.Stderr, "%s: not in this build of Dagger, whose terminal view is a stand-in; use --progress=plain\n", what)
	os.Exit(1)
}

// Terminal is the screen that a view would be drawn on.
type Terminal struct{}

// NewStdTerminal returns the process's terminal.
func NewStdTerminal() *Terminal { return &Terminal{} }

// TUI holds the parts of a view and runs what is dispatched to it, one call after the other.
type TUI struct {
	Container

	mu      sync.Mutex
	queue   []func()
	running bool
}

// New makes a view without parts.
func New(*Terminal) *TUI { return &TUI{} }

// Dispatch runs the function after those dispatched before it, and does not wait for it.
func (t *TUI) Dispatch(fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.queue = append(t.queue, fn)
	if !t.running {
		t.running = true
		go t.drain()
	}
}

func (t *TUI) drain() {
	for {
		t.mu.Lock()
		if len(t.queue) == 0 {
			t.running = false
			t.mu.Unlock()
			return
		}
		next := t.queue[0]
		t.queue = t.queue[1:]
		t.mu.Unlock()
		next()
	}
}

// Start tells the parts that they are shown.
func (t *TUI) Start() {
	for _, child := range t.Children {
		if mounter, ok := child.(Mounter); ok {
			mounter.OnMount(Context{})
		}
	}
}

// Stop waits until everything dispatched so far has run.
func (t *TUI) Stop() {
	done := make(chan struct{})
	t.Dispatch(func() { close(done) })
	<-done
}

// Exec runs the function with the process's own streams.
func (*TUI) Exec(fn func(in io.Reader, out, errOut io.Writer) error) error {
	return fn(os.Stdin, os.Stdout, os.Stderr)
}

// RenderLines draws all parts once.
func (t *TUI) RenderLines() []string { return t.RenderChildResult(Context{}, t).Lines }

// SetFocus does nothing: no key is read.
func (*TUI) SetFocus(Component) {}

// SetShowHardwareCursor does nothing.
func (*TUI) SetShowHardwareCursor(bool) {}

// SetDebugWriter does nothing.
func (*TUI) SetDebugWriter(io.Writer) {}

// RequestRender does nothing.
func (*TUI) RequestRender(bool) {}

// ShowOverlay shows nothing.
func (*TUI) ShowOverlay(Component, *OverlayOptions) *OverlayHandle { return &OverlayHandle{} }
