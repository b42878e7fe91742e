package drill

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// otherDrills are the faults that leave the engine alone.
func otherDrills() []Drill {
	return []Drill{
		{"disk", "disk of --out full (a loopback file system)", fullDisk},
		{"engine-disk", "disk of the engine full (a loopback file system)", fullEngine},
		{"two", "two pipelines at once on one engine", twoAtOnce},
		{"cache", "package cache of the engine corrupted", corruptedCache},
		strike{at: training, plant: setClockBack}.drill("clock", "clock of the machine set back by an hour during train"),
		{"memory", "training script that eats all memory (train.memory: 1GiB)", eatenMemory},
	}
}

// twoAtOnce runs two projects at the same time: neither may hinder the other, or be told of the other.
func twoAtOnce(ctx context.Context, site *Site) (Account, error) {
	if err := site.prepare(ctx); err != nil {
		return Account{}, err
	}
	var runs []*started
	var outs, projects []string
	for range 2 {
		project, err := site.project(training)
		if err != nil {
			return Account{}, err
		}
		defer os.RemoveAll(project)
		projects, outs = append(projects, project), append(outs, filepath.Join(project+"-result", "out"))
		defer os.RemoveAll(project + "-result")
		run, err := site.start("run", project, "--out", outs[len(outs)-1])
		if err != nil {
			return Account{}, err
		}
		defer run.stop()
		runs = append(runs, run)
	}
	for i, run := range runs {
		status, err := run.wait(ctx, patience)
		if err != nil {
			return Account{}, err
		}
		if status != 0 {
			return Account{Saw: run.stderr.String()}, fmt.Errorf("one of two runs fails with exit status %d: %s", status, run.stderr.String())
		}
		made, err := look(outs[i])
		if err != nil {
			return Account{}, err
		}
		if err := site.right(made); err != nil {
			return Account{}, err
		}
	}
	took, err := site.recovered(ctx, projects[0], outs[0])
	return Account{"nothing: both runs ended well", took}, err
}

// setClockBack sets the machine's clock back by an hour, as a time server would that finds it wrong, and puts it right
// after the run by a clock that nobody sets.
func setClockBack(context.Context, *Site, *started) (func(context.Context) error, error) {
	began := time.Now() // holds both clocks
	if err := setClock(began.Add(-time.Hour)); err != nil {
		return nil, notDone{"the clock cannot be set here: " + err.Error()}
	}
	return func(context.Context) error { return setClock(began.Add(time.Since(began))) }, nil
}

// hoard fills memory until it is stopped, and ends by itself at 3 GiB, so that no machine suffers.
const hoard = "    kept = [bytearray(b\"x\" * (16 << 20)) for _ in range(192)]\n"

// eatenMemory trains a script that eats memory under a limit, and then the same without it.
func eatenMemory(ctx context.Context, site *Site) (Account, error) {
	if err := site.prepare(ctx); err != nil {
		return Account{}, err
	}
	project, err := site.project(training)
	if err != nil {
		return Account{}, err
	}
	defer os.RemoveAll(project)
	script := filepath.Join(project, "train.py")
	code, err := os.ReadFile(script)
	if err != nil {
		return Account{}, err
	}
	const main = "if __name__ == \"__main__\":\n"
	if err := os.WriteFile(script, []byte(strings.Replace(string(code), main, main+hoard, 1)), 0o644); err != nil {
		return Account{}, err
	}
	before, err := tree(site.out)
	if err != nil {
		return Account{}, err
	}
	run, err := site.start("run", project, "--out", site.out, "--", "--set", "train.memory=1GiB")
	if err != nil {
		return Account{}, err
	}
	defer run.stop()
	account := Account{}
	account.Saw, err = run.ends(ctx, patience, 1, "training: train.py was stopped when it held ", "above 1GiB, the limit in train.memory")
	if err != nil {
		return account, err
	}
	if err := whole(site.out, before); err != nil {
		return account, err
	}
	if err := os.WriteFile(script, code, 0o644); err != nil {
		return account, err
	}
	account.Recover, err = site.recovered(ctx, project, site.out)
	return account, err
}
