package proc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	grace      = 15 * time.Second        // a program may take to end after it was asked to
	politeness = 1500 * time.Millisecond // between the first and the second way to ask
)

// Command is a program to run; no part of it ever passes through a shell.
type Command struct {
	Args []string
	Dir  string
	// Env is added to the environment of this program.
	Env []string
	// Stdin is nothing when nil.
	Stdin io.Reader
}

// Run runs the command to its end with all output in log; when the context ends, so do the program and its children.
func (c Command) Run(ctx context.Context, log io.Writer) error {
	fmt.Fprintf(log, "$ %s\n", strings.Join(c.Args, " "))
	return c.RunApart(ctx, log, log)
}

// RunApart is Run with what the program returns apart from what it reports.
func (c Command) RunApart(ctx context.Context, stdout, stderr io.Writer) error {
	cmd := c.prepare(ctx)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return c.explain(ctx, cmd.finish(ctx), "")
}

// Output runs the command and returns what it printed; its errors are in the error.
func (c Command) Output(ctx context.Context) (string, error) {
	cmd := c.prepare(ctx)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.finish(ctx)
	return strings.TrimSpace(stdout.String()), c.explain(ctx, err, stderr.String())
}

// Pipe runs two commands, the first one's output being the second one's input; what both say goes to log.
func Pipe(ctx context.Context, log io.Writer, from, to Command) error {
	fmt.Fprintf(log, "$ %s | %s\n", strings.Join(from.Args, " "), strings.Join(to.Args, " "))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	source := from.prepare(ctx)
	source.Stdout, source.Stderr = writer, log
	sourceErr := make(chan error, 1)
	go func() {
		err := from.explain(ctx, source.finish(ctx), "")
		writer.Close()
		sourceErr <- err
	}()
	sink := to.prepare(ctx)
	sink.Stdin, sink.Stdout, sink.Stderr = reader, log, log
	err = to.explain(ctx, sink.finish(ctx), "")
	reader.Close()
	return errors.Join(<-sourceErr, err)
}

// Detach starts the command so that it outlives this program: its own session, its output in the log file alone.
func (c Command) Detach(log string) (Process, error) {
	if errDetach != nil {
		return Process{}, errDetach
	}
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return Process{}, err
	}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return Process{}, err
	}
	defer file.Close()
	cmd := exec.Command(c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env = c.Dir, append(os.Environ(), c.Env...)
	cmd.Stdout, cmd.Stderr = file, file
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Process{}, err
	}
	// Reaped by this goroutine while this program lives, by init afterwards; a zombie would seem alive.
	go cmd.Wait()
	return Of(cmd.Process.Pid)
}

// job is a program that is about to run.
type job struct {
	*exec.Cmd
	ended chan struct{}
}

func (c Command) prepare(ctx context.Context) job {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.Dir, append(os.Environ(), c.Env...), c.Stdin
	// A process group of its own: the signal reaches the program's children, and Ctrl-C reaches nobody twice.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = grace
	j := job{Cmd: cmd, ended: make(chan struct{})}
	cmd.Cancel = func() error {
		group := -cmd.Process.Pid
		go func() {
			select {
			case <-j.ended:
			case <-time.After(politeness): // what a shell put into the background ignores the first signal
				syscall.Kill(group, syscall.SIGTERM)
			}
		}()
		return syscall.Kill(group, syscall.SIGINT)
	}
	return j
}

// finish runs the program; when the context ended it, nothing of its process group stays behind.
func (j job) finish(ctx context.Context) error {
	defer close(j.ended)
	err := j.Run()
	if ctx.Err() != nil && j.Process != nil {
		syscall.Kill(-j.Process.Pid, syscall.SIGKILL)
	}
	return err
}

// explain names the program and, where the context was the reason, says that instead of "signal: interrupt".
func (c Command) explain(ctx context.Context, err error, stderr string) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	name := filepath.Base(c.Args[0])
	if len(c.Args) > 1 {
		name += " " + c.Args[1]
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("%s: no such program on this machine", name)
	}
	if text := strings.TrimSpace(stderr); text != "" {
		return fmt.Errorf("%s: %w: %s", name, err, text)
	}
	return fmt.Errorf("%s: %w", name, err)
}
