package bench

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"dagger/tensorflow-ci/ci/proc"
)

// seed is how a project does without the line, on the same images and data, in two ways: a GitLab pipeline of three jobs on
// TensorFlow's image, and a Dockerfile.
//
// The jobs keep nothing from one pipeline to the next, so whatever changed, all is done again: one measurement stands for
// every kind of change. A Dockerfile does keep layers, and is measured for each kind.
type seed struct {
	*docker
	image *project // what the Dockerfile is built from
}

func newSeed(d *docker) *seed { return &seed{docker: d} }

const (
	threeJobs         = "three jobs by docker run, each installs"
	buildUnchanged    = "docker build, nothing changed"
	buildCode         = "docker build, only train.py changed"
	buildRequirements = "docker build, only the requirements changed"

	certifiedImage = "tensorflow-ci/bench:base" // the base that also knows the machine's authorities
	builtImage     = "tensorflow-ci/bench:seed"
)

// dockerfile has the shape that people write first: everything is copied, then installed, so that a change of any file installs
// again. Where the requirements are copied before the rest, a change of code tests and trains alone. No evaluation is part of it.
const dockerfile = `FROM ` + certifiedImage + `
WORKDIR /src
COPY . .
RUN python3 -m pip install --quiet --no-cache-dir --break-system-packages --requirement requirements.txt pytest==9.2.0 pytest-cov==7.1.0
RUN python3 -m pytest -q tests
RUN python3 train.py --data-path data --model-dir /out/model --log-dir /out/logs --epochs=50
`

// certified is the base with the authorities that a download may need, which has no part in what is measured.
const (
	certified = `FROM ` + baseImage + `
ENV PYTHONDONTWRITEBYTECODE=1 TF_CPP_MIN_LOG_LEVEL=2
LABEL ` + benchLabel + `=seed
`
	withAuthorities = `COPY ca.crt /ca.crt
ENV PIP_CERT=/ca.crt SSL_CERT_FILE=/ca.crt
`
)

// group sets the line's runs against both ways. A build in which nothing changed only asks Docker's cache, and looks at no
// scan: that ratio is told and has no goal.
func (s *seed) group(line *line) Group {
	return Group{
		Name: "seed",
		Prepare: func(ctx context.Context) error {
			if err := line.prepare(ctx); err != nil {
				return err
			}
			return s.prepareBuild(ctx)
		},
		Measurements: []Measurement{
			{Name: threeJobs, Timed: s.jobs},
			{Name: buildRequirements, Before: s.changeRequirements, Timed: s.build},
			{Name: buildCode, Before: s.changeCode, Timed: s.build},
			{Name: buildUnchanged, Before: s.build, Timed: s.build},
			line.unchanged(),
			line.code(),
			{Name: runRequirements, Before: line.changeRequirements, Timed: line.run()},
		},
		Claims: []Claim{
			ratio(atMost(0.03), runUnchanged, threeJobs),
			ratio(atMost(0.30), runCode, threeJobs),
			ratio(atMost(0.60), runRequirements, threeJobs),
			ratio(Goal{}, runUnchanged, buildUnchanged),
			ratio(atMost(0.30), runCode, buildCode),
			ratio(atMost(0.60), runRequirements, buildRequirements),
		},
	}
}

// jobs are the pipeline: one after the other, as its stages are. A job's script runs in a shell, as GitLab's do.
func (s *seed) jobs(ctx context.Context) error {
	install := strings.Join(pipInstall(), " ")
	for _, script := range []string{
		install + " " + strings.Join(testTools, " ") + " && python3 -m pytest -q -p no:cacheprovider tests",
		install + " && python3 train.py --data-path data --model-dir /out/seed-model --log-dir /out/seed-logs --epochs=50",
		install + " && " + strings.ReplaceAll(strings.Join(evaluation, " "), "/out/model", "/out/seed-model"),
	} {
		if err := s.run(ctx, s.project.folder, baseImage, nil, "sh", "-ec", script); err != nil {
			return err
		}
	}
	return nil
}

func (s *seed) changeCode(ctx context.Context) error         { return s.image.changeCode(ctx) }
func (s *seed) changeRequirements(ctx context.Context) error { return s.image.changeRequirements(ctx) }

// prepareBuild makes the folder that is built from and the image that it begins with.
func (s *seed) prepareBuild(ctx context.Context) (err error) {
	if err := s.prepare(); err != nil {
		return err
	}
	if s.image, err = copyProject(s.place.Root, filepath.Join(s.place.Folder, "build")); err != nil {
		return err
	}
	base, recipe := filepath.Join(s.place.Folder, "build-base"), certified
	if err := os.MkdirAll(base, 0o755); err != nil {
		return err
	}
	if authorities, err := os.ReadFile(certificates); err == nil { // where a machine has none there, the image's own do
		recipe += withAuthorities
		if err := os.WriteFile(filepath.Join(base, "ca.crt"), authorities, 0o644); err != nil {
			return err
		}
	}
	for folder, text := range map[string]string{base: recipe, s.image.folder: dockerfile} {
		if err := os.WriteFile(filepath.Join(folder, "Dockerfile"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return s.dockerBuild(ctx, certifiedImage, base)
}

func (s *seed) build(ctx context.Context) error {
	return s.dockerBuild(ctx, builtImage, s.image.folder)
}

// dockerBuild uses the classic builder, which every daemon has and which the machine's own images are built by.
func (s *seed) dockerBuild(ctx context.Context, tag, folder string) error {
	return proc.Command{Args: []string{"docker", "build", "--tag", tag, folder}, Env: []string{"DOCKER_BUILDKIT=0"}}.Run(ctx, s.place.Log)
}
