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
		"-ldflags=-s -w -X github.com/dagger/dagger/engine.Version=" + host.Version + " -X github.com/dagger/dagger/engine.Tag=" + host.Version,
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

// cli builds the Dagger CLI; no step where one of this version is here already.
func (m *Machine) cli() ([]*step.Step, error) {
	if !m.Plan.CLI {
		return nil, nil
	}
	digest, err := step.Digest(m.repository("ci", "engine", "go.mod"), m.repository("ci", "engine", "standin"))
	if err != nil {
		return nil, err
	}
	return []*step.Step{{
		Name:   "cli",
		What:   "Dagger CLI " + host.Version + ", from the Go module proxy",
		Inputs: []string{digest, host.Version},
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.Folder.Path("bin", "dagger")) },
		Run: func(ctx context.Context, log io.Writer) error {
			fresh := m.Folder.Path("bin", "dagger.fresh")
			if err := m.goBuild(m.repository("ci", "engine"), fresh, m.Folder.Path("gocache"), nil, upstream+"dagger").Run(ctx, log); err != nil {
				return err
			}
			return os.Rename(fresh, m.Folder.Path("bin", "dagger"))
		},
		Try: tryProxy,
	}}, nil
}

// caches fills the module and build caches of the Go SDK image, so that a module's first load compiles itself alone.
func (m *Machine) caches() (*step.Step, error) {
	digest, err := step.Digest(m.repository("ci", "engine", "sdk"))
	if err != nil {
		return nil, err
	}
	return &step.Step{
		Name:   "sdk-caches",
		What:   "Go caches for the modules that the engine will compile",
		Inputs: []string{digest},
		Heavy:  true,
		Holds: func(context.Context) bool {
			return exists(m.Folder.Path("sdk", "gomod")) && exists(m.Folder.Path("sdk", "gocache"))
		},
		Run: m.fillCaches,
		Try: tryProxy,
	}, nil
}

func (m *Machine) fillCaches(ctx context.Context, log io.Writer) error {
	module, unused := m.repository("ci", "engine", "sdk"), m.Folder.Path("sdk-unused")
	modules, cache := m.Folder.Path("sdk", "gomod"), m.Folder.Path("sdk", "gocache")
	if err := errors.Join(os.RemoveAll(modules), os.RemoveAll(cache)); err != nil {
		return err
	}
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
	digest, err := step.Digest(m.repository("ci", "engine", "go.mod"), m.repository("ci", "engine", "standin"), m.repository("ci", "engine", "gpuhook"))
	if err != nil {
		return nil, nil, err
	}
	module, cache := m.repository("ci", "engine"), m.Folder.Path("gocache")
	codegen = &step.Step{
		Name:   "codegen",
		What:   "Dagger's code generator " + host.Version + ", from the Go module proxy",
		Inputs: []string{digest, host.Version},
		Needs:  []*step.Step{caches}, // not its result: the cores
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.Folder.Path("sdk", "codegen")) },
		Run: func(ctx context.Context, log io.Writer) error {
			return m.goBuild(module, m.Folder.Path("sdk")+"/", cache, nil, upstream+"codegen").Run(ctx, log)
		},
		Try: tryProxy,
	}
	engine = &step.Step{
		Name:   "programs",
		What:   "Dagger engine " + host.Version + " and its network plugins, from the Go module proxy",
		Inputs: []string{digest, host.Version},
		Needs:  []*step.Step{codegen},
		Heavy:  true,
		Holds:  func(context.Context) bool { return exists(m.Folder.Path("engine", "bin", "engine")) },
		Run: func(ctx context.Context, log io.Writer) error {
			err := m.goBuild(module, m.Folder.Path("engine", "bin")+"/", cache, nil,
				"./gpuhook", upstream+"dialstdio", upstream+"dnsname", upstream+"engine", upstream+"init").Run(ctx, log)
			if err != nil {
				return err
			}
			err = m.goBuild(module, m.Folder.Path("engine", "cni")+"/", cache, nil,
				cni+"ipam/host-local", cni+"main/bridge", cni+"main/loopback", cni+"meta/firewall").Run(ctx, log)
			if err != nil {
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
