package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// checkpointDir is where a training that can go on after a kill keeps what it needs for that.
const checkpointDir = "/checkpoints"

// checkpointFlag is how a script says that it can: scripts/launch.py passes it to the projects whose code names it.
var checkpointFlag = regexp.MustCompile(`--checkpoint-dir\b`)

// inputs is all that a training is a function of. Two trainings share checkpoints when nothing in it differs.
type inputs struct {
	Source, Data, Image, Requirements string // digests
	Script                            string
	Arguments                         []string
	Seed                              int
	Reproducible                      string
	Threads                           int
	GPUs                              string
}

// volume names the cache volume that holds the checkpoints of these inputs and of no others.
func (i inputs) volume() (string, error) {
	digest, err := i.digest()
	return "checkpoints-" + digest, err
}

func (i inputs) digest() (string, error) {
	text, err := json.Marshal(i)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(text)
	return hex.EncodeToString(digest[:]), nil
}

// checkpoints returns a volume that outlives a training which is killed, and the store that outlives the engine
// (train.checkpoints). Both are nil where the project's code does not ask for them.
//
// A training that ends well empties them (scripts/launch.py): a later one of the same inputs begins at the beginning.
// Several workers train in step and none of them can go on alone: they get no volume.
func (m *TensorflowCi) checkpoints(
	ctx context.Context, settings config.Config, source, data *dagger.Directory,
) (*dagger.CacheVolume, *checkpointStore, error) {
	stored := settings.Train.Checkpoints != ""
	if settings.Train.Workers > 1 {
		if stored {
			return nil, nil, fmt.Errorf("train.checkpoints is %s, and train.workers is %d: several workers keep no checkpoints, "+
				"as none of them can go on alone; take one of the two settings away",
				settings.Train.Checkpoints, settings.Train.Workers)
		}
		return nil, nil, nil
	}
	if asked, err := m.mentions(ctx, source, settings.Train.Script, checkpointFlag); err != nil || !asked {
		if err == nil && stored {
			err = fmt.Errorf("train.checkpoints is %s, and no Python file of the project takes --checkpoint-dir: there is nothing "+
				"to keep; have %s take it, or take the setting away", settings.Train.Checkpoints, settings.Train.Script)
		}
		return nil, nil, err
	}
	inputs, err := m.inputs(ctx, settings, source, data)
	if err != nil {
		return nil, nil, err
	}
	name, err := inputs.volume()
	if err != nil {
		return nil, nil, err
	}
	digest, err := inputs.digest()
	if err != nil {
		return nil, nil, err
	}
	store, err := m.checkpointStore(ctx, settings, digest)
	return dag.CacheVolume(name), store, err
}

// resumable mounts the volume, for one training at a time: a second one of the same inputs, from another job, waits.
func resumable(volume *dagger.CacheVolume) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		if volume == nil {
			return container
		}
		return container.WithMountedCache(checkpointDir, volume, dagger.ContainerWithMountedCacheOpts{
			Sharing: dagger.CacheSharingModeLocked,
		})
	}
}

func (m *TensorflowCi) inputs(ctx context.Context, settings config.Config, source, data *dagger.Directory) (inputs, error) {
	of := inputs{
		Script: settings.Train.Script, Arguments: arguments(settings.Train.Args), Seed: settings.Train.Seed,
		Reproducible: settings.Train.Reproducible, Threads: settings.Train.Threads, GPUs: settings.Train.GPUs,
	}
	image, err := m.image(ctx, settings, trainingRole(settings))
	if err != nil {
		return of, err
	}
	of.Image = image.String()
	digested := map[*string]*dagger.Directory{&of.Source: source, &of.Data: data}
	if settings.Requirements != config.NoRequirements {
		if digested[&of.Requirements], err = m.requirementFiles(ctx, settings.Requirements); err != nil {
			return of, err
		}
	}
	for digest, directory := range digested {
		tree, err := m.tree(ctx, directory)
		if err != nil {
			return of, err
		}
		*digest = tree.Digest
	}
	return of, nil
}

// mentions reports whether the Python code of a project holds a text. It is most often in the script: only where it is not are
// the other files looked into, by one command that is cached by them.
func (m *TensorflowCi) mentions(ctx context.Context, source *dagger.Directory, script string, text *regexp.Regexp) (bool, error) {
	code, err := source.File(script).Contents(ctx)
	if err != nil {
		return false, failure("cannot read "+script, err)
	}
	if text.MatchString(code) {
		return true, nil
	}
	python, err := m.python(ctx)
	if err != nil {
		return false, err
	}
	found, err := python.
		With(scripts("mentions.py")).
		WithMountedDirectory("/code", source.Filter(dagger.DirectoryFilterOpts{Include: []string{"**/*.py"}})).
		WithExec([]string{"python3", lineDir + "/mentions.py", "/code", text.String()}).
		Stdout(ctx)
	if err != nil {
		return false, failure("cannot look into the project's Python files", err)
	}
	return strings.TrimSpace(found) == "true", nil
}
