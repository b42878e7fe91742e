package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/scanpolicy"
)

// ScanReport is what Trivy found, whether the gate opens or not.
type ScanReport struct {
	// Whether nothing stops the gate.
	Passed bool
	// One line: findings by severity, how many stop the gate, how many are ignored.
	Summary string
	// +private
	Target string
	// +private
	Reason string
	// +private
	Verdict string
	// +private
	GitLab string
	// +private
	Found *dagger.File
	// +private
	Trivy *dagger.Container
	// +private
	Record *dagger.File
}

// Fail when the gate is stopped, naming each finding's package, version and the version that mends it.
func (r *ScanReport) Check() error {
	if r.Passed {
		return nil
	}
	return fmt.Errorf("scan of %s: %s\nInstall the version that mends it, or accept it for a time: an entry in the ignore file (scan.ignore-file) with a statement and an expired_at", r.Target, r.Reason)
}

// Return the one scan in every form.
//
// scan.json (all that was found), scan.sarif, sbom.cdx.json and sbom.spdx.json (bills of materials, the first with
// vulnerabilities), gl-container-scanning-report.json, scan.txt (a table), and verdict.txt (what stops the gate, what is
// ignored and until when, what is new).
func (r *ScanReport) Reports() *dagger.Directory {
	reports := dag.Directory().
		WithFile("scan.json", r.Found).
		WithNewFile("verdict.txt", r.Verdict).
		WithNewFile("gl-container-scanning-report.json", r.GitLab)
	for _, form := range []struct {
		name  string
		flags []string
	}{
		{"scan.txt", []string{"--format", "table"}},
		{"scan.sarif", []string{"--format", "sarif"}},
		{"sbom.cdx.json", []string{"--format", "cyclonedx"}},
		{"sbom.spdx.json", []string{"--format", "spdx-json"}},
	} {
		written := outDir + "/" + form.name
		command := slices.Concat([]string{trivyFile, "convert", "--quiet"}, form.flags, []string{"--output", written, scanJSON})
		reports = reports.WithFile(form.name, r.Trivy.WithMountedFile(scanJSON, r.Found).WithExec(command).File(written))
	}
	return reports
}

// Scan for known vulnerabilities, secrets and misconfigurations, and return the report, also of a scan that finds some.
//
// Each scan first proves that it works: the database is not older than scan.max-database-days, and what is known to be
// vulnerable is found, in each language and system that what is scanned has. What a project accepts stands in its ignore
// file, with a reason and a last day. Only the report's check fails: scan check.
//
// +cache="never"
func (m *TensorflowCi) Scan(
	ctx context.Context,
	// What to scan: environment, image (the training image), serving (the image of that role), or source (without the data).
	// +default="environment"
	target string,
	// Bill of materials of an earlier scan (sbom.cdx.json), to tell what is new.
	// +optional
	previous *dagger.File,
) (*ScanReport, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	root, err := m.scanned(ctx, settings, target)
	if err != nil {
		return nil, err
	}
	return m.scan(ctx, settings, target, root, previous)
}

// Scan the model's files for secrets and for packages with known vulnerabilities.
//
// +cache="never"
func (m *Model) Scan(ctx context.Context) (*ScanReport, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	return m.Line.scan(ctx, settings, config.ScanModel, m.SavedModel, nil)
}

// scanned is the root of what a target stands for.
func (m *TensorflowCi) scanned(ctx context.Context, settings config.Config, target string) (*dagger.Directory, error) {
	switch target {
	case config.ScanEnvironment:
		installed, err := m.installed(ctx, settings)
		if err != nil {
			return nil, err
		}
		return installed.Rootfs(), nil
	case config.ScanImage:
		image, err := m.Image(ctx)
		if err != nil {
			return nil, err
		}
		return image.Rootfs(), nil
	case config.ScanServing:
		image, err := m.resolved(ctx, settings, "serving")
		if err != nil {
			return nil, err
		}
		return image.bottom().Rootfs(), nil
	case config.ScanSource:
		return m.Source.WithoutDirectory(settings.Train.Data), nil
	}
	return nil, fmt.Errorf("there is no target %q to scan: want environment, image, serving or source; a model is scanned by model --directory DIR scan", target)
}

