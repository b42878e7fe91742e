//go:build !linux

package proc

import "errors"

// errDetach tells why no process can outlive this program here: what it was is found again by Linux's /proc.
var errDetach = errors.New("a service that outlives this program can be started only on Linux: start Docker yourself " +
	"(Docker Desktop, `colima start`, `podman machine start`)")

// Of identifies the process that has the id now.
func Of(int) (Process, error) { return Process{}, errDetach }
