package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"dagger/tensorflow-ci/ci/proc"
)

// certificates is the machine's bundle, which a plain container is given since it may sit behind a company's authority.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// The images, all but the first made here and known by a label, which what is built from them inherits.
const (
	baseImage  = "tensorflow/tensorflow:2.21.0"
	readyImage = "tensorflow-ci/bench:ready" // the base with the project's requirements and pytest
	benchLabel = "tensorflow-ci.bench"
	maker      = "tensorflow-ci-bench" // container that readyImage is made of
)

// docker does the line's work as one would without it: each command by hand.
type docker struct {
	place   Place
	project *project
	uv      func(ctx context.Context) error // puts uv into the folder, once
	ready   func(ctx context.Context) error // makes readyImage, once
}

func newDocker(place Place) *docker {
	d := &docker{place: place}
	d.uv = once(d.fetchUv)
	d.ready = once(d.makeReady)
	return d
}

// once makes a preparation that several groups need one that is done by the first of them.
func once(do func(ctx context.Context) error) func(ctx context.Context) error {
	var made sync.Once
	var err error
	return func(ctx context.Context) error {
		made.Do(func() { err = do(ctx) })
		return err
	}
}

// folder is where a command leaves what the next one needs.
func (d *docker) folder() string { return filepath.Join(d.place.Folder, "docker-out") }

// prepare makes the project and the folder, once.
func (d *docker) prepare() (err error) {
	if d.project != nil {
		return nil
	}
	if err := os.MkdirAll(d.folder(), 0o755); err != nil {
		return err
	}
	d.project, err = copyProject(d.place.Root, filepath.Join(d.place.Folder, "docker"))
	return err
}

// run is one command in a new container of image, on a folder of code.
func (d *docker) run(ctx context.Context, code, image string, flags []string, command ...string) error {
	args := []string{
		"docker", "run", "--rm",
		"--volume", code + ":/src", "--volume", filepath.Join(d.place.Root, "scripts") + ":/line:ro", "--volume", d.folder() + ":/out",
		"--workdir", "/src",
		"--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "TF_CPP_MIN_LOG_LEVEL=2",
	}
	if _, err := os.Stat(certificates); err == nil {
		args = append(args, "--volume", certificates+":/ca.crt:ro", "--env", "PIP_CERT=/ca.crt", "--env", "SSL_CERT_FILE=/ca.crt")
	}
	return proc.Command{Args: slices.Concat(args, flags, []string{image}, command)}.Run(ctx, d.place.Log)
}

// threads are those that the line sets for a training that is reproducible on this machine.
var threads = []string{"--env", "TF_NUM_INTRAOP_THREADS=2", "--env", "TF_NUM_INTEROP_THREADS=2"}

// inReady is one of the line's commands, on the project and with all packages there.
func (d *docker) inReady(ctx context.Context, command ...string) error {
	return d.run(ctx, d.project.folder, readyImage, threads, command...)
}

// The line's commands by hand.
const (
	testByHand     = "test by docker run"
	trainByHand    = "train by docker run"
	evaluateByHand = "evaluate by docker run"
)

func (d *docker) test(ctx context.Context) error {
	return d.inReady(ctx, "python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=src", "--cov-report=xml:/out/coverage.xml", "--junitxml=/out/junit.xml", "tests")
}

// train is the line's own command, flag by flag, without what the line does around it.
func (d *docker) train(ctx context.Context) error {
	return d.inReady(ctx, "python3", "/line/seeded.py", "7", "host", "train.py",
		"--data-path", "data", "--model-dir", "/out/model", "--log-dir", "/out/logs", "--checkpoint-dir", "/out/checkpoints", "--epochs=50")
}

// evaluation is the command that judges the model, the same with the line and without it.
var evaluation = []string{
	"python3", "/line/evaluate.py", "--model", "/out/model", "--data", "data/held-out.csv",
	"--label", "is_phishing", "--slices", "age_of_domain", "--out", "/out/evaluation.json",
}

func (d *docker) evaluate(ctx context.Context) error { return d.inReady(ctx, evaluation...) }

// makeReady installs what test, train and evaluate need, and keeps the container as an image.
func (d *docker) makeReady(ctx context.Context) error {
	if err := d.prepare(); err != nil {
		return err
	}
	remove := proc.Command{Args: []string{"docker", "rm", "--force", maker}}
	if err := remove.Run(ctx, d.place.Log); err != nil {
		return err
	}
	// not --rm: the container becomes the image
	if err := d.run(ctx, d.project.folder, baseImage, []string{"--rm=false", "--name", maker}, append(pipInstall(), testTools...)...); err != nil {
		return err
	}
	commit := proc.Command{Args: []string{"docker", "commit", "--change", "LABEL " + benchLabel + "=ready", maker, readyImage}}
	if err := commit.Run(ctx, d.place.Log); err != nil {
		return err
	}
	return remove.Run(ctx, d.place.Log)
}

// clean removes the images that were made here. What it cannot remove is told and is no failure: the figures are whole.
func (d *docker) clean(ctx context.Context) {
	list := proc.Command{Args: []string{"docker", "image", "ls", "--quiet", "--filter", "label=" + benchLabel}}
	images, err := list.Output(ctx) // the newest first: what was built before what it was built from
	if err == nil && images != "" {
		err = proc.Command{Args: append([]string{"docker", "image", "rm", "--force"}, strings.Fields(images)...)}.Run(ctx, d.place.Log)
	}
	if err != nil {
		fmt.Fprintln(d.place.Log, err)
	}
}
