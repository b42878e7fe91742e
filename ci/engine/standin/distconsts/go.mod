// Stand-in for github.com/dagger/dagger/engine/distconsts: the Go module proxy does not serve it.
module github.com/dagger/dagger/engine/distconsts

go 1.26.0
