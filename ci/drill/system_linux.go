package drill

import (
	"os"
	"syscall"
	"time"
)

// Possible tells why no fault can be planted on this system; nil where it can.
func Possible() error { return nil }

// setClock sets the machine's clock.
func setClock(to time.Time) error {
	value := syscall.NsecToTimeval(to.UnixNano())
	return syscall.Settimeofday(&value)
}

// detach unmounts a file system that is still in use: it goes when its last user ends.
func detach(folder string) error { return syscall.Unmount(folder, syscall.MNT_DETACH) }

// available is the room that a file system has left, in bytes.
func available(folder string) (int64, error) {
	var stat syscall.Statfs_t
	err := syscall.Statfs(folder, &stat)
	return int64(stat.Bavail) * stat.Bsize, err
}

// allocate gives a file its room on the disk without writing it.
func allocate(file *os.File, size int64) error { return syscall.Fallocate(int(file.Fd()), 0, 0, size) }
