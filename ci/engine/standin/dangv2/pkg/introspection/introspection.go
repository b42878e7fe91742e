// Stand-in for github.com/vito/dang/v2, which the Go module proxy does not serve: it is version 1 under the new path.

// Package introspection has the schema of an engine as a program sees it.
package introspection

import "github.com/vito/dang/pkg/introspection"

type (
	Response = introspection.Response
	Schema   = introspection.Schema
	TypeRef  = introspection.TypeRef
)

const (
	TypeKindNonNull = introspection.TypeKindNonNull
	TypeKindObject  = introspection.TypeKindObject
)
