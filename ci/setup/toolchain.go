package setup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

// Packages of the engine's Go module that become programs: see ci/engine/README.md.
const (
	upstream = "github.com/dagger/dagger/cmd/"
	cni      = "github.com/containernetworking/plugins/plugins/"
)

const tryProxy = "`go env GOPROXY`: the Go module proxy that it names must be reachable; then a second `up`"

// goBuild compiles programs of a Go module, always with the same flags: what one build leaves in the cache, the next
// can use.
func (m *Machine) goBuild(module, output, cache string, env []string, packages ...string) proc.Command {
	args := []string{"go", "build", "-trimpath", "-tags=dfexcludepatterns,dfparents",
		"-ldflags=-s -w -X github.com/dagger/dagger/engine.Version=" + m.Plan.Engine + " -X github.com/dagger/dagger/engine.Tag=" + m.Plan.Engine,
		"-o", output}
	if m.Options.Jobs > 0 {
		args = append(args, "-p", strconv.Itoa(m.Options.Jobs))
	}
	return proc.Command{
		Args: append(args, packages...),
		Dir:  module,
		Env:  append([]string{"CGO_ENABLED=0", "GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=-modcacherw", "GOCACHE=" + cache}, env...),
	}
}

// recipe is a path in the Go module that pins one version of the engine.
func (m *Machine) recipe(elements ...string) string {
	return m.repository(append([]string{"ci", "engine", m.Plan.Engine}, elements...)...)
}

// cli builds the Dagger CLI; no step where one of this version is here already.
func (m *Machine) cli() ([]*step.Step, error) {
	if !m.Plan.CLI {
		return nil, nil
	}
	version := m.Plan.Engine
	digest, err := step.Digest(m.recipe("go.mod"), m.repository("ci", "engine", "standin"))
	if err != nil {
		return nil, err
	}
	program := m.Folder.Path("bin", version, "dagger")
	return []*step.Step{{
		Name:   "cli-" + version,
		What:   "Dagger CLI " + version + ", from the Go module proxy",
		Inputs: []string{digest, version},
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(program) },
		Run: func(ctx context.Context, log io.Writer) error {
			fresh := program + ".fresh"
			if err := m.goBuild(m.recipe(), fresh, m.Folder.Path("gocache"), nil, upstream+"dagger").Run(ctx, log); err != nil {
				return err
			}
			return os.Rename(fresh, program)
		},
		Try: tryProxy,
	}}, nil
}

// patterns are the Go modules whose building fills the caches of the Go SDK image: what the engine's own SDK generates code
// for, and what it is for a module of the oldest tested version, as the one in this checkout is.
func (m *Machine) patterns() []string {
	modules := []string{m.recipe("sdk")}
	if oldest := host.Tested[len(host.Tested)-1]; m.Plan.Engine != oldest {
		modules = append(modules, m.repository("ci", "engine", oldest, "sdk"))
	}
	return modules
}

// caches fills the module and build caches of the Go SDK image, so that a module's first load compiles itself alone.
func (m *Machine) caches() (*step.Step, error) {
	digest, err := step.Digest(m.patterns()...)
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "sdk-caches-" + m.Plan.Engine,
		What:   "Go caches for the modules that the engine will compile",
		Inputs: []string{digest},
		Heavy:  true,
		Holds: func(context.Context) bool {
			return exists(m.engineFolder("sdk", "gomod")) && exists(m.engineFolder("sdk", "gocache"))
		},
		Run: m.fillCaches,
		Try: tryProxy,
	}, nil
}

func (m *Machine) fillCaches(ctx context.Context, log io.Writer) error {
	unused, modules, cache := m.engineFolder("sdk-unused"), m.engineFolder("sdk", "gomod"), m.engineFolder("sdk", "gocache")
	if err := errors.Join(os.RemoveAll(modules), os.RemoveAll(cache)); err != nil {
		return err
	}
	for _, module := range m.patterns() {
		build := m.goBuild(module, unused, cache, []string{"GOMODCACHE=" + modules}, ".")
		for _, command := range []proc.Command{
			{Args: []string{"go", "mod", "tidy", "-diff"}, Dir: module, Env: build.Env}, // fetches what a module's own tidy will look at
			{Args: []string{"go", "mod", "download"}, Dir: module, Env: build.Env},      // and what the proxy in the image must hold
			build,
		} {
			if err := command.Run(ctx, log); err != nil {
				return err
			}
		}
	}
	return errors.Join(os.Remove(unused), removeArchives(filepath.Join(modules, "cache", "download")))
}

