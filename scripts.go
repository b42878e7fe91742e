package main

import (
	"embed"
	"path"

	"dagger/tensorflow-ci/internal/dagger"
)

// programs are the line's own, which run inside its containers.
//
//go:embed scripts/*.py scripts/*.mjs scripts/requirements/*.txt scripts/tfjs/*.json
var programs embed.FS

// scripts adds programs of the line to a container, those that a step uses and no other.
//
// They are written as text: a step's place in the cache then follows from what its own programs say, and a change of one
// repeats no other step. As a directory of the module they would follow from the whole module. They are added at once: with
// each change of a container the engine handles anew all that the container was made of.
func scripts(names ...string) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		folder := dag.Directory()
		for _, name := range append(names, "step.py") {
			text, err := programs.ReadFile(path.Join("scripts", name))
			if err != nil {
				return container.WithError(err.Error()) // a name that the module itself misspelt
			}
			folder = folder.WithNewFile(name, string(text))
		}
		return container.WithDirectory(lineDir, folder)
	}
}
