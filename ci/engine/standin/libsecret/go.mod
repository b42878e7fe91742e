// Stand-in for github.com/jedevc/go-libsecret: the Go module proxy does not serve it.
module github.com/jedevc/go-libsecret

go 1.26.0
