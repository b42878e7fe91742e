// Stand-in for github.com/vito/tuist/teav1, which the Go module proxy does not serve: no question can be put to the user.

// Package teav1 has the calls by which the Dagger CLI shows a form in its terminal view.
package teav1

import (
	tea "github.com/charmbracelet/bubbletea"
	"github.com/vito/tuist"
)

// Wrap is a form in a view.
type Wrap struct{ tuist.Compo }

// New ends the program: nobody could answer the form.
func New(tea.Model) *Wrap {
	tuist.Unsupported("question to the user")
	return nil
}

// OnQuit does nothing: no form is shown.
func (*Wrap) OnQuit(func()) {}

// Render draws nothing.
func (*Wrap) Render(tuist.Context) {}
