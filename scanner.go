package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/scanpolicy"
)

// Where things lie in the scanner's container.
const (
	trivyFile = "/usr/local/bin/trivy"
	trivyForm = "/contrib"     // templates of report formats
	scanCache = "/cache"       // Trivy's own folder; the database is in its db/
	scanDir   = "/scan"        // what is scanned, each by the name that reports call it
	ignoreYML = "/ignore.yaml" // what the project accepts
	scanJSON  = outDir + "/scan.json"
)

// scanner is Trivy with a database of today.
//
// It runs in a container that holds Trivy alone: no shell, no certificates, no secret and no socket, and nothing that the
// engine would have to prepare before each of its commands.
type scanner struct {
	trivy    *dagger.Container
	database *dagger.Directory
	limit    time.Duration // age of the database
}

// scanner fetches the vulnerability database, once a day for each engine.
//
// The database is a layer of the engine's cache under the day's date and no cache volume: it cannot be emptied, cut or
// replaced between the download and a scan, and scans at the same time need no lock.
func (m *TensorflowCi) scanner(ctx context.Context, settings config.Config) (*scanner, error) {
	image, err := m.image(ctx, settings, "trivy")
	if err != nil {
		return nil, err
	}
	full := dag.Container().From(image)
	database, err := full.
		WithEnvVariable("TRIVY_CACHE_DIR", scanCache).
		WithEnvVariable("TENSORFLOW_CI_DAY", time.Now().UTC().Format(time.DateOnly)).
		WithExec([]string{trivyFile, "image", "--download-db-only", "--no-progress", "--skip-version-check", "--db-repository", settings.Scan.Database}).
		Directory(scanCache + "/db").
		Sync(ctx)
	if err != nil {
		return nil, scanFault("vulnerability database "+settings.Scan.Database, err)
	}
	return &scanner{
		trivy: dag.Container().
			WithFile(trivyFile, full.File(trivyFile)).
			WithDirectory(trivyForm, full.Directory(trivyForm)).
			WithDirectory("/tmp", dag.Directory()).
			WithDirectory(outDir, dag.Directory()).
			WithEnvVariable("TRIVY_CACHE_DIR", scanCache).
			// Nothing answers there: what the scanner looks at is not told to anybody.
			WithEnvVariable("HTTPS_PROXY", "http://127.0.0.1:9").
			WithEnvVariable("HTTP_PROXY", "http://127.0.0.1:9"),
		database: database,
		limit:    time.Duration(settings.Scan.MaxDatabaseDays) * 24 * time.Hour,
	}, nil
}

// scanFault puts a failed command of Trivy in the words of package scanpolicy.
func scanFault(what string, err error) error {
	var exec *dagger.ExecError
	if errors.As(err, &exec) {
		return fmt.Errorf("%s: %w", what, scanpolicy.Fault(exec.ExitCode, exec.Stderr))
	}
	return failure(what, err)
}

// prove refuses a database that is too old, and one by which what is known to be vulnerable is not found.
func (s *scanner) prove(ctx context.Context) error {
	text, err := s.database.File("metadata.json").Contents(ctx)
	if err != nil {
		return failure("the vulnerability database has no metadata.json", err)
	}
	database, err := scanpolicy.ReadDatabase([]byte(text))
	if err != nil {
		return err
	}
	if err := database.Fresh(time.Now(), s.limit); err != nil {
		return err
	}
	const name = "canary.cdx.json"
	bill := dag.Directory().WithNewFile(name, scanpolicy.CanaryFile).File(name)
	_, report, err := s.match(ctx, s.trivy.WithMountedFile(scanDir+"/"+name, bill), "sbom", name)
	if err != nil {
		return err
	}
	return scanpolicy.CanaryFound(report)
}

// look scans root. An image is listed first, which the engine remembers while the image stays the same, and the list is
// matched anew in each call; for a few files that is not worth its while.
func (s *scanner) look(ctx context.Context, target string, root *dagger.Directory, ignores *dagger.File) (*dagger.File, scanpolicy.Report, error) {
	trivy := s.trivy.WithMountedFile(ignoreYML, ignores)
	place := scanDir + "/" + target
	if !isImage(target) {
		return s.match(ctx, trivy.WithMountedDirectory(place, root), "fs", target,
			"--scanners", "vuln,secret,misconfig", "--skip-check-update", "--ignorefile", ignoreYML)
	}
	bill, err := s.trivy.
		WithMountedDirectory(place, root).
		WithExec([]string{trivyFile, "rootfs", "--quiet", "--format", "cyclonedx", "--output", outDir + "/bill.json", "--offline-scan", "--skip-version-check", place}).
		File(outDir + "/bill.json").
		Sync(ctx)
	if err != nil {
		return nil, scanpolicy.Report{}, scanFault("the list of what is installed", err)
	}
	return s.match(ctx, trivy.WithMountedFile(place, bill), "sbom", target, "--scanners", "vuln", "--ignorefile", ignoreYML)
}

// match runs one command of Trivy against the database, in every call anew.
func (s *scanner) match(ctx context.Context, trivy *dagger.Container, command, name string, flags ...string) (*dagger.File, scanpolicy.Report, error) {
	arguments := slices.Concat([]string{
		trivyFile, command, "--cache-backend", "memory", "--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check",
		"--list-all-pkgs", "--show-suppressed",
		"--exit-code", strconv.Itoa(scanpolicy.Found), "--format", "json", "--output", scanJSON,
	}, flags, []string{name})
	done := trivy.
		WithMountedDirectory(scanCache+"/db", s.database).
		WithWorkdir(scanDir).
		WithEnvVariable("TENSORFLOW_CI_SCAN", strconv.FormatInt(time.Now().UnixNano(), 10)).
		WithExec(arguments, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
	status, err := done.ExitCode(ctx)
	if err != nil {
		return nil, scanpolicy.Report{}, failure("the scanner", err)
	}
	if status != scanpolicy.Clean && status != scanpolicy.Found {
		said, err := done.Stderr(ctx)
		if err != nil {
			return nil, scanpolicy.Report{}, failure("the scanner's messages", err)
		}
		return nil, scanpolicy.Report{}, scanpolicy.Fault(status, said)
	}
	text, err := done.File(scanJSON).Contents(ctx)
	if err != nil {
		return nil, scanpolicy.Report{}, failure("the scanner's report", err)
	}
	timeless, err := scanpolicy.Timeless([]byte(text))
	if err != nil {
		return nil, scanpolicy.Report{}, err
	}
	found := dag.Directory().WithNewFile("scan.json", string(timeless)).File("scan.json")
	report, err := scanpolicy.ReadReport([]byte(text))
	if err == nil && (status == scanpolicy.Found) != (len(report.Findings) > 0) {
		err = fmt.Errorf("the scanner's status is %d, and its report has %d findings: one of them is wrong", status, len(report.Findings))
	}
	return found, report, err
}
