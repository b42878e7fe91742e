package setup

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

const (
	trivyVersion = "0.74.0"
	trivyName    = "aquasec/trivy"
	trivyImage   = trivyName + ":" + trivyVersion
	trivyModule  = "github.com/aquasecurity/trivy"
)

// scanner makes the scanner's image and its database, after the engine: compiling the scanner takes as long as all else.
func (m *Machine) scanner(registry, base *step.Step, engines []*step.Step) ([]*step.Step, error) {
	modules, err := m.scannerModules()
	if err != nil {
		return nil, err
	}
	engines = append(slices.Clone(engines), modules)
	maker, err := m.databaseMaker(engines)
	if err != nil {
		return nil, err
	}
	databases, err := m.databases(registry, maker)
	if err != nil {
		return nil, err
	}
	program, err := m.trivyProgram(append(slices.Clone(engines), maker))
	if err != nil {
		return nil, err
	}
	recipe := m.repository("ci", "images", "trivy", "Dockerfile")
	digest, err := step.Digest(recipe)
	if err != nil {
		return nil, err
	}
	image := &step.Step{
		Name:   "trivy",
		What:   "image " + trivyImage + ", from Debian 12 and the program; also in the registry",
		Inputs: []string{digest},
		Uses:   []*step.Step{registry},
		Needs:  []*step.Step{base, program},
		Holds: func(ctx context.Context) bool {
			address, err := m.mirror(ctx)
			return err == nil && imageExists(ctx, trivyImage) && hasImage(ctx, address, trivyName, trivyVersion)
		},
		Run: func(ctx context.Context, log io.Writer) error { return m.makeTrivy(ctx, log, recipe) },
	}
	return []*step.Step{databases, image}, nil
}

// scannerModules downloads what the scanner is built from, while the processors are busy with the engine.
func (m *Machine) scannerModules() (*step.Step, error) {
	programs := []struct{ module, program string }{
		{m.repository("ci", "images", "trivydb"), "."},
		{m.repository("ci", "images", "trivy"), trivyModule + "/cmd/trivy"},
	}
	var sums []string
	for _, p := range programs {
		sums = append(sums, filepath.Join(p.module, "go.sum"))
	}
	digest, err := step.Digest(sums...)
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "trivy-modules",
		What:   "Go modules that Trivy is built from",
		Inputs: []string{digest},
		Holds:  func(context.Context) bool { return true }, // a compilation downloads what has gone since
		Run: func(ctx context.Context, log io.Writer) error {
			for _, p := range programs {
				list := proc.Command{Args: []string{"nice", "-n", "5", "go", "list", "-deps", p.program}, Dir: p.module, Env: m.scannerEnv()}
				if err := list.Run(ctx, log); err != nil { // to know all packages, it fetches their modules and no others
					return err
				}
			}
			return nil
		},
		Try: tryProxy,
	}, nil
}

// trivyProgram builds the scanner in its image's build context, and puts the report templates beside it.
func (m *Machine) trivyProgram(after []*step.Step) (*step.Step, error) {
	module := m.repository("ci", "images", "trivy")
	digest, err := step.Digest(filepath.Join(module, "go.mod"), filepath.Join(module, "go.sum"))
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "trivy-program",
		What:   "Trivy " + trivyVersion + ", from the Go module proxy",
		Inputs: []string{digest, trivyVersion},
		Uses:   after,
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.Folder.Path("images", "trivy", "trivy")) },
		Run: func(ctx context.Context, log io.Writer) error {
			err := m.scannerBuild(module, m.Folder.Path("images", "trivy", "trivy"), trivyModule+"/cmd/trivy").Run(ctx, log)
			if err != nil {
				return err
			}
			return errors.Join(
				m.copyTemplates(ctx, module),
				os.RemoveAll(m.scannerCache()), // two gigabytes, of use to nothing else
			)
		},
		Try: tryProxy,
	}, nil
}

func (m *Machine) scannerCache() string { return m.Folder.Path("gocache-trivy") }

// scannerBuild compiles a program, politely: images are packed beside it. Debugging information, which the linker would
// drop, is not made in the first place.
func (m *Machine) scannerBuild(module, output, program string) proc.Command {
	args := []string{"nice", "-n", "5", "go", "build", "-trimpath", "-gcflags=all=-dwarf=false",
		"-ldflags=-s -w -X " + trivyModule + "/pkg/version/app.ver=" + trivyVersion, "-o", output}
	if m.Options.Jobs > 0 {
		args = append(args, "-p", strconv.Itoa(m.Options.Jobs))
	}
	return proc.Command{Args: append(args, program), Dir: module, Env: m.scannerEnv()}
}

// scannerEnv is the environment of all Go commands here. The experiment is Trivy's own requirement.
func (m *Machine) scannerEnv() []string {
	return []string{"CGO_ENABLED=0", "GOEXPERIMENT=jsonv2", "GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw", "GOCACHE=" + m.scannerCache()}
}

// copyTemplates takes the report templates out of the sources, which are there once the program is built.
func (m *Machine) copyTemplates(ctx context.Context, module string) error {
	list := proc.Command{Args: []string{"go", "list", "-m", "-f", "{{.Dir}}", trivyModule}, Dir: module, Env: m.scannerEnv()}
	source, err := list.Output(ctx)
	if err != nil {
		return err
	}
	templates := m.Folder.Path("images", "trivy", "contrib")
	if err := os.RemoveAll(templates); err != nil {
		return err
	}
	return copyTree(ctx, filepath.Join(source, "contrib"), templates, func(path string) bool {
		return path == "." || filepath.Ext(path) == ".tpl"
	})
}

func (m *Machine) makeTrivy(ctx context.Context, log io.Writer, recipe string) error {
	if err := m.build(ctx, log, trivyImage, recipe, m.Folder.Path("images", "trivy"), "--build-arg", "VERSION="+trivyVersion); err != nil {
		return err
	}
	return m.mirrorImage(ctx, log, trivyImage, trivyImage)
}
