# The image in which the engine generates and compiles modules written in Go (see README.md for the build context).
ARG BASE=tensorflow-ci/base:bookworm
FROM ${BASE}
COPY ca/ /usr/local/share/ca-certificates/
# The tool has done its work. The engine adds its own authorities to a container's bundle by itself; where this tool is, it
# runs it before and after every command instead, at two seconds a call of a module's function.
RUN update-ca-certificates && rm /usr/sbin/update-ca-certificates
COPY go/ /usr/local/go/
# what building ./sdk left behind: a module's first load downloads nothing and compiles the module alone
COPY gomod/ /go/pkg/mod/
COPY gocache/ /root/.cache/go-build/
# the same modules as a proxy that never changes; the engine's GOPROXY names it first, so that the `go get -u` which
# the SDK runs on every module finds these versions and no newer ones
COPY gomod/cache/download/ /usr/local/share/goproxy/
COPY codegen /usr/local/bin/codegen.real
COPY codegen.sh /usr/local/bin/codegen
ARG VERSION
RUN printf '%s\n' "$VERSION" > /usr/local/share/dagger-version
# -trimpath and CGO_ENABLED=0 as in the build that filled the cache, or nothing in it would fit
ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    GOPATH=/go \
    GOFLAGS=-trimpath \
    GOTOOLCHAIN=local \
    CGO_ENABLED=0
