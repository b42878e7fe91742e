package setup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"dagger/tensorflow-ci/ci/step"
)

// mirrored are the images that a project can ask for by the name of the upstream one: a folder below ci/images with a
// Dockerfile and, for each tag, a list of Python packages.
var mirrored = []struct {
	folder     string
	name       string // as a project writes it
	repository string // as the registry knows it: an official image lies in library/
}{
	{tensorflowFolder, tensorflowName, tensorflowName},
	{"node", "node", "library/node"},
	{"python", "python", "library/python"},
}

// stand is one image of the mirror.
type stand struct {
	step         string
	tag          string
	reference    string // in the daemon
	repository   string // in the registry
	list         string
	dockerfile   string
	buildContext string
	inputs       string   // digest of list and Dockerfile
	arguments    []string // to the build, beside those that all images have
}

// stands finds the images to make: for each of mirrored, its lists in the order of their names.
func (m *Machine) stands() ([]stand, error) {
	var found []stand
	for _, image := range mirrored {
		folder := m.repository("ci", "images", image.folder)
		lists, err := filepath.Glob(filepath.Join(folder, "*.txt"))
		if err != nil || len(lists) == 0 {
			return nil, errors.Join(fmt.Errorf("no list of packages in %s", folder), err)
		}
		for _, list := range lists {
			tag := strings.TrimSuffix(filepath.Base(list), ".txt")
			dockerfile := filepath.Join(folder, "Dockerfile")
			digest, err := step.Digest(list, dockerfile)
			if err != nil {
				return nil, err
			}
			s := stand{
				step: image.folder + "-" + tag, tag: tag, reference: image.name + ":" + tag, repository: image.repository,
				list: list, dockerfile: dockerfile, buildContext: m.Folder.Path("images", image.folder+"-"+tag), inputs: digest,
			}
			if image.folder == tensorflowFolder {
				of, known := twins[tag]
				if !known {
					return nil, fmt.Errorf("%s: no day is known whose packages these are: add one to twins in ci/setup/twins.go", list)
				}
				s.arguments = of.arguments()
			}
			found = append(found, s)
		}
	}
	return found, nil
}

// images makes each image of the mirror, and puts it into the registry under the name that the upstream one has.
func (m *Machine) images(registry, base *step.Step) ([]*step.Step, error) {
	stands, err := m.stands()
	if err != nil {
		return nil, err
	}
	var goals []*step.Step
	uses := []*step.Step{registry}
	for _, s := range stands {
		image := &step.Step{
			Name:   s.step,
			What:   "image " + s.reference + ", from Debian 12 and wheels; also in the registry",
			Inputs: append([]string{s.inputs}, s.arguments...),
			Uses:   uses,
			Needs:  []*step.Step{base},
			Holds:  func(ctx context.Context) bool { return m.holdsImage(ctx, s) },
			Run:    func(ctx context.Context, log io.Writer) error { return m.makeImage(ctx, log, s) },
			Try:    "a second `up`, where a download was cut off; otherwise the log's last lines name the package that pip refused",
		}
		// one after the other: each downloads and packs for a minute or two
		goals, uses = append(goals, image), []*step.Step{registry, image}
	}
	return goals, nil
}

// holdsImage tells whether an image is in the daemon and in the registry.
func (m *Machine) holdsImage(ctx context.Context, s stand) bool {
	address, err := m.mirror(ctx)
	return err == nil && imageExists(ctx, s.reference) && hasImage(ctx, address, s.repository, s.tag)
}

func (m *Machine) makeImage(ctx context.Context, log io.Writer, s stand) error {
	if err := os.MkdirAll(s.buildContext, 0o755); err != nil {
		return err
	}
	if err := copyCertificates(s.buildContext); err != nil {
		return err
	}
	text, err := os.ReadFile(s.list)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.buildContext, "requirements.txt"), text, 0o644); err != nil {
		return err
	}
	version, _, _ := strings.Cut(s.tag, "-")
	more := []string{"--build-arg", "VERSION=" + version, "--build-arg", fmt.Sprintf("REQUIREMENTS_DIGEST=sha256:%x", sha256.Sum256(text))}
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"} {
		if value := os.Getenv(name); value != "" {
			more = append(more, "--build-arg", name+"="+value)
		}
	}
	if err := m.build(ctx, log, s.reference, s.dockerfile, s.buildContext, append(more, s.arguments...)...); err != nil {
		return err
	}
	return m.mirrorImage(ctx, log, s.reference, s.repository+":"+s.tag)
}
