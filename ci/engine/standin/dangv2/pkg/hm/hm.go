// Stand-in for github.com/vito/dang/v2, which the Go module proxy does not serve: it is version 1 under the new path.

// Package hm has the interpreter's types.
package hm

import "github.com/vito/dang/pkg/hm"

type (
	FunctionType = hm.FunctionType
	NonNullType  = hm.NonNullType
	Type         = hm.Type
)
