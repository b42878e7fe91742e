package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/proc"
)

// Place is where things are measured: a machine that is up, and a folder that nobody else uses.
type Place struct {
	Root     string   // the checkout
	Program  string   // this program, built: compiling is not measured
	CLI      string   // the Dagger CLI
	Engine   string   // version of the engine
	Env      []string // of the CLI, to reach the engine
	Database string   // of vulnerabilities, where the machine has one of its own
	Folder   string
	Cells    int // experiments of the largest grid
	Cores    int
	Log      io.Writer
}

// Groups are all measurements. What they work on is made when the first of them runs.
func (p Place) Groups() []Group {
	line, docker := &line{place: p}, newDocker(p)
	return []Group{
		docker.install(),
		line.group(docker),
		newSeed(docker).group(line),
		docker.modes(),
		newScale(p).group(),
		line.scan(),
		newServing(p).group(),
	}
}

// Clean takes away what measurements leave in Docker; the folder is its owner's.
func (p Place) Clean(ctx context.Context) { newDocker(p).clean(ctx) }

// program calls a command of this program, on the engine that is measured.
func (p Place) program(ctx context.Context, args ...string) error {
	all := append([]string{p.Program, args[0], "--engine", p.Engine}, args[1:]...)
	_, err := proc.Command{Args: all, Dir: p.Root}.Output(ctx)
	return err
}

// module calls a function of the module on a project; the result is what the function returns.
func (p Place) module(ctx context.Context, project string, args ...string) (string, error) {
	all := []string{"--source", project}
	if p.Database != "" {
		all = append(all, "--set", "scan.database="+p.Database)
	}
	var log, out bytes.Buffer
	call := dagger.Call{CLI: p.CLI, Module: p.Root, Args: append(all, args...), Env: p.Env, Out: &out}
	if err := call.Run(ctx, &log, func(string) {}); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		if message := dagger.Message(log.String()); message != "" {
			return "", errors.New(message)
		}
		return "", fmt.Errorf("%w: %s", err, tail(log.String()))
	}
	return out.String(), nil
}

// tail is the end of a long output.
func tail(text string) string {
	const most = 2000
	return text[max(0, len(text)-most):]
}
