package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/choice"
	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/plan"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
)

const testExplanation = `Runs everything that proves the project, in stages, and stops at the first that fails:
  source  gofmt, go vet and the Go tests of the packages that need no engine, and this program built for other systems
  up      the machine
  store   a release against a real rclone and a real S3 server, cut off at every write
  module  the acceptance tests in tests/, a Dagger module, and the example of one in examples/go
  older   a quarter of the acceptance tests on the older Dagger engine that is supported
  docs    every command in the documentation, and that every function and parameter has a text
  gitlab  the GitLab component: its rules, and its pipeline run by gitlab-ci-local on the engine
  e2e     this program itself, from outside: good runs and broken ones`

// stage is one part of the proof.
type stage struct {
	name string
	run  func(ctx context.Context) error
}

func test(ctx context.Context, args []string) error {
	set := flags("test [flags]", testExplanation)
	mirror, options := upFlags(set)
	only := set.StringSlice("stage", nil, "only these stages")
	if err := parse(set, args, 0); err != nil {
		return err
	}
	root, err := repository()
	if err != nil {
		return err
	}
	options.Tests = true
	proof := &proof{root: root, mirror: mirror, options: options}
	stages, err := selectStages([]stage{
		{"source", proof.source}, {"up", proof.up}, {"store", proof.store}, {"module", proof.module}, {"older", proof.older}, {"docs", proof.documentation},
		{"gitlab", proof.gitlab}, {"e2e", proof.endToEnd},
	}, *only)
	if err != nil {
		return usageError{err}
	}
	return runStages(ctx, stages)
}

// selectStages keeps the named stages, in their own order; all when none is named.
func selectStages(stages []stage, only []string) ([]stage, error) {
	return choice.Of("--stage", stages, func(one stage) string { return one.name }, only)
}

// runStages runs the stages in order and ends with a summary of all of them.
func runStages(ctx context.Context, stages []stage) error {
	var summary strings.Builder
	var failed error
	for _, stage := range stages {
		if failed != nil {
			fmt.Fprintf(&summary, "  %-7s not run\n", stage.name)
			continue
		}
		fmt.Printf("\n=== stage %s\n", stage.name)
		began := time.Now()
		err := stage.run(ctx)
		if err == nil {
			err = context.Cause(ctx)
		}
		verdict := "passed"
		if err != nil {
			verdict, failed = "FAILED", fmt.Errorf("stage %s: %w", stage.name, err)
		}
		fmt.Fprintf(&summary, "  %-7s %s %8.1f s\n", stage.name, verdict, time.Since(began).Seconds())
	}
	fmt.Printf("\n=== summary\n%s", summary.String())
	return failed
}

// proof is what the stages work with.
type proof struct {
	root    string
	mirror  *plan.Mirror
	options *setup.Options
	machine *setup.Machine
}

// source checks what needs no engine. The module's own package is not among it: it compiles only with the code that
// the engine generates.
func (p *proof) source(ctx context.Context) error {
	files, err := p.goFiles(ctx)
	if err != nil {
		return err
	}
	unformatted, err := proc.Command{Args: append([]string{"gofmt", "-l"}, files...), Dir: p.root}.Output(ctx)
	if err != nil {
		return err
	}
	if unformatted != "" {
		return fmt.Errorf("not formatted, run `gofmt -w` on:\n%s", unformatted)
	}
	packages, err := p.packages()
	if err != nil {
		return err
	}
	for _, args := range [][]string{{"go", "vet"}, {"go", "vet", "-tags=e2e,gitlab"}, {"go", "test", "-count=1"}} {
		if err := p.passThrough(ctx, append(args, packages...)...); err != nil {
			return err
		}
	}
	if err := p.crossBuilds(ctx); err != nil {
		return err
	}
	// a Go module of its own
	tests := proc.Command{Args: []string{"go", "test", "-count=1", "."}, Dir: filepath.Join(p.root, "ci", "images", "trivydb")}
	return tests.Run(ctx, os.Stdout)
}

// desks are the systems beside linux/amd64 on which this program must build: what only Linux can do is refused there in words.
var desks = []string{"darwin/arm64", "darwin/amd64", "linux/arm64"}

// crossBuilds compiles this program for the other systems. The first time it compiles Go's library too, half a minute of a
// processor for each; then a second.
func (p *proof) crossBuilds(ctx context.Context) error {
	for _, desk := range desks {
		system, architecture, _ := strings.Cut(desk, "/")
		build := proc.Command{
			Args: []string{"go", "build", "-o", os.DevNull, "./ci"}, Dir: p.root,
			Env: []string{"GOOS=" + system, "GOARCH=" + architecture, "CGO_ENABLED=0"},
		}
		if err := build.Run(ctx, os.Stdout); err != nil {
			return fmt.Errorf("for %s: %w; a file for Linux alone is named *_linux.go, its twin *_other.go", desk, err)
		}
	}
	return nil
}

