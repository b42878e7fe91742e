package setup

import (
	"context"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

// forTests make what only the acceptance tests need: each returns the steps of one part, to run after some others.
var forTests = []func(m *Machine, registry, base *step.Step, after []*step.Step) ([]*step.Step, error){
	(*Machine).storeImages,
	(*Machine).busybox,
	(*Machine).servingStandIns,
	(*Machine).variants,
}

// testGoals are the steps of forTests.
func (m *Machine) testGoals(registry, base *step.Step, after []*step.Step) ([]*step.Step, error) {
	var goals []*step.Step
	for _, part := range forTests {
		steps, err := part(m, registry, base, append(slices.Clone(after), goals...))
		if err != nil {
			return nil, err
		}
		goals = append(goals, steps...)
	}
	return goals, nil
}

// goImage is an image of Debian 12 and one program, which is built from a Go module below ci/images.
type goImage struct {
	folder  string // below ci/images; also the step's name, and the program's
	name    string // as a project writes it, and as the registry knows it
	tag     string
	version string
	pkg     string   // to build: a package of the module, or one that a tool directive names
	ldflags string   // beside those that leave out debugging information
	inputs  []string // files of the module that decide the program
}

// make returns the step of the program's image; it is built after some others, which use the processors as much.
func (g goImage) make(m *Machine, registry, base *step.Step, after []*step.Step) (*step.Step, error) {
	module := m.repository("ci", "images", g.folder)
	var files []string
	for _, name := range g.inputs {
		files = append(files, filepath.Join(module, name))
	}
	sources, err := step.Digest(files...)
	if err != nil {
		return nil, err
	}
	recipe := filepath.Join(module, "Dockerfile")
	layers, err := step.Digest(recipe)
	if err != nil {
		return nil, err
	}
	program := &step.Step{
		Name:   g.folder + "-program",
		What:   g.folder + " " + g.version + ", from the Go module proxy",
		Inputs: []string{sources, g.version, g.ldflags},
		Uses:   after,
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.TestProgram(g.folder)) },
		Run:    func(ctx context.Context, log io.Writer) error { return g.build(ctx, m, log) },
		Try:    tryProxy,
	}
	return &step.Step{
		Name:   g.folder,
		What:   "image " + g.name + ":" + g.tag + ", from Debian 12 and the program; also in the registry",
		Inputs: []string{layers},
		Uses:   []*step.Step{registry},
		Needs:  []*step.Step{base, program},
		Holds: func(ctx context.Context) bool {
			address, err := m.mirror(ctx)
			return err == nil && imageExists(ctx, g.name+":"+g.tag) && hasImage(ctx, address, g.name, g.tag)
		},
		Run: func(ctx context.Context, log io.Writer) error {
			folder := m.Folder.Path("images", g.folder)
			if err := copyCertificates(folder); err != nil {
				return err
			}
			if err := m.build(ctx, log, g.name+":"+g.tag, recipe, folder, "--build-arg", "VERSION="+g.version); err != nil {
				return err
			}
			return m.mirrorImage(ctx, log, g.name+":"+g.tag, g.name+":"+g.tag)
		},
	}, nil
}

// build compiles the program into its image's build context.
func (g goImage) build(ctx context.Context, m *Machine, log io.Writer) error {
	args := []string{"nice", "-n", "5", "go", "build", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags=-s -w " + g.ldflags, "-o", m.TestProgram(g.folder)}
	if m.Options.Jobs > 0 {
		args = append(args, "-p", strconv.Itoa(m.Options.Jobs))
	}
	return proc.Command{
		Args: append(args, g.pkg), Dir: m.repository("ci", "images", g.folder),
		Env: []string{"CGO_ENABLED=0", "GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw", "GOCACHE=" + m.Folder.Path("gocache-tests")},
	}.Run(ctx, log)
}

// TestProgram is where a program that only tests need lies, once its image is there.
func (m *Machine) TestProgram(name string) string {
	return m.Folder.Path("images", name, name)
}

// mirrorImage puts an image of the daemon into the registry.
func (m *Machine) mirrorImage(ctx context.Context, log io.Writer, image, name string) error {
	address, err := m.mirror(ctx)
	if err != nil {
		return err
	}
	return proc.Command{Args: []string{
		"skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "docker-daemon:" + image, "docker://" + address + "/" + name,
	}}.Run(ctx, log)
}
