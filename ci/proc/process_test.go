package proc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestZeroProcessIsNotAlive(t *testing.T) {
	if (Process{}).Alive() {
		t.Error("the zero Process is alive")
	}
}

func TestInterruptedCommandLeavesNoChildren(t *testing.T) {
	ended := errors.New("ended by the test")
	ctx, cancel := context.WithCancelCause(t.Context())
	pidFile := filepath.Join(t.TempDir(), "pid")
	time.AfterFunc(300*time.Millisecond, func() { cancel(ended) })
	// the shell ignores the interrupt and leaves a child: both must be gone afterwards
	err := Command{Args: []string{"sh", "-c", `sleep 60 & echo $! > "$0"; wait`, pidFile}}.Run(ctx, new(strings.Builder))
	if !errors.Is(err, ended) {
		t.Errorf("error %v, want the cause of the context", err)
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if _, err := os.Stat("/proc/" + strings.TrimSpace(string(text)) + "/exe"); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("the child of an interrupted command lives on")
}

func TestCommandErrors(t *testing.T) {
	_, err := Command{Args: []string{"no-such-program-here"}}.Output(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no such program") {
		t.Errorf("a program that is missing: %v", err)
	}
	_, err = Command{Args: []string{"sh", "-c", "echo reason >&2; exit 3"}}.Output(t.Context())
	if err == nil || !strings.Contains(err.Error(), "reason") || !strings.Contains(err.Error(), "3") {
		t.Errorf("a program that fails: %v", err)
	}
}

func TestPipe(t *testing.T) {
	var log strings.Builder
	if err := Pipe(t.Context(), &log, Command{Args: []string{"printf", "b\na\n"}}, Command{Args: []string{"sort"}}); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(log.String(), "a\nb\n") {
		t.Errorf("log %q", log.String())
	}
	if err := Pipe(t.Context(), &log, Command{Args: []string{"false"}}, Command{Args: []string{"cat"}}); err == nil {
		t.Error("a first command that fails is no error")
	}
}
