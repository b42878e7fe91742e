package bench

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"dagger/tensorflow-ci/ci/result"
)

// Runs of the line on the sample project, by what changed since the run before.
const (
	runCold         = "run, nothing known of the project, no package downloaded"
	runUnchanged    = "run, nothing changed"
	runCode         = "run, only train.py changed"
	runCodeNoReport = "run without the report, only train.py changed"
	runRequirements = "run, only the requirements changed"
	trainInLine     = "train in the line"
	upUnchanged     = "up, nothing to do"
)

// line runs this program's main job on a project of its own.
type line struct {
	place   Place
	project *project
	volume  string // of downloaded packages
}

// prepare makes the project, once.
func (l *line) prepare(context.Context) (err error) {
	if l.project != nil {
		return nil
	}
	l.volume = volume()
	l.project, err = copyProject(l.place.Root, filepath.Join(l.place.Folder, "line"))
	return err
}

// volume names a volume that no run has filled. The engine keeps it until it tidies up by itself.
func volume() string { return fmt.Sprintf("tensorflow-ci-bench-%d", time.Now().UnixNano()) }

func (l *line) out() string { return filepath.Join(l.place.Folder, "line-out") }

// run is the main job; more are flags of the module.
func (l *line) run(more ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		args := []string{"run", l.project.folder, "--out", l.out(), "--", "--cache", l.volume}
		return l.place.program(ctx, append(args, more...)...)
	}
}

// forget makes the line's next run its first on this project. The images and the line's own tools stay: they are the
// machine's, and a user waits for them once.
func (l *line) forget(ctx context.Context) error {
	l.volume = volume()
	return l.project.changeAll(ctx)
}

// The changes look the project up when they are made: it is not there yet when the measurements are written down.
func (l *line) changeCode(ctx context.Context) error { return l.project.changeCode(ctx) }
func (l *line) changeRequirements(ctx context.Context) error {
	return l.project.changeRequirements(ctx)
}

// step reads from the last run how long one of its steps took.
func (l *line) step(name string) func() (float64, error) {
	return func() (float64, error) {
		steps, err := result.Steps(l.out())
		if err != nil {
			return 0, err
		}
		for _, step := range steps {
			if step.Name == name {
				return step.Seconds, nil
			}
		}
		return 0, fmt.Errorf("the run has no step %s", name)
	}
}

// trainAlone trains by a call of its own, as the command by hand does. The run after it is served that training, and says how
// long it took; a run that trains does so beside its checks.
func (l *line) trainAlone(ctx context.Context) error {
	if _, err := l.place.module(ctx, l.project.folder, "--cache", l.volume, "train", "saved-model", "digest"); err != nil {
		return err
	}
	return l.run()(ctx)
}

func (l *line) unchanged() Measurement {
	return Measurement{Name: runUnchanged, Before: l.run(), Timed: l.run()}
}

func (l *line) code() Measurement {
	return Measurement{Name: runCode, Before: l.changeCode, Timed: l.run()}
}

// group sets the line against its own commands by hand, and against itself when nothing is there yet.
func (l *line) group(by *docker) Group {
	up := func(ctx context.Context) error { return l.place.program(ctx, "up") }
	return Group{
		Name: "line",
		Prepare: func(ctx context.Context) error {
			if err := l.prepare(ctx); err != nil {
				return err
			}
			return by.ready(ctx)
		},
		Measurements: []Measurement{
			{Name: upUnchanged, Before: up, Timed: up},
			{Name: runCold, Before: l.forget, Timed: l.run()},
			l.unchanged(),
			{Name: testByHand, Timed: by.test},
			{Name: trainByHand, Timed: by.train},
			{Name: evaluateByHand, Timed: by.evaluate},
			l.code(),
			{Name: trainInLine, Before: l.changeCode, Timed: l.trainAlone, Value: l.step("train")},
			{Name: runCodeNoReport, Before: l.changeCode, Timed: l.run("--set", "report=false")},
		},
		Claims: []Claim{
			ratio(atMost(0.03), runUnchanged, runCold),
			ratio(atMost(1.25), runCode, testByHand, trainByHand, evaluateByHand),
			ratio(Goal{}, runCodeNoReport, testByHand, trainByHand, evaluateByHand),
			ratio(atMost(1.05), trainInLine, trainByHand),
		},
	}
}

// scan scans again what has not changed. The step's own time is the scan's; a call by itself also starts a session.
func (l *line) scan() Group {
	const inRun, byItself = "scan again, the step in a run", "scan again, by a call of its own"
	return Group{
		Name: "scan",
		Prepare: func(ctx context.Context) error {
			if err := l.prepare(ctx); err != nil {
				return err
			}
			return l.run()(ctx)
		},
		Measurements: []Measurement{
			{Name: inRun, Timed: l.run(), Value: l.step("scan")},
			{Name: byItself, Timed: func(ctx context.Context) error {
				_, err := l.place.module(ctx, l.project.folder, "scan", "check")
				return err
			}},
		},
		Claims: []Claim{value(atMost(2), inRun, seconds)},
	}
}
