package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/docs"
	"dagger/tensorflow-ci/ci/proc"
)

// moduleName is the module's, as in dagger.json.
const moduleName = "tensorflow-ci"

// documentation proves that the documentation is true: every function and parameter has a text, every command on a page runs
// in a copy of the checkout, and those that cannot run here are calls that the module knows.
func (p *proof) documentation(ctx context.Context) error {
	if p.machine == nil {
		if err := p.up(ctx); err != nil {
			return err
		}
	}
	folder, err := os.MkdirTemp("", "tensorflow-ci-docs-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	checkout, programs := filepath.Join(folder, "checkout"), filepath.Join(folder, "bin")
	if err := docs.Copy(ctx, p.root, checkout); err != nil {
		return err
	}
	if err := p.readyProject(ctx, filepath.Join(checkout, "testdata", "phishing")); err != nil {
		return err
	}
	environment, err := p.readerEnvironment(programs)
	if err != nil {
		return err
	}
	schema, err := p.schema(ctx, checkout, environment)
	if err != nil {
		return err
	}
	if gaps := schema.Undocumented(); len(gaps) > 0 {
		return fmt.Errorf("what `dagger functions` and --help show has gaps:\n  %s", strings.Join(gaps, "\n  "))
	}
	pages, err := docs.Pages(checkout)
	if err != nil {
		return err
	}
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(checkout, page))
		if err != nil {
			return err
		}
		blocks, err := docs.Blocks(page, string(text))
		if err != nil {
			return err
		}
		for _, block := range blocks {
			if err := proveBlock(ctx, block, schema, checkout, environment); err != nil {
				return err
			}
		}
	}
	return nil
}

// proveBlock runs a block of commands, or holds the calls in one that cannot run against the module.
func proveBlock(ctx context.Context, block docs.Block, schema docs.Schema, checkout string, environment []string) error {
	commands, err := block.Commands()
	if err != nil {
		return err
	}
	for _, command := range commands {
		args, found := docs.Call(command)
		if !found {
			continue
		}
		if err := schema.Check(args); err != nil {
			return fmt.Errorf("%s: %w\nin: %s", block.Place(), err, strings.Join(command, " "))
		}
	}
	if block.Except != "" {
		fmt.Printf("  checked %-38s not run: %s\n", block.Place(), block.Except)
		return nil
	}
	began := time.Now()
	var log strings.Builder
	shell := proc.Command{Args: []string{"bash", "-euo", "pipefail", "-c", block.Text}, Dir: checkout, Env: environment}
	if err := shell.Run(ctx, &log); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		const most = 4000 // bytes of output: the end says why
		output := log.String()
		return fmt.Errorf("%s: the documentation's command fails: %w\n%s", block.Place(), err, output[max(0, len(output)-most):])
	}
	fmt.Printf("  ran     %-38s %6.1f s\n", block.Place(), time.Since(began).Seconds())
	return nil
}

// readyProject tells the sample project of the copy where this machine keeps the scanner's database: a reader's machine uses
// the public one.
func (p *proof) readyProject(ctx context.Context, project string) error {
	database, err := p.machine.ScanDatabase(ctx)
	if err != nil || database == "" {
		return err
	}
	settings := filepath.Join(project, "tensorflow-ci.yaml")
	text, err := os.ReadFile(settings)
	if err != nil {
		return err
	}
	if strings.Contains(string(text), "\nscan:") {
		return errors.New(settings + " has settings of the scan: the documentation's commands cannot be given this machine's database")
	}
	return os.WriteFile(settings, append(text, "scan: {database: \""+database+"\"}\n"...), 0o644)
}

// readerEnvironment is that of a person who has the Dagger CLI on the path.
func (p *proof) readerEnvironment(programs string) ([]string, error) {
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return nil, err
	}
	// The CLI that is built here has no live view: its plain one says what it does.
	script := "#!/bin/sh\nexec '" + strings.ReplaceAll(p.machine.CLI(), "'", `'\''`) + "' --progress=plain \"$@\"\n"
	if err := os.WriteFile(filepath.Join(programs, "dagger"), []byte(script), 0o755); err != nil {
		return nil, err
	}
	return []string{"PATH=" + programs + ":" + os.Getenv("PATH"), "NO_COLOR=1", "DAGGER_NO_NAG=1", "DO_NOT_TRACK=1"}, nil
}

// schema asks the engine what the module offers.
func (p *proof) schema(ctx context.Context, checkout string, environment []string) (docs.Schema, error) {
	query := proc.Command{
		Args: []string{p.machine.CLI(), "--progress=plain", "query", "--mod", checkout}, Env: environment, Stdin: strings.NewReader(docs.Query),
	}
	answer, err := query.Output(ctx)
	if err != nil {
		return docs.Schema{}, err
	}
	return docs.ReadSchema([]byte(answer), moduleName)
}

// example calls the module that shows how another uses this one, and looks at what it makes.
func (p *proof) example(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "tensorflow-ci-example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	module := filepath.Join(p.root, "examples", "go")
	call := dagger.Call{CLI: p.machine.CLI(), Module: module, Args: []string{"ship", "export", "--path", folder}}
	if err := callModule(ctx, p.machine, call, "example", "the example in "+module); err != nil {
		return err
	}
	for name, holds := range map[string]string{"model.tflite": "TFL3", "summary.txt": "model sha256:"} {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			return fmt.Errorf("the example: %w", err)
		}
		if !strings.Contains(string(text), holds) {
			return fmt.Errorf("the example's %s holds no %q", name, holds)
		}
	}
	return nil
}
