// Acceptance tests of the line: every function, and every gate stopping what it is there to stop.
//
//	dagger call -m tests all
//	dagger call -m tests all --only train/
package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tests/internal/dagger"
)

// Tests runs the line on real and on broken projects.
type Tests struct {
	// +private
	Phishing *dagger.Directory
	// +private
	Digits *dagger.Directory
	// +private
	Scripts *dagger.Directory
	// +private
	Kubernetes *dagger.File
	// +private
	Standin *dagger.Directory
	// +private
	Checkout *dagger.Directory
	// +private
	Database string
}

// New takes the sample projects.
func New(
	// Project on phishing web sites, the repository's own by default.
	// +defaultPath="/testdata/phishing"
	// +ignore=["**/__pycache__"]
	phishing *dagger.Directory,
	// Project on handwritten digits, the repository's own by default.
	// +defaultPath="/testdata/digits"
	// +ignore=["**/__pycache__"]
	digits *dagger.Directory,
	// The line's own programs, with their tests.
	// +defaultPath="/scripts"
	// +ignore=["**/__pycache__"]
	scripts *dagger.Directory,
	// Stand-in for a Kubernetes API server.
	// +defaultPath="/ci/images/kubernetes-standin/server.py"
	kubernetes *dagger.File,
	// The stand-in for TensorFlow Serving, with its tests.
	// +defaultPath="/ci/images/serving-standin"
	// +ignore=["**/__pycache__"]
	standin *dagger.Directory,
	// A checkout with the module and the example of a Python caller, which loads it from there.
	// +defaultPath="/"
	// +ignore=[".*", "*.md", "ci", "docs", "examples/*", "!examples/python", "out", "testdata", "*/testdata", "tests", "templates", "scripts/vectors", "**/__pycache__", "**/*_test.*"]
	checkout *dagger.Directory,
	// Reference of a vulnerability database in a registry of this machine, which also has :empty, :old, :truncated and :no-ubuntu of it
	// and takes pushes to tests/. Without one, the public database is used and what needs the others is left out.
	// Example: 172.17.0.1:5000/aquasec/trivy-db:2
	// +optional
	database string,
) *Tests {
	return &Tests{Phishing: phishing, Digits: digits, Scripts: scripts, Kubernetes: kubernetes, Standin: standin, Checkout: checkout, Database: database}
}

// check is one named claim about the line.
type check struct {
	name string
	run  func(context.Context) error
}

// All runs every test, a few at a time, and fails if one does.
//
// +cache="never"
func (t *Tests) All(
	ctx context.Context,
	// Run only the tests whose name contains one of these texts. Example: environment/,train/
	// +optional
	only []string,
	// Tests that run at the same time.
	// +default=3
	parallel int,
	// Run only one part of the tests, each in a session of its own: what an engine keeps for a session it can give up
	// between two. Example: 2/4
	// +optional
	part string,
) (string, error) {
	if t.Database != "" {
		always = []string{"scan.database=" + t.Database}
	}
	var checks []check
	for _, group := range t.groups() {
		for _, check := range group {
			if chosen(check.name, only) {
				checks = append(checks, check)
			}
		}
	}
	if len(checks) == 0 {
		return "", fmt.Errorf("no test is called %q", only)
	}
	checks, err := parted(checks, part)
	if err != nil {
		return "", err
	}
	var (
		lines  = make([]string, len(checks))
		failed atomic.Int32
		group  errgroup.Group
	)
	group.SetLimit(max(1, parallel))
	for i, check := range checks {
		group.Go(func() error {
			began := time.Now()
			err := check.run(ctx)
			lines[i] = fmt.Sprintf("ok   %-60s %5.1f s", check.name, time.Since(began).Seconds())
			if err != nil {
				failed.Add(1)
				lines[i] = "FAIL" + lines[i][4:] + "\n     " + strings.ReplaceAll(err.Error(), "\n", "\n     ")
			}
			fmt.Println(lines[i]) // for who watches: the report comes at the end
			return nil
		})
	}
	_ = group.Wait() // each test's own failure is in the report
	report := fmt.Sprintf("%s\n%d passed, %d failed\n", strings.Join(lines, "\n"), len(checks)-int(failed.Load()), failed.Load())
	if failed.Load() > 0 {
		return "", fmt.Errorf("acceptance tests:\n%s", report)
	}
	return report, nil
}

// groups are all tests, in the order in which they run.
func (t *Tests) groups() [][]check {
	return [][]check{
		t.scripts(), t.settings(), t.environment(), t.index(), t.lint(), t.tests(), t.gpu(), t.training(), t.resume(), t.checkpoints(),
		t.experiments(), t.workers(), t.evaluation(), t.handover(), t.exports(), t.scan(), t.faultyScans(), t.images(), t.platforms(), t.twins(),
		t.serving(), t.pipeline(), t.attest(), t.verify(), t.reproducible(), t.scanSystems(), t.data(), t.bucket(), t.explain(),
		t.release(), t.cluster(), t.logs(), t.bundle(), t.report(), t.browser(), t.python(),
	}
}

// parted is one part of the tests, such as 2/4: the second of four of equal size. All of them where part is empty.
func parted(checks []check, part string) ([]check, error) {
	if part == "" {
		return checks, nil
	}
	var number, of int
	if _, err := fmt.Sscanf(part, "%d/%d", &number, &of); err != nil || number < 1 || number > of {
		return nil, fmt.Errorf("--part %q: want one such as 2/4", part)
	}
	return checks[(number-1)*len(checks)/of : number*len(checks)/of], nil
}

// chosen tells whether a name contains one of the texts; every name is chosen where there is none.
func chosen(name string, texts []string) bool {
	return len(texts) == 0 || slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(name, text) })
}

// refused wants err to be a message that holds every one of parts, and no trace of a crash.
func refused(err error, parts ...string) error {
	if err == nil {
		return fmt.Errorf("was accepted, want an error with %q", parts)
	}
	text := err.Error()
	for _, crash := range []string{"panic:", "goroutine "} {
		if strings.Contains(text, crash) {
			return fmt.Errorf("ended in a Go stack: %s", text)
		}
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("the error does not say %q; it says: %s", part, text)
		}
	}
	return nil
}

// endedWell wants the last command of a container to have ended with 0, and else tells what it said.
func endedWell(ctx context.Context, ran *dagger.Container) error {
	code, err := ran.ExitCode(ctx)
	if err != nil || code == 0 {
		return err
	}
	said, err := ran.CombinedOutput(ctx)
	if err != nil {
		return err
	}
	// the reasons are at the end
	return fmt.Errorf("ended with %d: %s", code, said[max(0, len(said)-4000):])
}
