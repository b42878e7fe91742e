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
	scanCache = "/cache"       // Trivy's own folder; the database is in its db/
	scanDir   = "/scan"        // what is scanned, each by the name that reports call it
	ignoreYML = "/ignore.yaml" // what the project accepts
	scanJSON  = outDir + "/scan.json"
)

// dayVariable makes what holds for a day known until the day is over.
const dayVariable = "TENSORFLOW_CI_DAY"

// scanner is Trivy with a database of today.
//
// It runs in a container that holds Trivy alone: no shell, no certificates, no secret and no socket, and nothing that the
// engine would have to prepare before each of its commands.
type scanner struct {
	trivy    *dagger.Container
	database *dagger.Directory
	day      string        // today, in UTC
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
	full, day := image.bottom(), time.Now().UTC().Format(time.DateOnly)
	database, err := full.
		WithEnvVariable("TRIVY_CACHE_DIR", scanCache).
		WithEnvVariable(dayVariable, day).
		WithExec([]string{trivyFile, "image", "--download-db-only", "--no-progress", "--skip-version-check", "--db-repository", settings.Scan.Database}).
		Directory(scanCache + "/db").
		Sync(ctx)
	if err != nil {
		return nil, scanFault("vulnerability database "+settings.Scan.Database, err)
	}
	return &scanner{
		trivy: containerFor(image.Platform).
			WithFile(trivyFile, full.File(trivyFile)).
			WithDirectory("/tmp", dag.Directory()).
			WithDirectory(outDir, dag.Directory()).
			WithEnvVariable("TRIVY_CACHE_DIR", scanCache).
			// Nothing answers there: what the scanner looks at is not told to anybody.
			WithEnvVariable("HTTPS_PROXY", "http://127.0.0.1:9").
			WithEnvVariable("HTTP_PROXY", "http://127.0.0.1:9"),
		database: database,
		day:      day,
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

// subject is what one command of Trivy looks at: a list of packages, or a folder.
type subject struct {
	trivy   *dagger.Container // with what is scanned in its scan folder
	command string
	name    string // in the scan folder; reports call it by this name
	flags   []string
	system  scanpolicy.System // empty where there is none
	foreign string            // whose packages the system has, where they are not its own
	began   time.Time         // when its scan did
	rules   *dagger.File      // the report on misconfigurations; nil where nothing could have any
}

// list prepares a scan of root. An image is listed first, which the engine remembers while the image stays the same, and
// the list is matched anew in each call; for a few files that is not worth its while.
func (s *scanner) list(ctx context.Context, target string, root *dagger.Directory, ignores *dagger.File) (subject, error) {
	trivy := s.trivy.WithMountedFile(ignoreYML, ignores)
	place := scanDir + "/" + target
	if !isImage(target) {
		looked := subject{
			trivy: trivy.WithMountedDirectory(place, root), command: "fs", name: target,
			flags: []string{"--scanners", "vuln,secret", "--ignorefile", ignoreYML},
		}
		looked.rules = s.rules(looked)
		return looked, nil
	}
	bill := s.trivy.
		WithMountedDirectory(place, root).
		WithExec([]string{trivyFile, "rootfs", "--quiet", "--format", "cyclonedx", "--output", outDir + "/bill.json", "--offline-scan", "--skip-version-check", place}).
		File(outDir + "/bill.json")
	text, err := bill.Contents(ctx)
	if err != nil {
		var exec *dagger.ExecError
		if errors.As(err, &exec) {
			return subject{}, scanFault("the list of what is installed", err)
		}
		return subject{}, failure("the image cannot be read: is it a container image for this machine's kind of processor, and whole in its registry", err)
	}
	system, err := scanpolicy.ReadSystem([]byte(text))
	if err != nil {
		return subject{}, err
	}
	foreign, err := scanpolicy.Foreign([]byte(text), system)
	if err != nil {
		return subject{}, err
	}
	return subject{
		trivy: trivy.WithMountedFile(place, bill), command: "sbom", name: target,
		flags: []string{"--scanners", "vuln", "--ignorefile", ignoreYML}, system: system, foreign: foreign,
	}, nil
}

// prove refuses a database that is too old, and tells in which languages, and whether on this system, what is known to
// be vulnerable is found by it.
func (s *scanner) prove(ctx context.Context, system scanpolicy.System) (scanpolicy.Proven, error) {
	text, err := s.database.File("metadata.json").Contents(ctx)
	if err != nil {
		return nil, failure("the vulnerability database has no metadata.json", err)
	}
	database, err := scanpolicy.ReadDatabase([]byte(text))
	if err != nil {
		return nil, err
	}
	if err := database.Fresh(time.Now(), s.limit); err != nil {
		return nil, err
	}
	bill, err := scanpolicy.CanaryBill(system)
	if err != nil {
		return nil, err
	}
	const name = "canary.cdx.json"
	file := dag.Directory().WithNewFile(name, string(bill)).File(name)
	_, report, err := s.match(ctx, subject{trivy: s.trivy.WithMountedFile(scanDir+"/"+name, file), command: "sbom", name: name})
	if err != nil {
		return nil, err
	}
	return scanpolicy.Prove(report)
}

// looking is a subject's container as one command of Trivy is run in it, and the command but for its last words.
func (s *scanner) looking(at subject) (*dagger.Container, []string) {
	return at.trivy.WithMountedDirectory(scanCache+"/db", s.database).WithWorkdir(scanDir), slices.Concat([]string{
		trivyFile, at.command, "--cache-backend", "memory", "--skip-db-update", "--skip-java-db-update", "--offline-scan", "--skip-version-check",
		"--list-all-pkgs", "--show-suppressed", "--format", "json", "--output", scanJSON,
	}, at.flags)
}

// rules looks at a folder for misconfigurations, and has the answer for the rest of the day: reading all rules takes a second,
// looking a tenth of one. The rules are the scanner's own; what the project accepts may end with the day.
func (s *scanner) rules(folder subject) *dagger.File {
	folder.flags = []string{"--scanners", "misconfig", "--skip-check-update", "--ignorefile", ignoreYML}
	container, command := s.looking(folder)
	// without a status of its own for findings: any but 0 is a fault, and the engine remembers no fault
	return container.WithEnvVariable(dayVariable, s.day).WithExec(append(command, folder.name)).File(scanJSON)
}

// match looks at a subject with today's database, in every call anew.
func (s *scanner) match(ctx context.Context, looked subject) (*dagger.File, scanpolicy.Report, error) {
	text, report, err := s.matched(ctx, looked)
	if err != nil {
		return nil, scanpolicy.Report{}, err
	}
	if looked.rules != nil {
		rules, err := looked.rules.Contents(ctx)
		if err != nil {
			return nil, scanpolicy.Report{}, scanFault("misconfigurations", err)
		}
		if text, err = scanpolicy.Joined(text, []byte(rules)); err != nil {
			return nil, scanpolicy.Report{}, err
		}
		if report, err = scanpolicy.ReadReport(text); err != nil {
			return nil, scanpolicy.Report{}, err
		}
	}
	timeless, err := scanpolicy.Timeless(text)
	if err != nil {
		return nil, scanpolicy.Report{}, err
	}
	file, err := scratchFile("scan.json", timeless)
	return file, report, err
}

// matched is what one command of Trivy finds in a subject, which its status says too.
func (s *scanner) matched(ctx context.Context, looked subject) ([]byte, scanpolicy.Report, error) {
	container, command := s.looking(looked)
	done := container.
		WithEnvVariable("TENSORFLOW_CI_SCAN", strconv.FormatInt(time.Now().UnixNano(), 10)).
		WithExec(append(command, "--exit-code", strconv.Itoa(scanpolicy.Found), looked.name), dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
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
	report, err := scanpolicy.ReadReport([]byte(text))
	if err == nil && (status == scanpolicy.Found) != (len(report.Findings) > 0) {
		err = fmt.Errorf("the scanner's status is %d, and its report has %d findings: one of them is wrong", status, len(report.Findings))
	}
	return []byte(text), report, err
}
