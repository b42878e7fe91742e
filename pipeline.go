package main

import (
	"context"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/report"
	"dagger/tensorflow-ci/sequence"
)

// Run the whole line and return everything it made; it stops at the first gate that does not hold.
//
// A model that needs no GPU is trained while lint, tests, scan and data check run; the first of them that does not hold ends
// the training and is what the run fails with. A training on GPUs begins when all have held.
//
// The directory holds model/ (the SavedModel), logs/ (TensorBoard events), metrics.json, manifest.json (the lineage),
// exports/ (the model in each form that exports names, such as tflite/model.tflite), and reports/: lint.sarif, junit.xml,
// coverage.xml, evaluation.json, predictions.csv, data-profile.json, tflite.json, what a scan of the environment gives
// (scan.json, scan.sarif, sbom.cdx.json, gl-container-scanning-report.json and others), and steps.json (when each step really
// ran, for how long, and why: which of its inputs changed). report/index.html shows all of it to a person (report: false
// leaves it out).
//
// +cache="never"
func (m *TensorflowCi) Pipeline(
	ctx context.Context,
	// Model to compare with, for max-drop rules: a SavedModel directory or an earlier output of pipeline.
	// +optional
	baseline *dagger.Directory,
	// Private ed25519 key (PKCS #8, PEM): with it the output holds attestation.json, as sign makes it. Example: env://SIGNING_KEY
	// +optional
	signingKey *dagger.Secret,
	// Output of an earlier run, to say in steps.json which inputs changed since: reports/steps.json of it is read.
	// +optional
	// +ignore=["**", "!reports/steps.json"]
	previous *dagger.Directory,
) (*dagger.Directory, error) {
	key, err := keyOf(ctx, signingKey)
	if err != nil {
		return nil, err
	}
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	account, err := m.account(ctx, settings, previous)
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
	var (
		found  checks
		model  *Model
		judged judgement
	)
	check := func(ctx context.Context) (err error) {
		found, err = m.checked(ctx, settings, installed)
		return err
	}
	build := func(ctx context.Context) (err error) {
		if model, err = m.train(ctx, settings, installed); err == nil {
			judged, err = model.judged(ctx, settings, baseline)
		}
		return err
	}
	if err := order(settings)(ctx, check, build); err != nil {
		return nil, err
	}
	recipe := found.recipe
	if err := model.addTraining(ctx, &recipe); err != nil {
		return nil, err
	}
	manifest, err := model.manifest(ctx, recipe, judged.evaluation)
	if err != nil {
		return nil, err
	}
	trained, err := model.trained(ctx)
	if err != nil {
		return nil, err
	}
	records := []record{
		{"install", "passed", installed.File(lineDir + "/install/run.json")},
		{"data", found.data.Summary, found.data.Record},
		{"lint", found.lint.Summary, found.lint.Record},
		{"scan", found.scan.Summary, found.scan.Record},
		{"test", found.test.Summary, found.test.Record},
		{"train", trained, model.Record},
		{"evaluate", judged.evaluation.Summary, judged.evaluation.Record},
	}
	for i, form := range settings.Exports {
		records = append(records, record{form, judged.exports[i].Summary, judged.exports[i].Record})
	}
	steps, err := account.recorded(ctx, model, records)
	if err != nil {
		return nil, err
	}
	made, err := model.delivered(ctx, settings, judged, manifest, report.Input{Scan: found.scan.Verdict, Steps: []byte(steps)})
	if err != nil {
		return nil, err
	}
	made = made.
		WithDirectory("reports", found.lint.Reports).
		WithDirectory("reports", found.scan.Reports()).
		WithDirectory("reports", found.test.Reports).
		WithDirectory("reports", found.data.Reports).
		WithNewFile("reports/steps.json", steps)
	return m.attested(ctx, made, key)
}

// order is how the model is made after its checks: processors have time for it meanwhile; GPUs, which are scarce and often
// shared, wait until all have held.
func order(settings config.Config) func(ctx context.Context, first, second sequence.Part) error {
	if settings.Train.GPUs == config.NoGPUs {
		return sequence.Beside
	}
	return sequence.InTurn
}

// checks is what is found before there is a model.
type checks struct {
	lint   *LintReport
	test   *TestReport
	scan   *ScanReport
	data   *DataReport
	recipe lineage.Manifest
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
		found.scan, err = m.safeWith(ctx, settings, config.ScanEnvironment, installed.Rootfs())
		return err
	})
	group.Go(func() (err error) {
		found.recipe, err = m.recipe(ctx, settings)
		return err
	})
	group.Go(func() (err error) {
		if found.data, err = m.dataCheck(ctx, settings); err != nil {
			return err
		}
		return found.data.Check()
	})
	err := group.Wait()
	return found, err
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
	// Private ed25519 key (PKCS #8, PEM): with it the output holds attestation.json, as sign makes it. Example: env://SIGNING_KEY
	// +optional
	signingKey *dagger.Secret,
	// Output of an earlier run, to say in steps.json which inputs changed since: reports/steps.json of it is read.
	// +optional
	// +ignore=["**", "!reports/steps.json"]
	previous *dagger.Directory,
) (*dagger.Directory, error) {
	return m.Pipeline(ctx, baseline, signingKey, previous)
}

// record is a step's own account of its last real run.
type record struct {
	name    string
	verdict string
	file    *dagger.File
}
