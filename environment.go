package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"time"

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
	image, err := m.image(ctx, settings, "tensorflow")
	if err != nil {
		return nil, err
	}
	name, files := "requirements.txt", dag.Directory().WithNewFile("requirements.txt", "")
	if settings.Requirements != config.NoRequirements {
		name = settings.Requirements
		if files, err = m.requirementFiles(ctx, name); err != nil {
			return nil, err
		}
	}
	installed, err := withUv(dag.Container().From(image)).
		WithMountedCache(packages, m.packageCache()).
		WithDirectory(lineDir+"/project", files).
		With(scripts("install.py")).
		WithExec([]string{
			"python3", lineDir + "/install.py",
			"--requirements", lineDir + "/project/" + path.Base(name),
			"--uv", lineDir + "/uv/bin/uv",
			"--out", lineDir + "/install",
			"--limit", seconds(installLimit),
		}).
		WithoutMount(packages).
		Sync(ctx)
	if err != nil {
		return nil, failure("requirements", err)
	}
	return installed, nil
}

// withUv adds uv in a folder of its own, with what makes it behave in any image.
func withUv(base *dagger.Container) *dagger.Container {
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
		// Compiled once here instead of at every import; by hash, since a time stamp would make two installs differ.
		WithEnvVariable("UV_COMPILE_BYTECODE", "1").
		WithEnvVariable("PYC_INVALIDATION_MODE", "UNCHECKED_HASH").
		With(scripts("requirements/uv.txt")).
		WithExec([]string{
			"python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action", "ignore",
			"--no-cache-dir", "--no-compile", "--require-hashes", "--only-binary", ":all:",
			"--target", lineDir + "/uv", "--requirement", lineDir + "/requirements/uv.txt",
		})
}

// tool is a folder with one of the line's own Python tools, as scripts/requirements pins it: made once for an image and
// put beside a project's environment, never into it.
func (m *TensorflowCi) tool(ctx context.Context, settings config.Config, name string) (*dagger.Directory, error) {
	image, err := m.image(ctx, settings, "tensorflow")
	if err != nil {
		return nil, err
	}
	folder, err := withUv(dag.Container().From(image)).
		WithMountedCache(packages, m.packageCache()).
		With(scripts("requirements/" + name + ".txt")).
		WithExec([]string{
			lineDir + "/uv/bin/uv", "pip", "install", "--quiet", "--python", "python3",
			"--target", lineDir + "/tool", "--require-hashes", "--requirements", lineDir + "/requirements/" + name + ".txt",
		}).
		Directory(lineDir + "/tool").
		Sync(ctx)
	if err != nil {
		return nil, failure("installing "+name, err)
	}
	return folder, nil
}

// requirementFiles picks the files that decide an install, and nothing else, so that nothing else repeats it.
func (m *TensorflowCi) requirementFiles(ctx context.Context, name string) (*dagger.Directory, error) {
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

func seconds(limit time.Duration) string {
	return strconv.FormatFloat(limit.Seconds(), 'f', -1, 64)
}
