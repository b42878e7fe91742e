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

	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/step"
)

const tensorflowName = "tensorflow/tensorflow"

// tensorflows makes one image for each list of requirements in ci/images/tensorflow, and puts it into the registry
// under the name and tag that the upstream image has.
func (m *Machine) tensorflows(registry, base *step.Step) ([]*step.Step, error) {
	folder := m.repository("ci", "images", "tensorflow")
	lists, err := filepath.Glob(filepath.Join(folder, "*.txt")) // sorted: the oldest version, which most projects use, first
	if err != nil || len(lists) == 0 {
		return nil, errors.Join(fmt.Errorf("no list of requirements in %s", folder), err)
	}
	var goals []*step.Step
	var previous *step.Step
	for _, list := range lists {
		version := strings.TrimSuffix(filepath.Base(list), ".txt")
		digest, err := step.Digest(list, filepath.Join(folder, "Dockerfile"))
		if err != nil {
			return nil, err
		}
		tag := tensorflowName + ":" + version
		uses := []*step.Step{registry}
		if previous != nil { // one after the other: both download and pack for a minute
			uses = append(uses, previous)
		}
		image := &step.Step{
			Name:   "tensorflow-" + version,
			What:   "image " + tag + ", from Debian 12 and the wheel; also in the registry",
			Inputs: []string{digest},
			Uses:   uses,
			Needs:  []*step.Step{base},
			Holds: func(ctx context.Context) bool {
				address, err := m.mirror(ctx)
				return err == nil && imageExists(ctx, tag) && hasImage(ctx, address, tensorflowName, version)
			},
			Run: func(ctx context.Context, log io.Writer) error { return m.makeTensorflow(ctx, log, list, version) },
			Try: "a second `up`, where a download was cut off; otherwise the log's last lines name the package that pip refused",
		}
		goals, previous = append(goals, image), image
	}
	return goals, nil
}

func (m *Machine) makeTensorflow(ctx context.Context, log io.Writer, list, version string) error {
	buildContext := m.Folder.Path("images", "tensorflow-"+version)
	if err := os.MkdirAll(buildContext, 0o755); err != nil {
		return err
	}
	if err := copyCertificates(buildContext); err != nil {
		return err
	}
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(buildContext, "requirements.txt"), text, 0o644); err != nil {
		return err
	}
	tag := tensorflowName + ":" + version
	more := []string{"--build-arg", "VERSION=" + version, "--build-arg", fmt.Sprintf("REQUIREMENTS_DIGEST=sha256:%x", sha256.Sum256(text))}
	for _, name := range []string{"PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST"} {
		if value := os.Getenv(name); value != "" {
			more = append(more, "--build-arg", name+"="+value)
		}
	}
	if err := m.build(ctx, log, tag, m.repository("ci", "images", "tensorflow", "Dockerfile"), buildContext, more...); err != nil {
		return err
	}
	address, err := m.mirror(ctx)
	if err != nil {
		return err
	}
	return proc.Command{Args: []string{
		"skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "docker-daemon:" + tag, "docker://" + address + "/" + tag,
	}}.Run(ctx, log)
}
