package drill

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"
)

// interruptions press Ctrl-C in each phase.
func interruptions() []Drill {
	drills := []Drill{{Name: "interrupt-up", Fault: "SIGINT during up", run: interruptUp}}
	for _, at := range []phase{loading, installing, tests, training, exporting} {
		drills = append(drills, strike{at: at, plant: interrupt, status: 130, says: []string{"interrupted"}}.
			drill("interrupt-"+at.name, "SIGINT during "+at.name))
	}
	return drills
}

func interrupt(_ context.Context, _ *Site, run *started) (func(context.Context) error, error) {
	return nil, run.signal(os.Interrupt)
}

// interruptUp takes everything down, and interrupts `up` as soon as its first step is done.
func interruptUp(ctx context.Context, site *Site) (Account, error) {
	if err := ours(site); err != nil {
		return Account{}, err
	}
	if err := site.prepare(ctx); err != nil {
		return Account{}, err
	}
	project, err := site.project(training)
	if err != nil {
		return Account{}, err
	}
	defer os.RemoveAll(project)
	if _, err := site.succeed(ctx, "down"); err != nil {
		return Account{}, err
	}
	up, err := site.start("up")
	if err != nil {
		return Account{}, err
	}
	defer up.stop()
	for !strings.Contains(up.stdout.String(), "done ") {
		if !up.running() {
			return Account{}, fmt.Errorf("`up` ended before a step was done: %s", up.stderr.String())
		}
		select {
		case <-ctx.Done():
			return Account{}, context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if err := up.signal(os.Interrupt); err != nil {
		return Account{}, err
	}
	account := Account{}
	if account.Saw, err = up.ends(ctx, time.Minute, 130, "interrupted"); err != nil {
		return account, err
	}
	account.Recover, err = site.recovered(ctx, project, site.out)
	return account, err
}
