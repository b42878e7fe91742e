//go:build !linux

package drill

import (
	"errors"
	"os"
	"time"
)

var errOnlyLinux = errors.New("faults can be planted only on Linux: a drill sets the clock, mounts small disks and cuts networks; " +
	"use a Linux machine that nobody else works on")

// Possible tells why no fault can be planted on this system.
func Possible() error { return errOnlyLinux }

func setClock(time.Time) error { return errOnlyLinux }

func detach(string) error { return errOnlyLinux }

func available(string) (int64, error) { return 0, errOnlyLinux }

func allocate(*os.File, int64) error { return errOnlyLinux }
