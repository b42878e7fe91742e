// Package proc starts programs and remembers those that outlive this one, without ever mistaking a recycled process
// id for the process that was recorded.
package proc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process identifies one run of one program on this machine.
type Process struct {
	PID int `json:"pid"`
	// Start is the process' start in clock ticks since boot: with the pid and the boot it is unique.
	Start uint64 `json:"start"`
	Boot  string `json:"boot"`
}

// Of identifies the process that has the id now.
func Of(pid int) (Process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	start, state, err := parseStat(string(stat))
	if err != nil {
		return Process{}, fmt.Errorf("/proc/%d/stat: %w", pid, err)
	}
	if state == 'Z' || state == 'X' {
		return Process{}, fmt.Errorf("process %d has ended: %w", pid, os.ErrNotExist)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Process{}, err
	}
	return Process{PID: pid, Start: start, Boot: strings.TrimSpace(string(boot))}, nil
}

// Alive tells whether this very process still runs.
func (p Process) Alive() bool {
	if p.PID <= 0 {
		return false
	}
	now, err := Of(p.PID)
	return err == nil && now == p
}

// Stop asks the process to end and waits for it; after the grace period it is killed. One that has ended is fine.
func (p Process) Stop(ctx context.Context, grace time.Duration) error {
	if !p.Alive() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := p.signal(syscall.SIGTERM); err != nil || p.gone(ctx) {
		return err
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if !p.gone(last) {
		return fmt.Errorf("process %d does not end, not even when killed", p.PID)
	}
	return nil
}

func (p Process) signal(signal syscall.Signal) error {
	if err := syscall.Kill(p.PID, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("cannot stop process %d: %w", p.PID, err)
	}
	return nil
}

// gone waits for the end of the process, as long as the context allows.
func (p Process) gone(ctx context.Context) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for p.Alive() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// parseStat reads the start time and the state of /proc/PID/stat; the program's name may hold blanks and brackets.
func parseStat(stat string) (start uint64, state byte, err error) {
	const stateField, startField = 0, 19 // counted after the name
	end := strings.LastIndexByte(stat, ')')
	if end < 0 {
		return 0, 0, fmt.Errorf("no program name in %q", stat)
	}
	fields := strings.Fields(stat[end+1:])
	if len(fields) <= startField {
		return 0, 0, fmt.Errorf("%d fields after the name, want more than %d", len(fields), startField)
	}
	start, err = strconv.ParseUint(fields[startField], 10, 64)
	return start, fields[stateField][0], err
}
