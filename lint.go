package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// LintReport is what ruff found in the project's code, whether there is something or not.
type LintReport struct {
	// lint.sarif, and lint.txt for people: findings, and the changes that the formatter would make.
	Reports *dagger.Directory
	// Whether there is no finding and every file is formatted.
	Passed bool
	// One line: how many findings, how many files to format.
	Summary string
	// +private
	Reason string
	// +private
	Record *dagger.File
}

// Fail when the linter found something, naming the first findings.
func (r *LintReport) Check() error {
	if r.Passed {
		return nil
	}
	return fmt.Errorf("lint: %s", r.Reason)
}

// Check the project's code and its format with ruff and return the report, also when there are findings.
//
// The rules are the project's own (ruff.toml or pyproject.toml). Only the report's check fails: lint check.
//
// +cache="session"
func (m *TensorflowCi) Lint(ctx context.Context) (*LintReport, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	return m.lint(ctx, settings)
}

func (m *TensorflowCi) lint(ctx context.Context, settings config.Config) (*LintReport, error) {
	if err := m.present(ctx, "lint.paths", settings.Lint.Paths...); err != nil {
		return nil, err
	}
	ruff, err := m.tool(ctx, settings, "ruff")
	if err != nil {
		return nil, err
	}
	python, err := m.python(ctx)
	if err != nil {
		return nil, err
	}
	code := m.Source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"**/*.py", "**/*.pyi", "**/*.ipynb", "**/pyproject.toml", "**/ruff.toml", "**/.ruff.toml"},
	})
	done, err := python.
		WithDirectory(lineDir+"/ruff", ruff).
		With(scripts("lint.py")).
		WithDirectory(sourceDir, code).
		WithWorkdir(sourceDir).
		WithExec(append([]string{
			"python3", lineDir + "/step.py", "--name", "lint", "--record", outDir + "/run.json", "--limit", seconds(settings.Test.TimeLimit),
			"--", "python3", lineDir + "/lint.py", "--ruff", lineDir + "/ruff/bin/ruff", "--out", outDir, "--",
		}, settings.Lint.Paths...)).
		Sync(ctx)
	if err != nil {
		return nil, failure("lint", err)
	}
	text, err := done.File(outDir + "/summary.json").Contents(ctx)
	if err != nil {
		return nil, failure("the linter's summary", err)
	}
	var found lintSummary
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("the linter's summary: %w", err)
	}
	reason := found.reason()
	return &LintReport{
		Reports: done.Directory(outDir).WithoutFiles([]string{"run.json", "summary.json"}),
		Passed:  reason == "",
		Summary: fmt.Sprintf("%d findings, %d files to format", len(found.Findings), len(found.Unformatted)),
		Reason:  reason,
		Record:  done.File(outDir + "/run.json"),
	}, nil
}

// lintSummary is the summary.json of scripts/lint.py.
type lintSummary struct {
	Findings    []string
	Unformatted []string
}

// reason says what is to be mended, or nothing.
func (s lintSummary) reason() string {
	var parts []string
	if len(s.Findings) > 0 {
		parts = append(parts, fmt.Sprintf("%d findings: %s", len(s.Findings), some(s.Findings)))
	}
	if len(s.Unformatted) > 0 {
		parts = append(parts, fmt.Sprintf("%d files are not as ruff format writes them: %s", len(s.Unformatted), some(s.Unformatted)))
	}
	return strings.Join(parts, "; ")
}

// some names the first of many items; the report holds them all.
func some(items []string) string {
	const named = 10
	if len(items) <= named {
		return strings.Join(items, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(items[:named], ", "), len(items)-named)
}
