package main

import (
	"context"
	"encoding/json"
	"fmt"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/report"
)

// Run the whole line and return everything it made; it stops at the first gate that does not hold.
//
// The directory holds model/ (the SavedModel), logs/ (TensorBoard events), metrics.json, manifest.json (the lineage),
// exports/ (the model in each form that exports names, such as tflite/model.tflite), and reports/: lint.sarif, junit.xml,
// coverage.xml, evaluation.json, predictions.csv, tflite.json, what a scan of the environment gives (scan.json, scan.sarif, sbom.cdx.json,
// gl-container-scanning-report.json and others), and steps.json (when each step really ran, for how long). report/index.html
// shows all of it to a person (report: false leaves it out).
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
	found, err := m.checked(ctx, settings, installed)
	if err != nil {
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
	manifest, exports, pictures, err := model.described(ctx, settings, evaluation)
	if err != nil {
		return nil, err
	}
	records := []record{
		{"install", "passed", installed.File(lineDir + "/install/run.json")},
		{"lint", found.lint.Summary, found.lint.Record},
		{"scan", found.scan.Summary, found.scan.Record},
		{"test", found.test.Summary, found.test.Record},
		{"train", "passed", model.Record},
		{"evaluate", evaluation.Summary, evaluation.Record},
	}
	made := dag.Directory()
	for i, form := range settings.Exports {
		records = append(records, record{form, exports[i].Summary, exports[i].Record})
		made = made.
			WithDirectory("exports/"+form, exports[i].Directory).
			WithFile("reports/"+form+".json", exports[i].Report)
	}
	steps, err := recorded(ctx, records)
	if err != nil {
		return nil, err
	}
	if settings.Report {
		page, err := model.page(ctx, report.Input{Scan: found.scan.Verdict, Steps: []byte(steps)}, evaluation, manifest, exports, pictures)
		if err != nil {
			return nil, err
		}
		made = made.WithDirectory("report", page)
	}
	return made.
		WithDirectory("model", model.SavedModel).
		WithDirectory("logs", model.Logs).
		WithFile("metrics.json", evaluation.Metrics).
		WithFile(lineage.FileName, manifest).
		WithDirectory("reports", found.lint.Reports).
		WithDirectory("reports", found.scan.Reports()).
		WithDirectory("reports", found.test.Reports).
		WithFile("reports/evaluation.json", evaluation.Report).
		WithFile("reports/predictions.csv", evaluation.Predictions).
		WithNewFile("reports/steps.json", steps), nil
}

// checks is what the steps found that need no model.
type checks struct {
	lint *LintReport
	test *TestReport
	scan *ScanReport
}

// checked runs side by side what looks at the code and its packages alone, and stops at the first that does not hold.
func (m *TensorflowCi) checked(ctx context.Context, settings config.Config, installed *dagger.Container) (checks, error) {
	var found checks
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if found.lint, err = m.lint(ctx, settings); err != nil {
			return err
		}
		return found.lint.Check()
	})
	group.Go(func() (err error) {
		if found.test, err = m.test(ctx, settings, installed); err != nil {
			return err
		}
		return found.test.Check()
	})
	group.Go(func() (err error) {
		found.scan, err = m.safe(ctx, settings)
		return err
	})
	err := group.Wait()
	return found, err
}

// described makes side by side what follows from a model that passed its gate: its manifest, its other forms, and the pictures
// of its report where one is wanted.
func (m *Model) described(ctx context.Context, settings config.Config, evaluation *Evaluation) (manifest *dagger.File, exports []*Export, pictures *dagger.Directory, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		manifest, err = m.manifest(ctx, settings, evaluation)
		return err
	})
	if settings.Report {
		group.Go(func() (err error) {
			pictures, err = m.Line.pictures(ctx, settings, evaluation.Report, evaluation.Predictions, m.Logs)
			return err
		})
	}
	exports = make([]*Export, len(settings.Exports))
	for i, form := range settings.Exports {
		group.Go(func() (err error) {
			exports[i], err = m.export(ctx, form)
			return err
		})
	}
	err = group.Wait()
	return manifest, exports, pictures, err
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
