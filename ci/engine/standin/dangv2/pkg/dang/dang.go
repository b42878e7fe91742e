// Stand-in for github.com/vito/dang/v2, which the Go module proxy does not serve: it is version 1 under the new path.

// Package dang has the names of version 2 that the engine compiles against. A module whose program needs what only
// version 2 has fails to load, with the interpreter's own words.
package dang

import "github.com/vito/dang/pkg/dang"

type (
	BoolValue            = dang.BoolValue
	ConstructorFunction  = dang.ConstructorFunction
	DirectiveApplication = dang.DirectiveApplication
	EnumValue            = dang.EnumValue
	FieldDecl            = dang.FieldDecl
	FunCall              = dang.FunCall
	GraphQLFunction      = dang.GraphQLFunction
	GraphQLValue         = dang.GraphQLValue
	ImportConfig         = dang.ImportConfig
	IntValue             = dang.IntValue
	Keyed[X any]         = dang.Keyed[X]
	ListType             = dang.ListType
	ListValue            = dang.ListValue
	MapType              = dang.MapType
	MapValue             = dang.MapValue
	Node                 = dang.Node
	NullValue            = dang.NullValue
	Object               = dang.Object
	Record               = dang.Record
	RecordType           = dang.RecordType
	ScalarValue          = dang.ScalarValue
	Select               = dang.Select
	StringValue          = dang.StringValue
	Symbol               = dang.Symbol
	Type                 = dang.Type
	TypeScope            = dang.TypeScope
	Value                = dang.Value
	ValueNode            = dang.ValueNode
	ValueScope           = dang.ValueScope
)

const (
	BindingOriginLocal = dang.BindingOriginLocal
	EnumKind           = dang.EnumKind
	InterfaceKind      = dang.InterfaceKind
	PrivateVisibility  = dang.PrivateVisibility
	PublicVisibility   = dang.PublicVisibility
	ScalarKind         = dang.ScalarKind
)

var (
	ContextWithImportConfigs = dang.ContextWithImportConfigs
	CreateOverlayValueScope  = dang.CreateOverlayValueScope
	DeclareDir               = dang.DeclareDir
	EvalNode                 = dang.EvalNode
	EvaluateFormsWithPhases  = dang.EvaluateFormsWithPhases
	NewObject                = dang.NewObject
	RunDir                   = dang.RunDir
	StringType               = dang.StringType
)
