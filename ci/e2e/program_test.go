//go:build e2e

// Package e2e uses the program from outside, as a user does, on this machine: `go run ./ci test` runs it.
package e2e

import (
	"context"
	"dagger/tensorflow-ci/ci/proc"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// checkout is the repository that the tests belong to.
var checkout = func() string {
	path, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err)
	}
	return path
}()

// program is the path of the built program, the same for all tests.
var program = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "tensorflow-ci-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "ci")
	build := exec.Command("go", "build", "-o", path, "./ci")
	build.Dir = checkout
	if output, err := build.CombinedOutput(); err != nil {
		return "", errors.New(string(output))
	}
	return path, nil
})

func TestMain(m *testing.M) {
	status := m.Run()
	if path, err := program(); err == nil {
		os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(status)
}

// call is one run of the program.
type call struct {
	cmd    *exec.Cmd
	stdout proc.Lines
	stderr proc.Lines
}

// start starts the program with variables added to its environment.
func start(t *testing.T, environment []string, args ...string) *call {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	c := &call{cmd: exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)}
	c.cmd.Dir = checkout
	c.cmd.Env = append(os.Environ(), environment...)
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	// what the program leaves behind, such as a daemon, must not keep the test waiting
	c.cmd.WaitDelay = 5 * time.Second
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c.cmd.ProcessState == nil {
			c.cmd.Process.Signal(syscall.SIGTERM)
			c.cmd.Wait()
		}
	})
	return c
}

// end waits for the program and gives its exit status.
func (c *call) end(t *testing.T) int {
	t.Helper()
	err := c.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", c.cmd.Args[1:], err)
	}
	return c.cmd.ProcessState.ExitCode()
}

// until waits for words in the standard output.
func (c *call) until(t *testing.T, patience time.Duration, condition func(stdout string) bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(c.stdout.String()); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not seen within %s; output:\n%s%s", patience, c.stdout.String(), c.stderr.String())
		}
	}
}

// succeed runs the program to a good end.
func succeed(t *testing.T, args ...string) *call {
	t.Helper()
	c := start(t, nil, args...)
	if status := c.end(t); status != 0 {
		t.Fatalf("ci %s: exit status %d\n%s%s", strings.Join(args, " "), status, c.stdout.String(), c.stderr.String())
	}
	return c
}

// refuse runs the program to a bad end whose message holds the words.
func refuse(t *testing.T, environment []string, words string, args ...string) *call {
	t.Helper()
	c := start(t, environment, args...)
	if status := c.end(t); status == 0 {
		t.Fatalf("ci %s: exit status 0, want another\n%s", strings.Join(args, " "), c.stdout.String())
	}
	if message := c.stderr.String(); !strings.HasPrefix(message, "error: ") || !strings.Contains(message, words) {
		t.Errorf("ci %s: the message lacks %q:\n%s", strings.Join(args, " "), words, message)
	}
	return c
}

// empty checks that a folder holds nothing, hidden files included.
func empty(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Errorf("%s was left in %s", entry.Name(), folder)
	}
}

// project writes a project whose training script is the given text. It accepts what the sample project does of the same image.
func project(t *testing.T, script string) string {
	t.Helper()
	accepted, err := os.ReadFile(filepath.Join(checkout, "testdata", "phishing", ".trivyignore.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, text := range map[string]string{
		"train.py":              script,
		"requirements.txt":      "",
		".trivyignore.yaml":     string(accepted),
		"tensorflow-ci.yaml":    "version: 1\nmodel: broken\nimages: {tensorflow: \"tensorflow/tensorflow:2.21.0\"}\n",
		"tests/test_nothing.py": "def test_nothing() -> None:\n    assert True\n",
		"data/rows.csv":         "x,y\n1,1\n",
	} {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}
