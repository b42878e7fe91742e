// Stand-in for github.com/vito/dang, which the Go module proxy does not serve: there are no types to infer.

// Package hm has the names of the type system that the engine's Dang SDK compiles against.
package hm

// Type is any type of the language.
type Type interface{ String() string }

// Scheme is a type with its free variables.
type Scheme struct{}

// Type returns no type.
func (*Scheme) Type() (Type, bool) { return nil, false }

// FunctionType is the type of a function.
type FunctionType struct{}

// Arg returns no type.
func (*FunctionType) Arg() Type { return nil }

// Ret returns no type.
func (*FunctionType) Ret(bool) Type { return nil }

func (*FunctionType) String() string { return "function" }

// NonNullType is a type whose values are never null.
type NonNullType struct{ Type Type }

func (t NonNullType) String() string { return t.Type.String() + "!" }
