package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/result"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
	"dagger/tensorflow-ci/ci/step"
)

const runExplanation = `Tests, trains and evaluates the project's model in containers. The folder of --out is replaced as a whole when all
went well, and stays as it is when something failed. PROJECT is testdata/phishing of this checkout when none is given.
What comes after -- goes to the module, for example: -- --set train.args.epochs=5`

// pipeline is the module's function that makes everything. The CLI keeps "pipeline" for itself.
const pipeline = "run"

func run(ctx context.Context, args []string) error {
	set := flags("run [PROJECT] [flags] [-- FLAGS OF THE MODULE]", runExplanation)
	out := set.String("out", "out", "folder for the result")
	mirror, options := upFlags(set)
	if err := parse(set, args, 1); err != nil {
		return err
	}
	root, err := repository()
	if err != nil {
		return err
	}
	project, extra := projectAndExtra(set.Args(), set.ArgsLenAtDash())
	if project == "" {
		project = filepath.Join(root, "testdata", "phishing")
	}
	if project, err = directory(project); err != nil {
		return err
	}
	staging, err := result.Stage(*out)
	if err != nil {
		return err
	}
	defer staging.Discard()
	machine, err := bringUp(ctx, *mirror, *options)
	if err != nil {
		return err
	}
	call := dagger.Call{CLI: machine.CLI(), Module: root, Args: []string{"--source", project}}
	if commit := cleanCommit(ctx, project); commit != "" {
		call.Args = append(call.Args, "--commit", commit)
	}
	database, err := machine.ScanDatabase(ctx)
	if err != nil {
		return err
	}
	if database != "" { // before the user's own flags, which win
		call.Args = append(call.Args, "--set", "scan.database="+database)
	}
	call.Args = append(append(call.Args, extra...), pipeline)
	if _, err := result.Steps(*out); err == nil { // there is an earlier run, which tells why a step runs again
		call.Args = append(call.Args, "--previous", *out)
	}
	call.Args = append(call.Args, "export", "--path", staging.Path())
	began := time.Now()
	log, err := callModule(ctx, machine, call, "run", "the main job on "+project)
	if err != nil {
		return onFullDisk(err, *out, staging.Path())
	}
	if err := staging.Commit(); err != nil {
		return err
	}
	return show(ctx, machine, *out, log, began)
}

// onFullDisk says which disk is full and what to do: the engine's words name a folder that nobody chose, or say of the cause
// nothing at all.
func onFullDisk(err error, out, staging string) error {
	free := host.Free(staging)
	switch message := err.Error(); {
	case fullDisk(message, staging, free):
		return fmt.Errorf("no space left for the result: the disk of --out %s has %.1f MB; free some, or name another place: %w", out, float64(free)/1e6, err)
	case strings.Contains(message, noSpace):
		return fmt.Errorf("no space left for the engine: free some on the disk of Docker's data, or give up what the engine has cached "+
			"(`dagger core engine local-cache prune`): %w", err)
	}
	return err
}

// noSpace is how the kernel's ENOSPC reads in the engine's messages.
const noSpace = "no space left on device"

// fullDisk tells whether a result was not written because the disk of its staging folder, with so much free, is full.
func fullDisk(message, staging string, free uint64) bool {
	const little = 64 << 20 // bytes: a file that does not fit leaves some
	switch {
	case strings.Contains(message, noSpace):
		return free <= little || strings.Contains(message, staging)
	case strings.Contains(message, "error from receiver"): // all that is left when the engine gave up before the disk's own word came
		return free <= little
	}
	return false
}

// projectAndExtra splits the arguments at the place of the two dashes, -1 when there are none.
func projectAndExtra(args []string, dash int) (project string, extra []string) {
	if dash >= 0 {
		args, extra = args[:dash], args[dash:]
	}
	if len(args) > 0 {
		project = args[0]
	}
	return project, extra
}

// directory makes the project's path absolute, and refuses what is no folder.
func directory(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("PROJECT %s: %w; name the folder that holds train.py", path, err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("PROJECT %s is a file: name the folder that holds train.py", path)
	}
	return filepath.Abs(path)
}

