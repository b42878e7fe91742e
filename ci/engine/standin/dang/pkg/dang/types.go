// Stand-in for github.com/vito/dang, which the Go module proxy does not serve: see eval.go.

package dang

import (
	"iter"

	"github.com/vito/dang/pkg/hm"
)

// Env is a type that has fields.
type Env interface {
	hm.Type
	Name() string
	SchemeOf(name string) (*hm.Scheme, bool)
}

// ModuleKind tells enumerations, scalars and interfaces from other types.
type ModuleKind int

const (
	ObjectKind ModuleKind = iota
	EnumKind
	ScalarKind
	InterfaceKind
)

// Module is a type with a name.
type Module struct {
	Named string
	Kind  ModuleKind
}

// StringType is the built-in type of texts.
var StringType = &Module{Named: "String", Kind: ScalarKind}

// Name returns the type's name.
func (m *Module) Name() string { return m.Named }

func (m *Module) String() string { return m.Named }

// SchemeOf knows no field.
func (*Module) SchemeOf(string) (*hm.Scheme, bool) { return nil, false }

// Bindings yields nothing.
func (*Module) Bindings(Visibility) iter.Seq2[string, *hm.Scheme] {
	return func(func(string, *hm.Scheme) bool) {}
}

// GetDocString knows no field.
func (*Module) GetDocString(string) (string, bool) { return "", false }

// GetModuleDocString returns no text.
func (*Module) GetModuleDocString() string { return "" }

// GetDirectives returns none.
func (*Module) GetDirectives(string) []*DirectiveApplication { return nil }

// ListType is the type of lists.
type ListType struct{ hm.Type }

// RecordType is the type of a function's arguments.
type RecordType struct {
	Fields     []Keyed[*hm.Scheme]
	DocStrings map[string]string
	Directives []Keyed[[]*DirectiveApplication]
}

func (*RecordType) String() string { return "record" }
