#!/bin/sh
# Calls the code generator with a Go SDK version that the Go module proxy serves; the engine asks for a commit,
# which the proxy does not serve.
version=
for arg; do
	shift
	if [ "$version" = next ]; then arg=v0.20.8; version=; fi
	if [ "$arg" = --lib-version ]; then version=next; fi
	set -- "$@" "$arg"
done
exec codegen.real "$@"
