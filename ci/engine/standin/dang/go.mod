// Stand-in for github.com/vito/dang: the Go module proxy does not serve it.
module github.com/vito/dang

go 1.26.0
