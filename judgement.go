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

// judgement is a model that passed its gate, and what was made of it meanwhile.
type judgement struct {
	evaluation *Evaluation
	exports    []*Export         // in the order of the setting exports
	pictures   *dagger.Directory // of its report; nil where none is wanted
}

// judged evaluates the model and makes its other forms at the same time, since neither waits for the other; the pictures of
// its report, where one is wanted, follow the evaluation. The gate's word comes first: a model that does not pass it has no
// other forms, whatever became of them.
func (m *Model) judged(ctx context.Context, settings config.Config, baseline *dagger.Directory) (judgement, error) {
	judged := judgement{exports: make([]*Export, len(settings.Exports))}
	judge := func(ctx context.Context) (err error) {
		if judged.evaluation, err = m.Evaluate(ctx, nil, baseline); err != nil {
			return err
		}
		if err = judged.evaluation.Check(); err == nil && settings.Report {
			judged.pictures, err = m.Line.pictures(ctx, settings, judged.evaluation.Report, judged.evaluation.Predictions, m.Logs)
		}
		return err
	}
	export := func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		for i, form := range settings.Exports {
			group.Go(func() (err error) {
				judged.exports[i], err = m.export(ctx, form)
				return err
			})
		}
		return group.Wait()
	}
	err := sequence.Beside(ctx, judge, export)
	return judged, err
}

// delivered is what run and bundle both leave of a model; in holds what else its report tells of.
func (m *Model) delivered(ctx context.Context, settings config.Config, judged judgement, manifest *dagger.File, in report.Input) (*dagger.Directory, error) {
	made := dag.Directory().
		WithDirectory("model", m.SavedModel).
		WithDirectory("logs", m.Logs).
		WithFile("metrics.json", judged.evaluation.Metrics).
		WithFile(lineage.FileName, manifest).
		WithFile("reports/evaluation.json", judged.evaluation.Report).
		WithFile("reports/predictions.csv", judged.evaluation.Predictions)
	for i, form := range settings.Exports {
		made = made.
			WithDirectory("exports/"+form, judged.exports[i].Directory).
			WithFile("reports/"+form+".json", judged.exports[i].Report)
	}
	if !settings.Report {
		return made, nil
	}
	page, err := m.page(ctx, in, judged, manifest)
	if err != nil {
		return nil, err
	}
	return made.WithDirectory("report", page), nil
}
