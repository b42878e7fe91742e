// Stand-in for github.com/vito/dang/v2: the Go module proxy does not serve it, but it serves version 1.
module github.com/vito/dang/v2

go 1.26.0

require github.com/vito/dang v1.0.1
