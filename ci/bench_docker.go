package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"dagger/tensorflow-ci/ci/proc"
)

// certificates is the machine's bundle, which a plain container is given since it may sit behind a company's authority.
const certificates = "/etc/ssl/certs/ca-certificates.crt"

// dockerWay runs the sample project's steps as one would without the line: by `docker run`, each command by hand.
type dockerWay struct {
	root    string // the checkout
	project string
	folder  string // for what a step leaves to the next
	log     io.Writer
}

const (
	benchBase  = "tensorflow/tensorflow:2.16.2"
	benchReady = "tensorflow-ci/bench:ready" // the base with the project's requirements and pytest
	benchMaker = "tensorflow-ci-bench"       // container that benchReady is made of
)

// run is one command in a new container of image. The variables are those that the line sets for a reproducible training.
func (d dockerWay) run(image string, flags []string, command ...string) func(context.Context) error {
	args := []string{
		"docker", "run", "--rm",
		"--volume", d.project + ":/src", "--volume", filepath.Join(d.root, "scripts") + ":/line:ro", "--volume", d.folder + ":/out",
		"--workdir", "/src",
		"--env", "PYTHONDONTWRITEBYTECODE=1", "--env", "TF_CPP_MIN_LOG_LEVEL=2",
		"--env", "TF_NUM_INTRAOP_THREADS=2", "--env", "TF_NUM_INTEROP_THREADS=2",
	}
	if _, err := os.Stat(certificates); err == nil {
		args = append(args, "--volume", certificates+":/ca.crt:ro", "--env", "PIP_CERT=/ca.crt", "--env", "SSL_CERT_FILE=/ca.crt")
	}
	args = append(append(append(args, flags...), image), command...)
	return func(ctx context.Context) error { return proc.Command{Args: args}.Run(ctx, d.log) }
}

// pip installs the project's requirements with pip; nothing is kept between two runs.
func (d dockerWay) pip() func(context.Context) error {
	return d.run(benchBase, nil, "python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--break-system-packages", "--requirement", "requirements.txt")
}

// How uv puts what it has unpacked into its place: without a cache that outlives the install it need not write it twice.
const (
	uvLinks  = "hardlink"
	uvCopies = "copy" // as the line does, whose cache is a volume and so another file system
)

// uv installs the same set, bytecode included as pip does; uv itself is there before the clock starts.
func (d dockerWay) uv(links string) func(context.Context) error {
	return d.run(benchBase, []string{"--env", "UV_COMPILE_BYTECODE=1", "--env", "PYC_INVALIDATION_MODE=UNCHECKED_HASH", "--env", "UV_LINK_MODE=" + links},
		"/out/uv/bin/uv", "pip", "install", "--quiet", "--no-cache", "--system", "--break-system-packages", "--requirements", "requirements.txt")
}

// prepare puts uv into the folder, and makes the image that the other steps run in.
func (d dockerWay) prepare(ctx context.Context) error {
	install := []string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--break-system-packages"}
	if err := d.run(benchBase, nil, append(slices.Clone(install), "--target", "/out/uv", "--require-hashes", "--requirement", "/line/requirements/uv.txt")...)(ctx); err != nil {
		return err
	}
	remove := proc.Command{Args: []string{"docker", "rm", "--force", benchMaker}}
	if err := remove.Run(ctx, d.log); err != nil {
		return err
	}
	// not --rm: the container becomes the image
	install = append(install, "--requirement", "requirements.txt", "pytest==9.2.0", "pytest-cov==7.1.0")
	fill := d.run(benchBase, []string{"--rm=false", "--name", benchMaker}, install...)
	if err := fill(ctx); err != nil {
		return err
	}
	if err := (proc.Command{Args: []string{"docker", "commit", benchMaker, benchReady}}).Run(ctx, d.log); err != nil {
		return err
	}
	return remove.Run(ctx, d.log)
}

// remove takes away what prepare made.
func (d dockerWay) remove(ctx context.Context) {
	if err := (proc.Command{Args: []string{"docker", "rmi", "--force", benchReady}}).Run(ctx, d.log); err != nil {
		fmt.Fprintln(d.log, err) // an image too many is no reason to lose the figures
	}
}

func (d dockerWay) test() func(context.Context) error {
	return d.run(benchReady, nil, "python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--cov=src", "--cov-report=xml:/out/coverage.xml", "--junitxml=/out/junit.xml", "tests")
}

// train is the line's own command, without what the line does around it.
func (d dockerWay) train() func(context.Context) error {
	return d.run(benchReady, nil, "python3", "/line/seeded.py", "7", "host", "train.py",
		"--data-path", "data", "--model-dir", "/out/model", "--log-dir", "/out/logs", "--epochs=50")
}

func (d dockerWay) evaluate() func(context.Context) error {
	return d.run(benchReady, nil, "python3", "/line/evaluate.py", "--model", "/out/model", "--data", "data/held-out.csv",
		"--label", "is_phishing", "--slices", "age_of_domain", "--out", "/out/evaluation.json")
}
