package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"dagger/tensorflow-ci/ci/step"
)

const (
	servingName   = "tensorflow/serving"
	servingFolder = "serving-standin"
)

// servingVersions are the tags of TensorFlow Serving that have a stand-in, and the TensorFlow image that each is built on: the
// one of the same line of versions.
var servingVersions = []struct{ tag, tensorflow string }{
	{"2.16.1", "2.16.2"},
	{"2.21.0", "2.21.0"},
}

// servingStandIns makes the stand-ins for TensorFlow Serving, which only the acceptance tests need; the steps of the images that
// they are built on are among after.
func (m *Machine) servingStandIns(registry, _ *step.Step, after []*step.Step) ([]*step.Step, error) {
	var goals []*step.Step
	for _, version := range servingVersions {
		base := "tensorflow-" + version.tensorflow
		at := slices.IndexFunc(after, func(s *step.Step) bool { return s.Name == base })
		if at < 0 {
			return nil, fmt.Errorf("the stand-in for %s:%s is built on the image of the step %s, and there is none", servingName, version.tag, base)
		}
		s, err := m.servingStandIn(version.tag, version.tensorflow)
		if err != nil {
			return nil, err
		}
		goals = append(goals, &step.Step{
			Name:   s.step,
			What:   "image " + s.reference + ", a stand-in: TensorFlow in Python behind Serving's APIs; also in the registry",
			Inputs: []string{s.inputs},
			Uses:   []*step.Step{registry},
			Needs:  []*step.Step{after[at]},
			Holds:  func(ctx context.Context) bool { return m.holdsImage(ctx, s) },
			Run:    func(ctx context.Context, log io.Writer) error { return m.makeServingStandIn(ctx, log, s) },
		})
	}
	return goals, nil
}

// servingStandIn describes one image; its programs decide it as much as its list does.
func (m *Machine) servingStandIn(tag, tensorflow string) (stand, error) {
	folder := m.repository("ci", "images", servingFolder)
	list, dockerfile := filepath.Join(folder, tag+".txt"), filepath.Join(folder, "Dockerfile")
	programs, err := filepath.Glob(filepath.Join(folder, "standin", "*.py"))
	if err != nil {
		return stand{}, err
	}
	digest, err := step.Digest(append(programs, list, dockerfile)...)
	if err != nil {
		return stand{}, err
	}
	name := "serving-" + tag
	return stand{
		step: name, tag: tag, reference: servingName + ":" + tag, repository: servingName, list: list, dockerfile: dockerfile,
		buildContext: m.Folder.Path("images", name), inputs: digest, arguments: []string{"--build-arg", "BASE=" + tensorflowName + ":" + tensorflow},
	}, nil
}

func (m *Machine) makeServingStandIn(ctx context.Context, log io.Writer, s stand) error {
	programs := filepath.Join(s.buildContext, "standin")
	if err := os.RemoveAll(programs); err != nil {
		return err
	}
	err := copyTree(ctx, m.repository("ci", "images", servingFolder, "standin"), programs, func(path string) bool {
		return path == "." || strings.HasSuffix(path, ".py")
	})
	if err != nil {
		return err
	}
	return m.makeImage(ctx, log, s)
}
