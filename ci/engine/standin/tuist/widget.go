// Stand-in for github.com/vito/tuist, which the Go module proxy does not serve: see tui.go.

package tuist

import (
	"time"

	uv "github.com/charmbracelet/ultraviolet"
)

// Spinner says that something is running.
type Spinner struct {
	Compo
	Epoch time.Time
}

// NewSpinner makes a spinner.
func NewSpinner() *Spinner { return &Spinner{} }

// Render draws the spinner standing still.
func (*Spinner) Render(ctx Context) { ctx.Line("…") }

// TextInput holds a line that the user would edit.
type TextInput struct {
	Compo
	Prompt         string
	OnSubmit       func(Context, string) bool
	KeyInterceptor func(Context, uv.KeyPressEvent) bool
	value          string
}

// NewTextInput makes an input without text.
func NewTextInput(prompt string) *TextInput { return &TextInput{Prompt: prompt} }

// Value returns the text.
func (t *TextInput) Value() string { return t.value }

// SetValue sets the text.
func (t *TextInput) SetValue(value string) { t.value = value }

// InsertRune appends to the text.
func (t *TextInput) InsertRune(r rune) { t.value += string(r) }

// Render draws nothing: no key is read.
func (*TextInput) Render(Context) {}

// Completion is one proposal.
type Completion struct{ Label, Detail string }

// CompletionResult holds proposals and where they start.
type CompletionResult struct {
	Items       []Completion
	ReplaceFrom int
}

// CompletionMenu shows proposals.
type CompletionMenu struct{}

// NewCompletionMenu ends the program: only the interactive shell asks for it.
func NewCompletionMenu(*TextInput, func(input string, cursor int) CompletionResult) *CompletionMenu {
	Unsupported("interactive shell")
	return nil
}

// HandleKeyPress takes no key.
func (*CompletionMenu) HandleKeyPress(Context, uv.KeyPressEvent) bool { return false }

// OverlayHandle takes an overlay off the screen.
type OverlayHandle struct{}

// Remove does nothing.
func (*OverlayHandle) Remove() {}

// OverlayOptions says where an overlay lies.
type OverlayOptions struct {
	Width  Size
	Anchor Anchor
	Margin OverlayMargin
}

// Size is a length on the screen.
type Size int

// SizeAbs is a length in cells.
func SizeAbs(cells int) Size { return Size(cells) }

// Anchor is a corner of the screen.
type Anchor int

// AnchorTopRight is the corner at the top right.
const AnchorTopRight Anchor = iota

// OverlayMargin is the space around an overlay.
type OverlayMargin struct{ Right int }