// scan looks at root alone.
func (m *TensorflowCi) scan(ctx context.Context, settings config.Config, target string, root *dagger.Directory, previous *dagger.File) (*ScanReport, error) {
	known, err := previousBill(ctx, previous)
	if err != nil {
		return nil, err
	}
	desk, err := m.scanDesk(ctx, settings)
	if err != nil {
		return nil, err
	}
	looked, err := desk.list(ctx, target, root)
	if err != nil {
		return nil, err
	}
	return desk.scan(ctx, looked, known, func() (scanpolicy.Proven, error) { return desk.scanner.prove(ctx, looked.system) })
}

// safe scans what a model is trained with and from; the report is that of the environment.
func (m *TensorflowCi) safe(ctx context.Context, settings config.Config) (*ScanReport, error) {
	environment, err := m.scanned(ctx, settings, config.ScanEnvironment)
	if err != nil {
		return nil, err
	}
	return m.safeWith(ctx, settings, config.ScanEnvironment, environment)
}

// safeWith scans the root of a target and the source side by side, and stops at the first gate that does not open; the
// report is that of the target.
func (m *TensorflowCi) safeWith(ctx context.Context, settings config.Config, target string, root *dagger.Directory) (*ScanReport, error) {
	source, err := m.scanned(ctx, settings, config.ScanSource)
	if err != nil {
		return nil, err
	}
	return m.scanBoth(ctx, settings, target, root, config.ScanSource, source)
}

// scanBoth scans an image's root and a folder side by side, and stops at the first gate that does not open; the report is
// that of the image. One proof serves both: it covers every language, and the image's system.
func (m *TensorflowCi) scanBoth(ctx context.Context, settings config.Config, target string, root *dagger.Directory, with string, folder *dagger.Directory) (*ScanReport, error) {
	desk, err := m.scanDesk(ctx, settings)
	if err != nil {
		return nil, err
	}
	group, ctx := errgroup.WithContext(ctx)
	image := sync.OnceValues(func() (subject, error) { return desk.list(ctx, target, root) })
	prove := sync.OnceValues(func() (scanpolicy.Proven, error) {
		looked, err := image()
		if err != nil {
			return nil, err
		}
		return desk.scanner.prove(ctx, looked.system)
	})
	var report *ScanReport
	group.Go(func() error {
		looked, err := image()
		if err != nil {
			return err
		}
		made, err := desk.scan(ctx, looked, nil, prove)
		if err != nil {
			return err
		}
		report = made
		return made.Check()
	})
	group.Go(func() error {
		looked, err := desk.list(ctx, with, folder)
		if err != nil {
			return err
		}
		made, err := desk.scan(ctx, looked, nil, prove)
		if _, unread := image(); unread != nil {
			return unread // without what the image holds nothing is proven: that is why, and no fault of the folder's
		}
		if err != nil {
			return err
		}
		return made.Check()
	})
	err = group.Wait()
	return report, err
}

// isImage tells the targets that are the root of a file system, and so must have packages, from those that may have none.
func isImage(target string) bool {
	return target != config.ScanSource && target != config.ScanModel
}

// ignores reads what the project accepts; a project without the file accepts nothing.
func (m *TensorflowCi) ignores(ctx context.Context, settings config.Config) (scanpolicy.Ignores, *dagger.File, error) {
	name := settings.Scan.IgnoreFile
	present, err := m.Source.Exists(ctx, name)
	if err != nil {
		return nil, nil, failure("cannot look for "+name, err)
	}
	file := dag.Directory().WithNewFile("ignore.yaml", "").File("ignore.yaml")
	if !present {
		return nil, file, nil
	}
	file = m.Source.File(name)
	text, err := file.Contents(ctx)
	if err != nil {
		return nil, nil, failure("cannot read "+name, err)
	}
	entries, err := scanpolicy.ReadIgnores(name, []byte(text), time.Now())
	return entries, file, err
}

func previousBill(ctx context.Context, file *dagger.File) (*scanpolicy.Previous, error) {
	if file == nil {
		return nil, nil
	}
	text, err := file.Contents(ctx)
	if err != nil {
		return nil, failure("cannot read the previous bill of materials", err)
	}
	return scanpolicy.ReadPrevious([]byte(text))
}