// cleanCommit is the commit that the project's files are exactly; "" when they are changed or not in Git.
func cleanCommit(ctx context.Context, project string) string {
	changes, err := proc.Command{Args: []string{"git", "-C", project, "status", "--porcelain", "--", "."}}.Output(ctx)
	if err != nil || changes != "" {
		return ""
	}
	commit, err := proc.Command{Args: []string{"git", "-C", project, "rev-parse", "HEAD"}}.Output(ctx)
	if err != nil {
		return ""
	}
	return commit
}

// callModule makes the call under a moving line, and says in one message why it failed; path is that of its log.
func callModule(ctx context.Context, machine *setup.Machine, call dagger.Call, name, what string) (path string, err error) {
	log, err := openLog(machine.Folder, name)
	if err != nil {
		return "", err
	}
	defer log.Close()
	path = log.Name()
	screen := step.NewScreen(os.Stdout, terminal(os.Stdout))
	defer screen.Close()
	work := &step.Step{Name: name, What: what}
	screen.Started(work)
	call.Env = append(machine.Environment(), call.Env...)
	watched, stop := watchMachine(ctx, machine)
	err = call.Run(watched, log, func(doing string) { screen.Note(work, doing) })
	cause := context.Cause(watched)
	stop()
	switch {
	case err == nil:
		screen.Finished(work, step.Done)
		return path, nil
	case ctx.Err() != nil:
		screen.Finished(work, step.Interrupted)
		return path, context.Cause(ctx)
	}
	screen.Finished(work, step.Failed)
	if cause == nil {
		cause = machineGone(ctx, machine)
	}
	if cause == nil {
		cause = err
		if output, readErr := os.ReadFile(path); readErr == nil {
			if message := dagger.Message(string(output)); message != "" {
				cause = errors.New(dagger.Explain(message))
			}
		}
	}
	return path, fmt.Errorf("%w\nfull log: %s", cause, path)
}

// openLog opens the log of a call for this program alone: while another one writes to it, the next of a row of names. In a
// log that two write to, the one that fails would find the other's words.
func openLog(folder state.Folder, name string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(folder.Log(name)), 0o755); err != nil {
		return nil, err
	}
	for number, try := 2, name; ; number++ {
		file, err := os.OpenFile(folder.Log(try), os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, err
		}
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) // the kernel frees it with the file
		if err == nil {
			err = file.Truncate(0)
		}
		if err == nil {
			return file, nil
		}
		file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("the log %s: %w", file.Name(), err)
		}
		try = fmt.Sprintf("%s-%d", name, number)
	}
}

// show ends a run: the steps, the image, where the files are, the metrics.
func show(ctx context.Context, machine *setup.Machine, out, log string, began time.Time) error {
	steps, err := result.Steps(out)
	if err != nil {
		return fmt.Errorf("the result in %s cannot be read: %w", out, err)
	}
	metrics, err := result.Metrics(out)
	if err != nil {
		return fmt.Errorf("the result in %s cannot be read: %w", out, err)
	}
	image, err := result.TensorFlow(out)
	if err != nil {
		return fmt.Errorf("the result in %s cannot be read: %w", out, err)
	}
	fmt.Println()
	if err := result.Table(os.Stdout, steps, began); err != nil {
		return err
	}
	if line := result.ImageLine(image, machine.MadeImage(ctx, image.Reference, image.Digest)); line != "" {
		fmt.Println(line)
	}
	fmt.Printf("\nmetrics on held-out data: %s\n", result.Line(metrics))
	for _, file := range [][2]string{
		{"model", "SavedModel"}, {"logs", "TensorBoard events"}, {"manifest.json", "lineage"}, {"reports", "tests, coverage, evaluation"},
		{"report/index.html", "all of it on one page"},
	} {
		path := filepath.Join(out, file[0])
		if _, err := os.Stat(path); err != nil { // a project can do without a report
			continue
		}
		fmt.Printf("%-28s %s\n", path, file[1])
	}
	fmt.Printf("%-28s full log\n", strings.TrimSpace(log))
	return nil
}
