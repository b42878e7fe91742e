package main

import (
	"context"
	"path"
	"strconv"
	"time"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// Where things lie in a container of the line.
const (
	lineDir   = "/line"     // the line's own programs, tools and records
	sourceDir = "/src"      // the project, which is also the working directory
	outDir    = "/out"      // what a step leaves
	packages  = "/packages" // the package cache
)

// installLimit ends an install that hangs on an index that does not answer.
const installLimit = 30 * time.Minute

// Return the container that the project's steps run in: image, requirements, source.
//
// Only a change of the image or of the requirements file installs again. The project's TensorFlow, Keras and NumPy are
// the image's: requirements that would replace them are refused. A shell in it: environment terminal.
//
// +cache="session"
func (m *TensorflowCi) Environment(ctx context.Context) (*dagger.Container, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	return installed.WithDirectory(sourceDir, m.Source).WithWorkdir(sourceDir), nil
}

// installed is the environment without the project's source: what a change of code leaves alone.
func (m *TensorflowCi) installed(ctx context.Context, settings config.Config) (*dagger.Container, error) {
	image, err := m.image(ctx, settings, trainingRole(settings))
	if err != nil {
		return nil, err
	}
	return installs.Find(install{image, settings.Requirements, m.Source, m.Cache, m.PackageIndex}, func() (*dagger.Container, error) {
		return m.install(ctx, settings, image)
	})
}

// installs are the environments that this call has made sure of.
var installs answers.Book[install, *dagger.Container]

// install is all that an environment follows from.
type install struct {
	image        image
	requirements string
	source       *dagger.Directory
	cache        *dagger.CacheVolume
	index        *dagger.Secret
}

func (m *TensorflowCi) install(ctx context.Context, settings config.Config, image image) (_ *dagger.Container, err error) {
	name, files := "requirements.txt", dag.Directory().WithNewFile("requirements.txt", "")
	if settings.Requirements != config.NoRequirements {
		name = settings.Requirements
		if files, err = m.requirementFiles(ctx, name); err != nil {
			return nil, err
		}
	}
	base, err := m.container(ctx, image)
	if err != nil {
		return nil, err
	}
	installed, err := m.withUv(base).
		WithDirectory(lineDir+"/project", files).
		With(scripts("install.py", "intact.py", "bytecode.py")).
		With(m.installing(
			"python3", lineDir+"/install.py",
			"--requirements", lineDir+"/project/"+path.Base(name),
			"--uv", lineDir+"/uv/bin/uv",
			"--out", lineDir+"/install",
			"--limit", seconds(installLimit),
		)).
		Sync(ctx)
	if err != nil {
		return nil, failure("requirements", err)
	}
	return installed, nil
}

func seconds(limit time.Duration) string {
	return strconv.FormatFloat(limit.Seconds(), 'f', -1, 64)
}
