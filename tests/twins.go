package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

const (
	tensorflowImage = "tensorflow/tensorflow"
	baseDigest      = "org.opencontainers.image.base.digest"
	titleLabel      = "org.opencontainers.image.title"
)

// twinRequirements ask for TensorFlow by either of its names, whichever the image has, and for a package of which the image's
// system has an older version, further back on Python's path.
const twinRequirements = "tensorflow>=2.16\ntensorflow-cpu>=2.16\npyparsing==3.2.3\n"

// twins: the main path runs on images as they were published, with what these have beside TensorFlow, under each of its
// names and for each role.
func (t *Tests) twins() []check {
	var checks []check
	for _, version := range []struct{ tag, numpy string }{{"2.16.2", "1.26.4"}, {"2.21.0", "2.4.3"}} {
		checks = append(checks,
			check{"twins/the main path, from a lock, on TensorFlow " + version.tag, func(ctx context.Context) error {
				project := onTwin(version.tag, "requirements: uv.lock\n").
					WithNewFile("pyproject.toml", ofFiles("testdata/locked/pyproject.toml")).
					WithNewFile("uv.lock", ofFiles("testdata/locked/uv.lock"))
				out, err := mainPath(ctx, project, version.numpy)
				if err != nil {
					return err
				}
				return holds(ctx, out.File("reports/steps.json"),
					"passed; uv.lock: numpy 2.4.6 is locked, and the image's numpy "+version.numpy+" is used")
			}},
			check{"twins/the main path where authorities are installed, on TensorFlow " + version.tag, func(ctx context.Context) error {
				_, err := mainPath(ctx, onTwin(version.tag+"-ca", "").WithNewFile("requirements.txt", twinRequirements), version.numpy)
				return err
			}},
			check{"twins/a project for GPUs is published on the image for GPUs, another on its own, TensorFlow " + version.tag, func(ctx context.Context) error {
				for _, gpus := range []string{"", "all"} {
					if err := onItsOwnBase(ctx, version.tag, gpus); err != nil {
						return err
					}
				}
				return nil
			}},
		)
	}
	checks = append(checks,
		check{"twins/what a project asks for itself does not yield to the image", func(ctx context.Context) error {
			asking := strings.Replace(ofFiles("testdata/locked/pyproject.toml"), "numpy>=1.26", "numpy==2.4.6", 1)
			project := onTwin("2.21.0", "requirements: uv.lock\n").
				WithNewFile("pyproject.toml", asking).
				WithNewFile("uv.lock", ofFiles("testdata/locked/uv.lock"))
			_, err := line(project).Environment().Sync(ctx)
			return refused(err, "pyproject.toml asks for numpy==2.4.6, and the image's numpy is 2.4.3", "or choose another image")
		}},
		check{"twins/an older TensorFlow by its other name", func(ctx context.Context) error {
			project := onTwin("2.21.0", "").WithNewFile("requirements.txt", "tensorflow-cpu<2.21\n")
			_, err := line(project).Environment().Sync(ctx)
			return refused(err, "requirements.txt", "tensorflow")
		}},
	)
	if t.Database == "" {
		return checks
	}
	return append(checks, check{"twins/the image for GPUs is what the registry holds", func(ctx context.Context) error {
		published, err := ofGPUs("2.16.2", "all").Publish(ctx, t.registry()+"/tests/tiny-gpu:1")
		if err != nil {
			return err
		}
		return forGPUs(ctx, dag.Container().From(published), true)
	}})
}

// onTwin is a tiny project on one of the images, with more settings.
func onTwin(tag, settings string) *dagger.Directory {
	forGPUs := strings.TrimSuffix(tag, "-ca") + "-gpu"
	return tiny().WithNewFile("tensorflow-ci.yaml", fmt.Sprintf("version: 1\nmodel: tiny\nimages: {tensorflow: %q, tensorflow-gpu: %q}\n"+
		"evaluate: {data: data/held-out.csv, label: y}\n%s", tensorflowImage+":"+tag, tensorflowImage+":"+forGPUs, settings))
}

