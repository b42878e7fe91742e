package setup

import (
	"context"
	"errors"
	"io"
	"os"

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

const (
	baseImage    = "tensorflow-ci/base:bookworm"
	baseSuite    = "bookworm"
	basePackages = "ca-certificates,git,openssh-client,openssl"
)

// notInImage is what debootstrap leaves behind and no container needs, or what would differ between two builds.
var notInImage = []string{
	"./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*",
	"./var/cache/apt/*", "./var/lib/apt/lists/*", "./var/log/*", "./dev/*", "./proc/*", "./sys/*",
}

// base makes the image that all others are built from: Debian 12 from Debian's own packages.
func (m *Machine) base(packages, daemon []*step.Step) *step.Step {
	tree := &step.Step{
		Name:   "base-tree",
		What:   "Debian 12 root file system, by debootstrap",
		Inputs: []string{baseSuite, basePackages},
		Uses:   packages,
		Holds:  func(context.Context) bool { return exists(m.Folder.Path("rootfs")) },
		Run:    m.makeTree,
		Try:    "the log's last lines name the package source that failed; a second `up` starts the tree afresh",
	}
	return &step.Step{
		Name:   "base",
		What:   "image " + baseImage,
		Inputs: notInImage,
		Uses:   daemon,
		Needs:  []*step.Step{tree},
		Holds:  func(ctx context.Context) bool { return imageExists(ctx, baseImage) },
		Run:    m.importTree,
	}
}

// makeTree builds beside the final place and renames, since half a tree looks like a whole one.
func (m *Machine) makeTree(ctx context.Context, log io.Writer) error {
	tree, partial := m.Folder.Path("rootfs"), m.Folder.Path("rootfs.partial")
	if err := errors.Join(os.RemoveAll(tree), os.RemoveAll(partial)); err != nil {
		return err
	}
	command := proc.Command{Args: []string{"debootstrap", "--variant=minbase", "--include=" + basePackages, baseSuite, partial}}
	if err := command.Run(ctx, log); err != nil {
		return err
	}
	return os.Rename(partial, tree)
}

// importTree hands the tree to Docker as an image of one layer.
func (m *Machine) importTree(ctx context.Context, log io.Writer) error {
	pack := []string{"tar", "--create", "--directory", m.Folder.Path("rootfs"), "--sort=name", "--numeric-owner"}
	for _, pattern := range notInImage {
		pack = append(pack, "--exclude="+pattern)
	}
	receive := docker("import", "--change", `LABEL org.opencontainers.image.title="Debian 12, made by debootstrap for tensorflow-ci"`, "-", baseImage)
	if err := proc.Pipe(ctx, log, proc.Command{Args: append(pack, ".")}, receive); err != nil {
		return err
	}
	return m.recordImage(ctx, baseImage)
}

func imageExists(ctx context.Context, reference string) bool {
	_, err := docker("image", "inspect", "--format", "{{.Id}}", reference).Output(ctx)
	return err == nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
