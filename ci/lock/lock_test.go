package lock

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSecondWaitsAndIsTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "lock")
	first, err := Acquire(t.Context(), path, "the first", func(string) { t.Error("nobody holds the lock") })
	if err != nil {
		t.Fatal(err)
	}
	told := make(chan string, 10)
	got := make(chan error, 1)
	go func() {
		second, err := Acquire(t.Context(), path, "the second", func(holder string) { told <- holder })
		if err == nil {
			err = second.Release()
		}
		got <- err
	}()
	if holder := <-told; !strings.Contains(holder, "the first") {
		t.Errorf("told %q", holder)
	}
	select {
	case <-got:
		t.Fatal("two have the lock")
	case <-time.After(250 * time.Millisecond):
	}
	if err := first.Release(); err != nil {
		t.Fatal(err)
	}
	if err := <-got; err != nil {
		t.Fatal(err)
	}
	if len(told) > 0 {
		t.Errorf("told again: %q", <-told)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Acquire(t.Context(), path, "the first", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	ended := errors.New("ended by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	_, err = Acquire(ctx, path, "the second", func(string) { cancel(ended) })
	if !errors.Is(err, ended) {
		t.Errorf("error %v", err)
	}
}

func TestLockFileThatWasRemovedIsNotTheLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Acquire(t.Context(), path, "down --all", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Acquire(t.Context(), path, "up", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Release()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the lock is held on a file that nobody finds: %v", err)
	}
}
