package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/scanpolicy"
)

// scanDesk is what scans of one call have in common: the scanner, and what the project accepts.
type scanDesk struct {
	settings   config.Config
	scanner    *scanner
	ignores    scanpolicy.Ignores
	ignoreFile *dagger.File
}

func (m *TensorflowCi) scanDesk(ctx context.Context, settings config.Config) (scanDesk, error) {
	desk := scanDesk{settings: settings}
	var err error
	if desk.ignores, desk.ignoreFile, err = m.ignores(ctx, settings); err != nil {
		return desk, err
	}
	desk.scanner, err = m.scanner(ctx, settings)
	return desk, err
}

// list prepares a scan of root; see [scanner.list].
func (d scanDesk) list(ctx context.Context, target string, root *dagger.Directory) (subject, error) {
	began := time.Now()
	looked, err := d.scanner.list(ctx, target, root, d.ignoreFile)
	if err != nil {
		return subject{}, fmt.Errorf("scan of %s: %w", target, err)
	}
	looked.began = began
	return looked, nil
}

// scan looks at a subject, has it proven meanwhile that the scanner works, and judges what it found.
func (d scanDesk) scan(ctx context.Context, looked subject, known *scanpolicy.Previous, prove func() (scanpolicy.Proven, error)) (*ScanReport, error) {
	began, target := looked.began, looked.name
	var found *dagger.File
	var report scanpolicy.Report
	var proven scanpolicy.Proven
	group, wait := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		proven, err = prove()
		return err
	})
	group.Go(func() (err error) {
		found, report, err = d.scanner.match(wait, looked)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("scan of %s: %w", target, err)
	}
	severities, ignoreUnfixed := d.settings.Scan.For(target)
	policy := scanpolicy.Policy{
		Severities: severities, IgnoreUnfixed: ignoreUnfixed, DeniedLicenses: d.settings.Scan.DeniedLicenses,
		Proven: proven, Unproven: d.settings.Scan.Unproven, Foreign: looked.foreign, Packages: isImage(target),
	}
	verdict := policy.Judge(report, d.ignores, known)
	gitLab, err := scanpolicy.GitLab(report, target, began, time.Now())
	if err != nil {
		return nil, err
	}
	record, err := indented(map[string]any{
		"name": "scan", "started": began.UTC().Format("2006-01-02T15:04:05.000Z"), "seconds": time.Since(began).Seconds(), "status": 0,
	})
	if err != nil {
		return nil, err
	}
	return &ScanReport{
		Passed:  verdict.Passed(),
		Summary: verdict.Summary(),
		Target:  target,
		Reason:  verdict.Reason(),
		Verdict: verdict.Text(),
		GitLab:  string(gitLab),
		Found:   found,
		Trivy:   d.scanner.trivy,
		Record:  dag.Directory().WithNewFile("run.json", record).File("run.json"),
	}, nil
}
