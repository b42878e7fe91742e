// Package lock lets one program at a time change the machine; the kernel frees the lock of one that died.
package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// Lock is held until Release, or until the process ends.
type Lock struct {
	file *os.File
}

// Acquire takes the lock on path. When another process has it, waiting is called once with who that is, and the call
// goes on as soon as the lock is free. The purpose is what others will be told.
func Acquire(ctx context.Context, path, purpose string, waiting func(holder string)) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("cannot make the lock's folder: %w", err)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for said := false; ; {
		lock, holder, err := try(path, purpose)
		if lock != nil || err != nil {
			return lock, err
		}
		if !said {
			waiting(holder)
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// Release frees the lock.
func (l *Lock) Release() error { return l.file.Close() }

// try takes the lock, or says who has it.
func try(path, purpose string) (*Lock, string, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, "", fmt.Errorf("cannot open the lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		defer file.Close()
		text, _ := io.ReadAll(file)
		return nil, strings.TrimSpace(string(text)), nil
	}
	if err != nil {
		file.Close()
		return nil, "", fmt.Errorf("cannot lock %s: %w", path, err)
	}
	if !isAt(file, path) { // its last owner removed it: what is locked here is a file that nobody else will find
		file.Close()
		return nil, "another process that just ended", nil
	}
	holder := fmt.Sprintf("%s, process %d, since %s\n", purpose, os.Getpid(), time.Now().Format(time.TimeOnly))
	if err := errors.Join(file.Truncate(0), writeAt(file, holder)); err != nil {
		file.Close()
		return nil, "", fmt.Errorf("cannot write the lock: %w", err)
	}
	return &Lock{file: file}, "", nil
}

func writeAt(file *os.File, text string) error {
	_, err := file.WriteAt([]byte(text), 0)
	return err
}

func isAt(file *os.File, path string) bool {
	opened, err := file.Stat()
	if err != nil {
		return false
	}
	found, err := os.Stat(path)
	return err == nil && os.SameFile(opened, found)
}
