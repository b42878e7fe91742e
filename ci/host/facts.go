// Package host finds out what a machine has, without changing anything.
package host

import "fmt"

// Facts is what the plan is made from.
type Facts struct {
	Wanted       string // version of the engine that is asked for; "" where the user left it open
	System       string // operating system, as Go names it
	Architecture string // processor, as Go names it
	Debian       bool   // Debian's packages can be installed here
	Root         bool
	Docker       Docker
	CLI          CLI
	Engine       Engine
	Registries   []Registry
	Disks        []Disk
	Programs     map[string]bool // programs that `up` may need, and whether they are here
	Capabilities Capabilities
	// MirrorMade tells that an earlier `up` made images here, and a mirror of its own that serves them.
	MirrorMade bool
}

// CLI is the Dagger CLI that calls go through.
type CLI struct {
	Path    string // "" when none is here, or not the version that is asked for
	Version string // of the CLI at Path, or of the one on the path that is not the version asked for
}

// Container is one of Docker's.
type Container struct {
	Running bool
	Since   string // when it was started last, as Docker writes it
	Label   string // with which `up` made it; "" for one that it did not make
}

// Disk is the free space where something large will be written.
type Disk struct {
	What string
	Path string
	Free uint64 // bytes
}

// Gigabytes formats bytes as people read disk sizes.
func Gigabytes(bytes uint64) string { return fmt.Sprintf("%.1f GB", float64(bytes)/1e9) }
