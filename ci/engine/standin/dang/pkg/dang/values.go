// Stand-in for github.com/vito/dang, which the Go module proxy does not serve: see eval.go.

package dang

import (
	"context"

	"github.com/vito/dang/pkg/hm"
)

// Value is what a program computes.
type Value any

// StringValue is a text.
type StringValue struct{ Val string }

// IntValue is a whole number.
type IntValue struct{ Val int }

// BoolValue is true or false.
type BoolValue struct{ Val bool }

// EnumValue is a member of an enumeration.
type EnumValue struct{ Val string }

// ScalarValue is a text of a type of its own.
type ScalarValue struct {
	Val        string
	ScalarType *Module
}

// ListValue is a list.
type ListValue struct {
	Elements []Value
	ElemType hm.Type
}

// NullValue is the absence of a value.
type NullValue struct{}

// ModuleValue is an object.
type ModuleValue struct {
	Mod    Env
	Values map[string]Value
}

// NewModuleValue makes an object without fields.
func NewModuleValue(mod Env) *ModuleValue {
	return &ModuleValue{Mod: mod, Values: map[string]Value{}}
}

// Get returns a field.
func (m *ModuleValue) Get(name string) (Value, bool) {
	value, ok := m.Values[name]
	return value, ok
}

// Set sets a field.
func (m *ModuleValue) Set(name string, value Value) { m.Values[name] = value }

// SetDynamicScope does nothing: no program runs.
func (*ModuleValue) SetDynamicScope(*ModuleValue) {}

// ConstructorFunction makes objects of a class.
type ConstructorFunction struct {
	ClassName      string
	ClassType      *Module
	ClassBodyForms []Node
	FnType         *hm.FunctionType
}

// Call fails like [RunDir].
func (*ConstructorFunction) Call(context.Context, EvalEnv, map[string]Value) (Value, error) {
	return nil, errStandIn
}
