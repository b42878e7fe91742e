// Stand-in for github.com/vito/dang, which the Go module proxy does not serve: a module with the Dang SDK fails to load.

// Package dang has the names that the engine's Dang SDK compiles against. Whatever would run a program fails.
package dang

import (
	"context"
	"encoding/json"
	"errors"
)

var errStandIn = errors.New("the Dang SDK is not in this build of the Dagger engine: use a module with the Go SDK")

// ImportConfig says which schema a program may call.
type ImportConfig struct {
	Name       string
	Client     any
	Schema     *json.RawMessage
	AutoImport bool
}

// ContextWithImportConfigs returns the context as it is.
func ContextWithImportConfigs(ctx context.Context, _ ...ImportConfig) context.Context { return ctx }

// RunDir fails: this build runs no program.
func RunDir(context.Context, string, bool) (EvalEnv, error) { return nil, errStandIn }

// EvalNode fails like [RunDir].
func EvalNode(context.Context, EvalEnv, Node) (Value, error) { return nil, errStandIn }

// EvaluateFormsWithPhases fails like [RunDir].
func EvaluateFormsWithPhases(context.Context, []Node, EvalEnv) (Value, error) {
	return nil, errStandIn
}

// CreateCompositeEnv returns the second environment.
func CreateCompositeEnv(_ Value, env EvalEnv) EvalEnv { return env }

// EvalEnv holds the values of a running program.
type EvalEnv interface {
	Get(name string) (Value, bool)
	Bindings(Visibility) []Keyed[Value]
}

// Visibility says who may see a binding.
type Visibility int

// PublicVisibility is what a module exports.
const PublicVisibility Visibility = 1

// Keyed is a value with its name.
type Keyed[T any] struct {
	Key   string
	Value T
}

// Record holds the named arguments of a call.
type Record []Keyed[Node]

// Node is a part of a program.
type Node any

// ValueNode is a value in the place of a part of a program.
type ValueNode struct{ Val Value }

// String is a literal.
type String struct{ Value string }

// Symbol is a name.
type Symbol struct{ Name string }

// Select is a field of a value.
type Select struct {
	Receiver Node
	Field    *Symbol
}

// FunCall is a call.
type FunCall struct {
	Fun  Node
	Args Record
}

// Eval fails like [RunDir].
func (*FunCall) Eval(context.Context, EvalEnv) (Value, error) { return nil, errStandIn }

// DirectiveApplication is a directive with its arguments.
type DirectiveApplication struct {
	Name string
	Args Record
}
