package main

import (
	"context"
	"fmt"
	"path"
	"slices"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// withUv adds uv in a folder of its own, with what makes it behave in any image.
func (m *TensorflowCi) withUv(base *dagger.Container) *dagger.Container {
	return base.
		WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
		WithEnvVariable("PYTHONUNBUFFERED", "1").
		WithEnvVariable("TF_CPP_MIN_LOG_LEVEL", "2").
		WithEnvVariable("UV_CACHE_DIR", packages+"/uv").
		// The cache is a volume, on another file system than the packages' place: a link cannot be made.
		WithEnvVariable("UV_LINK_MODE", "copy").
		// The system's certificates, so that an index behind a company's own authority works.
		WithEnvVariable("UV_SYSTEM_CERTS", "1").
		WithEnvVariable("UV_NO_PROGRESS", "1").
		With(scripts("getuv.py", "requirements/uv.txt")).
		With(m.installing("python3", lineDir+"/getuv.py", "--requirements", lineDir+"/requirements/uv.txt", "--out", lineDir+"/uv"))
}

// tool is a folder with one of the line's own Python tools, as scripts/requirements pins it: made once for an image and
// put beside a project's environment, never into it.
func (m *TensorflowCi) tool(ctx context.Context, settings config.Config, name string) (*dagger.Directory, error) {
	image, err := m.image(ctx, settings, "tensorflow")
	if err != nil {
		return nil, err
	}
	base, err := m.container(ctx, image)
	if err != nil {
		return nil, err
	}
	folder, err := m.withUv(base).
		With(scripts("tool.py", "intact.py", "bytecode.py", "requirements/"+name+".txt")).
		With(m.installing(
			"python3", lineDir+"/tool.py", "--uv", lineDir+"/uv/bin/uv", "--requirements", lineDir+"/requirements/"+name+".txt", "--out", lineDir+"/tool",
		)).
		Directory(lineDir + "/tool").
		Sync(ctx)
	if err != nil {
		return nil, failure("installing "+name, err)
	}
	return folder, nil
}

// installing runs one installer with the package cache and, where there is one, the private index: both are there for this
// command alone, so that neither a layer nor a later step holds them.
func (m *TensorflowCi) installing(command ...string) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		indexes := []string{"UV_DEFAULT_INDEX", "PIP_INDEX_URL"}
		if m.PackageIndex != nil {
			for _, name := range indexes {
				container = container.WithSecretVariable(name, m.PackageIndex)
			}
		}
		container = container.WithMountedCache(packages, m.packageCache()).WithExec(command).WithoutMount(packages)
		if m.PackageIndex != nil {
			for _, name := range indexes {
				container = container.WithoutSecretVariable(name)
			}
		}
		return container
	}
}

// requirementFiles picks the files that decide an install, and nothing else, so that nothing else repeats it.
func (m *TensorflowCi) requirementFiles(ctx context.Context, name string) (*dagger.Directory, error) {
	return requirements.Find(sourcePart{m.Source, name}, func() (*dagger.Directory, error) { return m.pickRequirements(ctx, name) })
}

// requirements are what this call has picked.
var requirements answers.Book[sourcePart, *dagger.Directory]

// sourcePart is a part of a project, by what it is called or made with.
type sourcePart struct {
	source *dagger.Directory
	part   string
}

func (m *TensorflowCi) pickRequirements(ctx context.Context, name string) (*dagger.Directory, error) {
	wanted := []string{name}
	if path.Base(name) == "uv.lock" {
		wanted = append(wanted, path.Join(path.Dir(name), "pyproject.toml"))
	}
	folder := m.Source.Directory(path.Dir(name))
	present, err := folder.Entries(ctx)
	if err != nil {
		return nil, failure("cannot read the folder of "+name, err)
	}
	files := dag.Directory()
	for _, file := range wanted {
		if !slices.Contains(present, path.Base(file)) {
			return nil, fmt.Errorf("the project has no %s: write one (it may be empty), or set requirements in %s to its name or to %s",
				file, config.FileName, config.NoRequirements)
		}
		files = files.WithFile(path.Base(file), m.Source.File(file))
	}
	return files, nil
}

func (m *TensorflowCi) packageCache() *dagger.CacheVolume {
	if m.Cache != nil {
		return m.Cache
	}
	return dag.CacheVolume("packages")
}