// goFiles are the Go files of the checkout, without those that a tool has generated.
func (p *proof) goFiles(ctx context.Context) ([]string, error) {
	answer, err := proc.Command{Args: []string{"git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go"}, Dir: p.root}.Output(ctx)
	if err != nil {
		return nil, err
	}
	gone := func(name string) bool { _, err := os.Stat(filepath.Join(p.root, name)); return err != nil }
	files := slices.DeleteFunc(strings.Fields(answer), gone) // removed, and Git has not been told yet
	if len(files) == 0 {
		return nil, errors.New("the checkout holds no Go files that Git knows")
	}
	return files, nil
}

// packages are the folders of the Go module that hold ordinary packages: all but the Dagger module itself and the Go
// modules below it.
func (p *proof) packages() ([]string, error) {
	entries, err := os.ReadDir(p.root)
	if err != nil {
		return nil, err
	}
	var packages []string
	for _, entry := range entries {
		folder := filepath.Join(p.root, entry.Name())
		if !entry.IsDir() || entry.Name() == "internal" {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			continue
		}
		if found, _ := filepath.Glob(filepath.Join(folder, "*.go")); len(found) > 0 {
			packages = append(packages, "./"+entry.Name()+"/...")
		}
	}
	return packages, nil
}

func (p *proof) up(ctx context.Context) (err error) {
	p.machine, err = bringUp(ctx, *p.mirror, *p.options)
	return err
}

// store runs the tests of a release on real stores: programs that the machine was given or, where it needed none, that
// are built now.
func (p *proof) store(ctx context.Context) error {
	if p.machine == nil {
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	programs, err := p.machine.StorePrograms(ctx, os.Stdout)
	if err != nil {
		return err
	}
	tests := proc.Command{Args: []string{"go", "test", "-count=1", "./objectstore"}, Dir: p.root, Env: programs}
	return tests.Run(ctx, os.Stdout)
}

// module calls the acceptance tests, which are a Dagger module of their own.
func (p *proof) module(ctx context.Context) error {
	if p.machine == nil {
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	// An engine gives up what it holds for a session when that ends, in memory and on disk.
	const parts = 4
	var failed error
	for part := range parts {
		err := p.acceptance(ctx, p.machine, "--part", fmt.Sprintf("%d/%d", part+1, parts))
		if failed = errors.Join(failed, err); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	if failed != nil {
		return failed
	}
	return p.example(ctx)
}

// acceptance runs the acceptance tests on a machine's engine; the flags choose some of them.
func (p *proof) acceptance(ctx context.Context, machine *setup.Machine, flags ...string) error {
	module := filepath.Join(p.root, "tests")
	if _, err := os.Stat(filepath.Join(module, "dagger.json")); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is no Dagger module: the acceptance tests are missing", module)
	}
	call := dagger.Call{CLI: machine.CLI(), Module: module, Logs: true, Out: os.Stdout}
	database, err := machine.ScanDatabase(ctx)
	if err != nil {
		return err
	}
	if database != "" {
		call.Args = append(call.Args, "--database", database)
	}
	call.Args = append(append(call.Args, "all"), flags...)
	what := fmt.Sprintf("acceptance tests in %s on Dagger %s, %s", module, machine.Plan.Engine, strings.Join(flags, " "))
	_, err = callModule(ctx, machine, call, "tests", what)
	return err
}

// onOlder are the acceptance tests that also run on the older engine, a quarter of all: what its other solver, its cache and
// its images decide.
var onOlder = []string{"environment/", "index/", "train/", "resume/", "evaluate/", "pipeline/", "handover/", "reproducible/", "images/", "release/"}

// older runs a part of the acceptance tests on the older of the tested engines, and stops that engine again.
func (p *proof) older(ctx context.Context) error {
	options := *p.options
	options.Engine = setup.Engine(host.Tested[len(host.Tested)-1])
	machine, err := bringUp(ctx, *p.mirror, options)
	if err != nil {
		return err
	}
	if err := p.acceptance(ctx, machine, "--only", strings.Join(onOlder, ",")); err != nil {
		return err
	}
	return machine.StopEngine(ctx, say)
}

// endToEnd uses the program as a user does. The last test takes the Docker daemon away, and brings it back.
func (p *proof) endToEnd(ctx context.Context) error {
	return p.passThrough(ctx, "go", "test", "-tags=e2e", "-count=1", "-timeout=40m", "-v", "./ci/e2e/...")
}

// passThrough runs a program with its output unchanged.
func (p *proof) passThrough(ctx context.Context, args ...string) error {
	return proc.Command{Args: args, Dir: p.root}.Run(ctx, os.Stdout)
}