// mainPath runs a project, and wants a manifest that names each package as Python imports it, and an image of it.
func mainPath(ctx context.Context, project *dagger.Directory, numpy string) (*dagger.Directory, error) {
	out, err := line(project).Pipeline().Sync(ctx)
	if err != nil {
		return nil, err
	}
	text, err := out.File("manifest.json").Contents(ctx)
	if err != nil {
		return nil, err
	}
	var manifest struct {
		CanonicalDigest string
		Requirements    struct {
			Installed []struct{ Name, Version string }
		}
	}
	if err := json.Unmarshal([]byte(text), &manifest); err != nil {
		return nil, err
	}
	installed := map[string]string{}
	for _, one := range manifest.Requirements.Installed {
		installed[one.Name] = one.Version
	}
	imported, err := line(project).Environment().
		WithExec([]string{"python3", "-c", "import numpy, pyparsing; print(numpy.__version__, pyparsing.__version__)"}).Stdout(ctx)
	if err != nil {
		return nil, err
	}
	if got := installed["numpy"] + " " + installed["pyparsing"]; got != numpy+" 3.2.3" || got != strings.TrimSpace(imported) {
		return nil, fmt.Errorf("the manifest says NumPy and pyparsing %s, Python imports %s, want %s 3.2.3", got, strings.TrimSpace(imported), numpy)
	}
	if (installed["tensorflow"] == "") == (installed["tensorflow-cpu"] == "") {
		return nil, fmt.Errorf("the manifest has TensorFlow as %q and %q, want one of them", installed["tensorflow"], installed["tensorflow-cpu"])
	}
	digest, err := line(project).ImageDigest(ctx)
	if err == nil && (!strings.HasPrefix(digest, "sha256:") || manifest.CanonicalDigest == "") {
		err = fmt.Errorf("the image's digest is %q, the model's %q", digest, manifest.CanonicalDigest)
	}
	return out, err
}

// ofGPUs is the line on a project that asks for GPUs, or for none.
func ofGPUs(tag, gpus string) *dagger.TensorflowCi {
	return dag.TensorflowCi(dagger.TensorflowCiOpts{Source: onTwin(tag, ""), Set: always, Gpus: gpus})
}

// onItsOwnBase wants a project's image to be built on the image of its role.
func onItsOwnBase(ctx context.Context, tag, gpus string) error {
	role := tensorflowImage + ":" + tag
	if gpus != "" {
		role += "-gpu"
	}
	reference, err := dag.Container().From(role).ImageRef(ctx)
	if err != nil {
		return err
	}
	_, want, _ := strings.Cut(reference, "@")
	image := ofGPUs(tag, gpus).Image()
	if got, err := image.Label(ctx, baseDigest); err != nil || got != want || want == "" {
		return fmt.Errorf("with GPUs %q the image is built on %s (%v), want %s of %s", gpus, got, err, want, role)
	}
	if title, err := image.Label(ctx, titleLabel); err != nil || strings.Contains(title, "GPU") != (gpus != "") {
		return fmt.Errorf("with GPUs %q the base is %q (%v)", gpus, title, err)
	}
	return forGPUs(ctx, image, gpus != "")
}

// forGPUs wants an image to have what only the image for GPUs has, in its environment and below etc and var; or nothing of it.
func forGPUs(ctx context.Context, image *dagger.Container, want bool) error {
	visible, err := image.EnvVariable(ctx, "NVIDIA_VISIBLE_DEVICES")
	if err != nil {
		return err
	}
	linked, err := image.Rootfs().Directory("etc/ld.so.conf.d").Entries(ctx)
	if err != nil {
		return err
	}
	listed, err := image.File("/var/lib/dpkg/status").Contents(ctx)
	if err != nil {
		return err
	}
	for what, has := range map[string]bool{
		"NVIDIA_VISIBLE_DEVICES":        visible == "all",
		"/etc/ld.so.conf.d/nvidia.conf": strings.Contains(strings.Join(linked, "\n"), "nvidia.conf"),
		"the package libcudnn8":         strings.Contains(listed, "\nPackage: libcudnn8\n"),
	} {
		if has != want {
			return fmt.Errorf("the image has %s: %t, want %t", what, has, want)
		}
	}
	return nil
}
