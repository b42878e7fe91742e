// Stand-in for github.com/vito/dang, which the Go module proxy does not serve: nothing runs that could write.

// Package ioctx has the calls by which the engine gives its Dang SDK somewhere to write.
package ioctx

import (
	"context"
	"io"
)

// StdoutToContext returns the context as it is.
func StdoutToContext(ctx context.Context, _ io.Writer) context.Context { return ctx }

// StderrToContext returns the context as it is.
func StderrToContext(ctx context.Context, _ io.Writer) context.Context { return ctx }
