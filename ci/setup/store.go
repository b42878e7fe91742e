package setup

import "dagger/tensorflow-ci/ci/step"

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
