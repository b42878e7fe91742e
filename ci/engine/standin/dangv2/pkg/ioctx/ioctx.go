// Stand-in for github.com/vito/dang/v2, which the Go module proxy does not serve: it is version 1 under the new path.

// Package ioctx carries a program's output streams in a context.
package ioctx

import "github.com/vito/dang/pkg/ioctx"

var (
	StderrToContext = ioctx.StderrToContext
	StdoutToContext = ioctx.StdoutToContext
)
