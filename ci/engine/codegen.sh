#!/bin/sh
# Calls the code generator with a Go SDK version that the Go module proxy serves; the engine asks for a commit,
# which the proxy does not serve.
read -r served < /usr/local/share/dagger-version
version=
for arg; do
	shift
	if [ "$version" = next ]; then arg=$served; version=; fi
	if [ "$arg" = --lib-version ]; then version=next; fi
	set -- "$@" "$arg"
done
exec codegen.real "$@"
