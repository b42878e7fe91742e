package main

import (
	"context"
	"encoding/json"
	"fmt"

	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
)

// Run the whole line and return everything it made; it stops at the first gate that does not hold.
//
// The directory holds model/ (the SavedModel), logs/ (TensorBoard events), metrics.json, manifest.json (the lineage),
// and reports/: junit.xml, coverage.xml, evaluation.json, what a scan of the environment gives (scan.json, scan.sarif,
// sbom.cdx.json, gl-container-scanning-report.json and others), and steps.json (when each step really ran, for how long).
//
// +cache="never"
func (m *TensorflowCi) Pipeline(
	ctx context.Context,
	// Model to compare with, for max-drop rules: a SavedModel directory or an earlier output of pipeline.
	// +optional
	baseline *dagger.Directory,
) (*dagger.Directory, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := m.images(ctx, settings); err != nil {
		return nil, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return nil, err
	}
	scanned, err := m.safe(ctx, settings)
	if err != nil {
		return nil, err
	}
	tests, err := m.test(ctx, settings, installed)
	if err != nil {
		return nil, err
	}
	if err := tests.Check(); err != nil {
		return nil, err
	}
	model, err := m.train(ctx, settings, installed)
	if err != nil {
		return nil, err
	}
	evaluation, err := model.Evaluate(ctx, nil, baseline)
	if err != nil {
		return nil, err
	}
	if err := evaluation.Check(); err != nil {
		return nil, err
	}
	manifest, err := model.manifest(ctx, settings, evaluation)
	if err != nil {
		return nil, err
	}
	steps, err := recorded(ctx, []record{
		{"install", "passed", installed.File(lineDir + "/install/run.json")},
		{"scan", scanned.Summary, scanned.Record},
		{"test", tests.Summary, tests.Record},
		{"train", "passed", model.Record},
		{"evaluate", evaluation.Summary, evaluation.Record},
	})
	if err != nil {
		return nil, err
	}
	return dag.Directory().
		WithDirectory("model", model.SavedModel).
		WithDirectory("logs", model.Logs).
		WithFile("metrics.json", evaluation.Metrics).
		WithFile(lineage.FileName, manifest).
		WithDirectory("reports", scanned.Reports()).
		WithDirectory("reports", tests.Reports).
		WithFile("reports/evaluation.json", evaluation.Report).
		WithNewFile("reports/steps.json", steps), nil
}

// Run the whole line: the same as pipeline, by a name that dagger call accepts.
//
// The CLI of Dagger v0.20 hides every entry point called pipeline, a name that its own API once used.
//
// +cache="never"
func (m *TensorflowCi) Run(
	ctx context.Context,
	// Model to compare with, for max-drop rules: a SavedModel directory or an earlier output of pipeline.
	// +optional
	baseline *dagger.Directory,
) (*dagger.Directory, error) {
	return m.Pipeline(ctx, baseline)
}

// record is a step's own account of its last real run.
type record struct {
	name    string
	verdict string
	file    *dagger.File
}

// recorded gathers the steps' accounts; one that started before the caller's run was served from the cache.
func recorded(ctx context.Context, records []record) (string, error) {
	type line struct {
		Name    string  `json:"name"`
		Verdict string  `json:"verdict"`
		Started string  `json:"started"`
		Seconds float64 `json:"seconds"`
	}
	lines := make([]line, 0, len(records))
	for _, record := range records {
		text, err := record.file.Contents(ctx)
		if err != nil {
			return "", failure("the record of step "+record.name, err)
		}
		var ran line
		if err := json.Unmarshal([]byte(text), &ran); err != nil {
			return "", fmt.Errorf("the record of step %s: %w", record.name, err)
		}
		ran.Name, ran.Verdict = record.name, record.verdict
		lines = append(lines, ran)
	}
	return indented(lines)
}
