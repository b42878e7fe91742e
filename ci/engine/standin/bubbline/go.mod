// Stand-in for github.com/vito/bubbline: the Go module proxy does not serve it.
module github.com/vito/bubbline

go 1.26.0
