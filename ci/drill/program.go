package drill

import (
	"context"
	"dagger/tensorflow-ci/ci/proc"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// started is a program that runs beside the drill.
type started struct {
	cmd            *exec.Cmd
	stdout, stderr proc.Lines
	ended          chan struct{}
	err            error
}

// start starts a program in a process group of its own, so that Ctrl-C at the drill does not reach it by itself.
func start(folder string, environment []string, args ...string) (*started, error) {
	s := &started{cmd: exec.Command(args[0], args[1:]...), ended: make(chan struct{})}
	s.cmd.Dir, s.cmd.Env = folder, append(os.Environ(), environment...)
	s.cmd.Stdout, s.cmd.Stderr = &s.stdout, &s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s.cmd.WaitDelay = 5 * time.Second // what it leaves behind, such as a daemon, keeps nobody waiting
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	return s, nil
}

// signal is sent to the program alone, as a terminal's user would to a job.
func (s *started) signal(signal os.Signal) error { return s.cmd.Process.Signal(signal) }

// running tells whether the program has not ended yet.
func (s *started) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// wait gives the exit status; a program that runs on after the patience hangs, and is ended.
func (s *started) wait(ctx context.Context, patience time.Duration) (int, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.stop()
		return 0, context.Cause(ctx)
	case <-limit.C:
		s.stop()
		return 0, fmt.Errorf("it hangs: it still ran after %s, and was ended", patience)
	}
	var exit *exec.ExitError
	if s.err != nil && !errors.As(s.err, &exit) && !errors.Is(s.err, exec.ErrWaitDelay) {
		return 0, s.err
	}
	return s.cmd.ProcessState.ExitCode(), nil
}

// ends waits for the program and gives what it said, which must be what is wanted of it.
func (s *started) ends(ctx context.Context, patience time.Duration, want int, says ...string) (saw string, err error) {
	status, err := s.wait(ctx, patience)
	saw = s.stderr.String()
	if err == nil {
		err = clear(saw, status, want, says)
	}
	return saw, err
}

// stop ends the program, if it runs.
func (s *started) stop() {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		syscall.Kill(-s.cmd.Process.Pid, signal)
		select {
		case <-s.ended:
			return
		case <-time.After(20 * time.Second):
		}
	}
}
