// Package proc starts programs and remembers those that outlive this one, without ever mistaking a recycled process
// id for the process that was recorded.
package proc

import (
	"context"
	"errors"
	"fmt"
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
