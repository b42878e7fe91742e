// Stand-in for github.com/vito/tuist, which the Go module proxy does not serve: see tui.go.

package tuist

import (
	"slices"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// Component is a part of a view.
type Component interface{ Render(Context) }

// Interactive is a part that takes keys.
type Interactive interface {
	Component
	HandleKeyPress(Context, uv.KeyPressEvent) bool
}

// Focusable is a part that shows that it takes the keys.
type Focusable interface {
	Component
	SetFocused(Context, bool)
}

// Mounter is a part that wants to know when it is shown.
type Mounter interface {
	Component
	OnMount(Context)
}

// Dismounter is a part that wants to know when it is no longer shown.
type Dismounter interface {
	Component
	OnDismount()
}

// MouseEvent is a click, or a move of the mouse.
type MouseEvent struct {
	uv.MouseEvent
	Row, Col int
}

// MouseEnabled is a part that takes the mouse.
type MouseEnabled interface {
	Component
	HandleMouse(Context, MouseEvent) bool
}

// Hoverable is a part that shows that the mouse is over it.
type Hoverable interface {
	Component
	SetHovered(Context, bool)
}

// Context collects the lines that a part draws.
type Context struct {
	Width, Height int
	lines         *[]string
}

// Resize returns the context of a part of that size.
func (c Context) Resize(width, height int) Context {
	c.Width, c.Height = width, height
	return c
}

// SetFocus does nothing: no key is read.
func (Context) SetFocus(Component) {}

// Line draws one line.
func (c Context) Line(line string) { c.Lines(line) }

// Lines draws several lines.
func (c Context) Lines(lines ...string) {
	if c.lines != nil {
		*c.lines = append(*c.lines, lines...)
	}
}

// ScreenHeight returns 0: there is no screen.
func (Context) ScreenHeight() int { return 0 }

// Result is what a part has drawn.
type Result struct{ Lines []string }

// Compo is embedded by every part.
type Compo struct{}

// Update does nothing: a part is drawn once, at the end.
func (*Compo) Update() {}

// RenderChildResult draws a part of this part.
func (*Compo) RenderChildResult(ctx Context, child Component) Result {
	var lines []string
	ctx.lines = &lines
	child.Render(ctx)
	return Result{Lines: lines}
}

// RenderChild draws a part of this part below what is drawn already.
func (c *Compo) RenderChild(ctx Context, child Component) {
	ctx.Lines(c.RenderChildResult(ctx, child).Lines...)
}

// RenderChildInline draws a part of this part into one line.
func (c *Compo) RenderChildInline(ctx Context, child Component) string {
	return strings.Join(c.RenderChildResult(ctx, child).Lines, " ")
}

// Container draws its children below each other.
type Container struct {
	Compo
	Children []Component
}

// AddChild appends a part.
func (c *Container) AddChild(child Component) { c.Children = append(c.Children, child) }

// RemoveChild takes a part out.
func (c *Container) RemoveChild(child Component) {
	c.Children = slices.DeleteFunc(c.Children, func(other Component) bool { return other == child })
}

// Render draws the parts.
func (c *Container) Render(ctx Context) {
	for _, child := range c.Children {
		c.RenderChild(ctx, child)
	}
}
