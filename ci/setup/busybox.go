package setup

import (
	"context"
	"io"
	"os"

	"dagger/tensorflow-ci/ci/step"
)

const busyboxVersion = "1.37.0"

// busybox makes the image that models are put into for a cluster; a stand-in, from Debian's package.
func (m *Machine) busybox(registry, base *step.Step, _ []*step.Step) ([]*step.Step, error) {
	const image, repository = "busybox:" + busyboxVersion, "library/busybox" // an official image
	recipe := m.repository("ci", "images", "busybox", "Dockerfile")
	digest, err := step.Digest(recipe)
	if err != nil {
		return nil, err
	}
	return []*step.Step{{
		Name:   "busybox",
		What:   "image " + image + ", from Debian's package; also in the registry",
		Inputs: []string{digest},
		Uses:   []*step.Step{registry},
		Needs:  []*step.Step{base},
		Holds: func(ctx context.Context) bool {
			address, err := m.mirror(ctx)
			return err == nil && imageExists(ctx, image) && hasImage(ctx, address, repository, busyboxVersion)
		},
		Run: func(ctx context.Context, log io.Writer) error {
			folder := m.Folder.Path("images", "busybox")
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
			if err := m.build(ctx, log, image, recipe, folder, "--build-arg", "VERSION="+busyboxVersion); err != nil {
				return err
			}
			return m.mirrorImage(ctx, log, image, repository+":"+busyboxVersion)
		},
	}}, nil
}
