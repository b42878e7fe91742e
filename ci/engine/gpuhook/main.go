// Stand-in for NVIDIA's container hook and for nvidia-smi, because no machine of this project's tests has their GPU.

// Command gpuhook is called by runc before a container with GPUs starts, and puts itself into that container as
// nvidia-smi, which lists the devices that the container asked for. Nothing can be computed on them.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args, os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run acts as the program whose name it was called by.
func run(args []string, stdin io.Reader, stdout io.Writer) error {
	if filepath.Base(args[0]) == "nvidia-smi" {
		return list(args[1:], os.Getenv("NVIDIA_VISIBLE_DEVICES"), stdout)
	}
	if len(args) != 2 || args[1] != "prestart" {
		return fmt.Errorf("stand-in GPU hook: called with %q, knows only: prestart", args[1:])
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("stand-in GPU hook: find own program: %w", err)
	}
	return prestart(stdin, self)
}
