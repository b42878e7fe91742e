package setup

import (
	"context"
	"fmt"
	"io"
	"strings"

	"dagger/tensorflow-ci/ci/step"
)

const (
	rcloneVersion    = "1.76.0"
	versitygwVersion = "1.8.0"
)

// storePrograms are what the tests of releases run: rclone, which every release does, and a real S3 server to release to.
var storePrograms = []goImage{
	{
		folder: "rclone", name: "rclone/rclone", tag: rcloneVersion, version: rcloneVersion, pkg: ".",
		ldflags: "-X github.com/rclone/rclone/fs.Version=v" + rcloneVersion, inputs: []string{"main.go", "go.mod", "go.sum"},
	},
	{
		folder: "versitygw", name: "versity/versitygw", tag: "v" + versitygwVersion, version: versitygwVersion,
		pkg:     "github.com/versity/versitygw/cmd/versitygw",
		ldflags: "-X main.Version=v" + versitygwVersion, inputs: []string{"go.mod", "go.sum"},
	},
}

// storeImages makes their images, one after the other.
func (m *Machine) storeImages(registry, base *step.Step, after []*step.Step) ([]*step.Step, error) {
	var goals []*step.Step
	for _, program := range storePrograms {
		image, err := program.make(m, registry, base, append(after, goals...))
		if err != nil {
			return nil, err
		}
		goals = append(goals, image)
	}
	return goals, nil
}

// StorePrograms are the variables of the environment that name these programs to the tests of package objectstore. Where
// the machine needed no mirror they are built here.
func (m *Machine) StorePrograms(ctx context.Context, log io.Writer) ([]string, error) {
	var variables []string
	for _, program := range storePrograms {
		if !m.Plan.Mirror {
			if err := program.build(ctx, m, log); err != nil {
				return nil, fmt.Errorf("building %s for the tests: %w", program.folder, err)
			}
		}
		variables = append(variables, "TENSORFLOW_CI_"+strings.ToUpper(program.folder)+"="+m.TestProgram(program.folder))
	}
	return variables, nil
}
