package main

import (
	"context"
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
	environment, err := p.readerEnvironment(ctx, programs)
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
		for _, file := range docs.Links(string(text)) {
			if _, err := os.Stat(filepath.Join(checkout, filepath.Dir(page), file)); err != nil {
				return fmt.Errorf("%s links to %s, which is not there", page, file)
			}
		}
		blocks, err := docs.Blocks(page, string(text))
		if err != nil {
			return err
		}
		for _, block := range append(docs.Listed(page, string(text)), blocks...) {
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

// readerEnvironment is that of a person who has the Dagger CLI on the path.
func (p *proof) readerEnvironment(ctx context.Context, programs string) ([]string, error) {
	database, err := p.machine.ScanDatabase(ctx)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return nil, err
	}
	script := "#!/bin/sh\n"
	if database != "" { // the database of this machine's own registry, as `ci run` gives it
		script += "case \" $* \" in\n*' -m '*) ;;\n' call '*) shift; set -- call --set " + quoted("scan.database="+database) + " \"$@\" ;;\nesac\n"
	}
	// The CLI that is built here has no live view: its plain one says what it does.
	// The engine is named to the CLI alone: this program, run by a page, is to find it as it does for a reader.
	for _, variable := range p.machine.Environment() {
		script += "export " + quoted(variable) + "\n"
	}
	script += "exec " + quoted(p.machine.CLI()) + " --progress=plain \"$@\"\n"
	if err := os.WriteFile(filepath.Join(programs, "dagger"), []byte(script), 0o755); err != nil {
		return nil, err
	}
	return append([]string{"PATH=" + programs + ":" + os.Getenv("PATH")}, dagger.Plain...), nil
}

// quoted is a word that a shell takes as it is.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// schema asks the engine what the module offers.
func (p *proof) schema(ctx context.Context, checkout string, environment []string) (docs.Schema, error) {
	query := proc.Command{
		Args: []string{p.machine.CLI(), "--progress=plain", "query", "-m", checkout}, Env: environment, Stdin: strings.NewReader(docs.Query),
	}
	answer, err := query.Output(ctx)
	if err != nil {
		return docs.Schema{}, err
	}
	return docs.ReadSchema([]byte(answer), moduleName)
}
