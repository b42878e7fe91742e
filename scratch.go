package main

import (
	"os"
	"path/filepath"

	"dagger/tensorflow-ci/internal/dagger"
)

// scratchFile is a file of the engine with what a function made, known to caches by its content.
//
// [dagger.Directory.WithNewFile] does the same for a short text: a long one is sent again with each call that the file has
// a part in, and a call's arguments are logged.
func scratchFile(name string, content []byte) (*dagger.File, error) {
	folder, err := os.MkdirTemp(".", "scratch-") // two of one name may be made in one call
	if err != nil {
		return nil, err
	}
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, content, 0o644); err != nil {
		return nil, err
	}
	return dag.CurrentModule().WorkdirFile(path), nil
}
