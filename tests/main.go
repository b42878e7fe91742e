// Acceptance tests of the line: every function, and every gate stopping what it is there to stop.
//
//	dagger call -m tests all
//	dagger call -m tests all --only train/
package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tests/internal/dagger"
)

// Tests runs the line on real and on broken projects.
type Tests struct {
	// +private
	Phishing *dagger.Directory
	// +private
	Database string
}

// New takes the sample projects.
func New(
	// Project on phishing web sites, the repository's own by default.
	// +defaultPath="/testdata/phishing"
	// +ignore=["**/__pycache__"]
	phishing *dagger.Directory,
	// Reference of a vulnerability database in a registry of this machine, which also has :empty, :old and :truncated of it
	// and takes pushes to tests/. Without one, the public database is used and what needs the others is left out.
	// Example: 172.17.0.1:5000/aquasec/trivy-db:2
	// +optional
	database string,
) *Tests {
	return &Tests{Phishing: phishing, Database: database}
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
	// Run only the tests whose name holds this text. Example: environment/
	// +optional
	only string,
	// Tests that run at the same time.
	// +default=3
	parallel int,
) (string, error) {
	if t.Database != "" {
		always = []string{"scan.database=" + t.Database}
	}
	var checks []check
	for _, group := range [][]check{t.settings(), t.environment(), t.tests(), t.training(), t.evaluation(), t.scan(), t.faultyScans(), t.images(), t.pipeline()} {
		for _, check := range group {
			if strings.Contains(check.name, only) {
				checks = append(checks, check)
			}
		}
	}
	if len(checks) == 0 {
		return "", fmt.Errorf("no test is called %q", only)
	}
	var (
		report strings.Builder
		lock   sync.Mutex
		failed int
		group  errgroup.Group
	)
	group.SetLimit(max(1, parallel))
	for _, check := range checks {
		group.Go(func() error {
			began := time.Now()
			err := check.run(ctx)
			lock.Lock()
			defer lock.Unlock()
			if err != nil {
				failed++
				fmt.Fprintf(&report, "FAIL %-50s %5.1f s\n     %s\n", check.name, time.Since(began).Seconds(), strings.ReplaceAll(err.Error(), "\n", "\n     "))
				return nil
			}
			fmt.Fprintf(&report, "ok   %-50s %5.1f s\n", check.name, time.Since(began).Seconds())
			return nil
		})
	}
	_ = group.Wait() // each test's own failure is in the report
	fmt.Fprintf(&report, "%d passed, %d failed\n", len(checks)-failed, failed)
	if failed > 0 {
		return "", fmt.Errorf("acceptance tests:\n%s", report.String())
	}
	return report.String(), nil
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