// removeArchives removes the module archives, all of which are unpacked already.
func removeArchives(folder string) error {
	return filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".zip" {
			return err
		}
		return os.Remove(path)
	})
}

// programs builds the code generator, which the SDK image waits for, and then the engine with its network plugins.
func (m *Machine) programs(caches *step.Step) (codegen, engine *step.Step, err error) {
	version := m.Plan.Engine
	digest, err := step.Digest(m.recipe("go.mod"), m.repository("ci", "engine", "standin"), m.repository("ci", "engine", "gpuhook"))
	if err != nil {
		return nil, nil, err
	}
	module, cache := m.recipe(), m.Folder.Path("gocache")
	codegen = &step.Step{
		Name:   "codegen-" + version,
		What:   "Dagger's code generator " + version + ", from the Go module proxy",
		Inputs: []string{digest, version},
		Needs:  []*step.Step{caches}, // not its result: the cores
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.engineFolder("sdk", "codegen")) },
		Run: func(ctx context.Context, log io.Writer) error {
			return m.goBuild(module, m.engineFolder("sdk")+"/", cache, nil, upstream+"codegen").Run(ctx, log)
		},
		Try: tryProxy,
	}
	engine = &step.Step{
		Name:   "programs-" + version,
		What:   "Dagger engine " + version + " and its network plugins, from the Go module proxy",
		Inputs: []string{digest, version},
		Needs:  []*step.Step{codegen},
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.engineFolder("engine", "bin", "engine")) },
		Run: func(ctx context.Context, log io.Writer) error {
			err := m.goBuild(module, m.engineFolder("engine", "bin")+"/", cache, nil,
				upstream+"dialstdio", upstream+"dnsname", upstream+"engine", upstream+"init").Run(ctx, log)
			if err != nil {
				return err
			}
			err = m.goBuild(module, m.engineFolder("engine", "cni")+"/", cache, nil,
				cni+"ipam/host-local", cni+"main/bridge", cni+"main/loopback", cni+"meta/firewall").Run(ctx, log)
			if err != nil {
				return err
			}
			// the hook is a part of this checkout's own Go module
			if err := m.goBuild(m.Repository, m.engineFolder("engine", "bin")+"/", cache, nil, "./ci/engine/gpuhook").Run(ctx, log); err != nil {
				return err
			}
			return os.RemoveAll(cache) // over a gigabyte, of use to the next version at most
		},
		Try: tryProxy,
	}
	return codegen, engine, nil
}

// copyToolchain copies the Go toolchain that compiles this program, without what a compilation never reads.
func copyToolchain(ctx context.Context, destination string) error {
	root, err := proc.Command{Args: []string{"go", "env", "GOROOT"}}.Output(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(destination); err != nil {
		return err
	}
	return copyTree(ctx, root, destination, func(path string) bool {
		top, _, _ := strings.Cut(path, string(filepath.Separator))
		switch top {
		case ".", "bin", "lib", "pkg", "src", "VERSION", "go.env":
		default:
			return false
		}
		return filepath.Base(path) != "testdata" && !strings.HasSuffix(path, "_test.go") &&
			path != filepath.Join("src", "cmd")
	})
}

// copyTree copies the files and links that keep accepts, with their permissions.
func copyTree(ctx context.Context, source, destination string, keep func(relative string) bool) error {
	return filepath.WalkDir(source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		relative, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		target := filepath.Join(destination, relative)
		switch {
		case !keep(relative) && entry.IsDir():
			return fs.SkipDir
		case !keep(relative):
			return nil
		case entry.IsDir():
			return os.MkdirAll(target, 0o755)
		case entry.Type() == fs.ModeSymlink:
			link, err := os.Readlink(path)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case entry.Type().IsRegular():
			return copyFile(path, target)
		}
		return fmt.Errorf("%s is neither a file, a folder nor a link", path)
	})
}

func copyFile(source, destination string) error {
	from, err := os.Open(source)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := os.OpenFile(destination, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, info.Mode().Perm())
	if err != nil {
		return err
	}
	_, err = io.Copy(to, from)
	return errors.Join(err, to.Close())
}
