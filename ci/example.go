package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dagger/tensorflow-ci/ci/dagger"
)

// example calls the module that shows how another uses this one, and looks at what it makes.
func (p *proof) example(ctx context.Context) error {
	folder, err := os.MkdirTemp("", "tensorflow-ci-example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	module := filepath.Join(p.root, "examples", "go")
	call := dagger.Call{CLI: p.machine.CLI(), Module: module, Args: []string{"ship", "export", "--path", folder}}
	if _, err := callModule(ctx, p.machine, call, "example", "the example in "+module); err != nil {
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
