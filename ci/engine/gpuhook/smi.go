package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// list prints one line per visible device, in the form of nvidia-smi -L.
func list(args []string, visible string, stdout io.Writer) error {
	if len(args) != 1 || args[0] != "-L" && args[0] != "--list-gpus" {
		return fmt.Errorf("stand-in nvidia-smi: called with %q, knows only: -L", args)
	}
	uuids := devices(visible)
	if len(uuids) == 0 {
		return errors.New("No devices were found")
	}
	for index, uuid := range uuids {
		if _, err := fmt.Fprintf(stdout, "GPU %d: Stand-in GPU (UUID: %s)\n", index, uuid); err != nil {
			return err
		}
	}
	return nil
}

// devices returns the UUID of each device that a value of NVIDIA_VISIBLE_DEVICES names.
func devices(visible string) []string {
	switch visible {
	case "", "none", "void":
		return nil
	case "all":
		visible = "0,1"
	}
	var uuids []string
	for name := range strings.SplitSeq(visible, ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if !strings.HasPrefix(name, "GPU-") {
			name = fmt.Sprintf("GPU-00000000-0000-4000-8000-%012s", name)
		}
		uuids = append(uuids, name)
	}
	return uuids
}
