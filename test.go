package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// TestReport is what the project's tests found, whether they passed or not.
type TestReport struct {
	// junit.xml, and coverage.xml (Cobertura) where test.coverage.source is set.
	Reports *dagger.Directory
	// Whether the tests passed and covered what test.coverage.minimum asks.
	Passed bool
	// One line: how many tests, how many failed, percent of lines covered.
	Summary string
	// +private
	Reason string
	// +private
	Record *dagger.File
}

// Fail when the tests did, naming the tests that failed or the coverage that is missing.
func (r *TestReport) Check() error {
	if r.Passed {
		return nil
	}
	return fmt.Errorf("tests: %s", r.Reason)
}

// Run the project's pytest suite and return its report, also when tests fail.
//
// The report can always be exported; only its check fails: test check.
//
// +cache="session"
func (m *TensorflowCi) Test(ctx context.Context) (*TestReport, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	return m.test(ctx, settings, installed)
}

func (m *TensorflowCi) test(ctx context.Context, settings config.Config, installed *dagger.Container) (*TestReport, error) {
	if err := m.present(ctx, "test.paths", settings.Test.Paths...); err != nil {
		return nil, err
	}
	command := []string{"python3", lineDir + "/pytests.py", "--out", outDir, "--tools", lineDir + "/pytest", "--limit", seconds(settings.Test.TimeLimit)}
	if settings.Test.Coverage.Source != "" {
		command = append(command, "--cover", settings.Test.Coverage.Source)
	}
	pytest, err := m.tool(ctx, settings, "pytest")
	if err != nil {
		return nil, err
	}
	done, err := installed.
		WithDirectory(lineDir+"/pytest", pytest).
		With(scripts("pytests.py")).
		WithDirectory(sourceDir, m.Source).
		WithWorkdir(sourceDir).
		// The project's root, so that its tests import it as they do with `python -m pytest`.
		WithEnvVariable("PYTHONPATH", sourceDir).
		WithExec(append(append(command, "--"), settings.Test.Paths...)).
		Sync(ctx)
	if err != nil {
		return nil, failure("tests", err)
	}
	text, err := done.File(outDir + "/summary.json").Contents(ctx)
	if err != nil {
		return nil, failure("the tests' summary", err)
	}
	var found testSummary
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("the tests' summary: %w", err)
	}
	reason := found.reason(settings.Test.Coverage.Minimum)
	return &TestReport{
		Reports: done.Directory(outDir).WithoutFiles([]string{"run.json", "summary.json"}),
		Passed:  reason == "",
		Summary: found.String(),
		Reason:  reason,
		Record:  done.File(outDir + "/run.json"),
	}, nil
}

// testSummary is the summary.json of scripts/pytests.py.
type testSummary struct {
	Status   int
	Verdict  string
	Tests    int
	Failures int
	Errors   int
	Skipped  int
	Coverage *float64
	Failed   []string
}

func (s testSummary) String() string {
	text := fmt.Sprintf("%d tests, %d failed, %d skipped", s.Tests, s.Failures+s.Errors, s.Skipped)
	if s.Coverage != nil {
		text += fmt.Sprintf(", %.1f %% of lines covered", *s.Coverage)
	}
	return text
}

// reason says why the tests do not pass, or nothing.
func (s testSummary) reason(minimum float64) string {
	switch {
	case s.Status != 0 && len(s.Failed) > 0:
		return fmt.Sprintf("%d of %d failed: %s", s.Failures+s.Errors, s.Tests, some(s.Failed))
	case s.Status != 0:
		return s.Verdict
	case minimum > 0 && s.Coverage == nil:
		return fmt.Sprintf("test.coverage.minimum is %g %%, but no coverage was measured: set test.coverage.source", minimum)
	case minimum > 0 && *s.Coverage < minimum:
		return fmt.Sprintf("%.2f %% of lines covered, %.2f points under test.coverage.minimum of %g %%", *s.Coverage, minimum-*s.Coverage, minimum)
	}
	return ""
}

// present checks that paths named by a setting exist in the project.
func (m *TensorflowCi) present(ctx context.Context, setting string, paths ...string) error {
	for _, wanted := range paths {
		found, err := m.Source.Exists(ctx, wanted)
		if err != nil {
			return failure("cannot look for "+wanted, err)
		}
		if !found {
			names, _ := m.topOf(ctx)
			return fmt.Errorf("%s names %s, which the project does not have; it has: %s (files that git ignores are not sent)",
				setting, wanted, strings.Join(slices.Sorted(slices.Values(names)), ", "))
		}
	}
	return nil
}
