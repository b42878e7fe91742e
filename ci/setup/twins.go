package setup

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"dagger/tensorflow-ci/ci/step"
)

const (
	tensorflowName   = "tensorflow/tensorflow"
	tensorflowFolder = "tensorflow"
	layerName        = "tensorflow-ci/on-twin" // in the daemon: the files that a variant has beside its twin
	layerTag         = "-files"                // end of their tag in the registry
)

// twin is what a stand-in of TensorFlow's image takes after: the published image, as it was on one day.
type twin struct {
	day          string // of which the packages are
	distribution string // name under which TensorFlow is installed; which one the published image has is not known
	ubuntu       string // release that it calls itself, of that day
}

// twins are the stand-ins of TensorFlow's image, by tag; the list of each is made of the index as it was on its day.
var twins = map[string]twin{
	"2.16.2": {"2024-06-30", "tensorflow-cpu", "22.04.4"},
	"2.21.0": {"2026-03-20", "tensorflow", "22.04.5"},
}

// arguments are what the twin's Dockerfile is told.
func (t twin) arguments() []string {
	return []string{"--build-arg", "DAY=" + t.day, "--build-arg", "DISTRIBUTION=" + t.distribution, "--build-arg", "UBUNTU=" + t.ubuntu}
}

// twinVariants are small layers on each twin, by the end of their tag: with the tool for authorities, and in the role of the
// image for GPUs. Their Dockerfile is called so too.
var twinVariants = []string{"ca", "gpu"}

// variants makes the variants of the twins, which only the acceptance tests need; the steps of the twins are among after.
func (m *Machine) variants(registry, base *step.Step, after []*step.Step) ([]*step.Step, error) {
	stands, err := m.stands()
	if err != nil {
		return nil, err
	}
	var goals []*step.Step
	for _, of := range stands {
		if of.repository != tensorflowName {
			continue
		}
		at := slices.IndexFunc(after, func(s *step.Step) bool { return s.Name == of.step })
		if at < 0 {
			return nil, fmt.Errorf("the variants of %s are built on the image of the step %s, and there is none", of.reference, of.step)
		}
		for _, variant := range twinVariants {
			dockerfile := m.repository("ci", "images", tensorflowFolder, "Dockerfile."+variant)
			digest, err := step.Digest(dockerfile)
			if err != nil {
				return nil, err
			}
			s := stand{
				step: of.step + "-" + variant, tag: of.tag + "-" + variant, reference: layerName + ":" + of.tag + "-" + variant, repository: of.repository,
				dockerfile: dockerfile, buildContext: m.Folder.Path("images", of.step+"-"+variant),
				arguments: []string{"--build-arg", "BASE=" + of.reference},
			}
			goals = append(goals, &step.Step{
				Name:   s.step,
				What:   "image " + of.reference + "-" + variant + ", a few files on " + of.reference + "; in the registry alone",
				Inputs: []string{digest},
				Uses:   []*step.Step{registry},
				Needs:  []*step.Step{base, after[at]},
				Holds: func(ctx context.Context) bool {
					address, err := m.mirror(ctx)
					return err == nil && hasImage(ctx, address, s.repository, s.tag)
				},
				Run: func(ctx context.Context, log io.Writer) error { return m.makeVariant(ctx, log, s, of.tag) },
			})
		}
	}
	return goals, nil
}

// makeVariant builds a variant's files and puts them on its twin, which has the given tag.
func (m *Machine) makeVariant(ctx context.Context, log io.Writer, s stand, of string) error {
	if err := os.MkdirAll(s.buildContext, 0o755); err != nil {
		return err
	}
	if err := m.build(ctx, log, s.reference, s.dockerfile, s.buildContext, append(s.arguments, "--build-arg", "VERSION="+of)...); err != nil {
		return err
	}
	files := s.tag + layerTag
	if err := m.mirrorImage(ctx, log, s.reference, s.repository+":"+files); err != nil {
		return err
	}
	address, err := m.mirror(ctx)
	if err != nil {
		return err
	}
	return repository("http://"+address+"/v2/"+s.repository).layer(ctx, of, files, s.tag)
}
