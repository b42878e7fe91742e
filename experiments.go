package main

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/grid"
	"dagger/tensorflow-ci/internal/dagger"
)

// Experiments are the trainings of a parameter grid, side by side.
type Experiments struct {
	// table.md and table.json: for each cell its parameters, metrics, the model's canonical digest, the gate's verdict or the error.
	Table *dagger.Directory
	// One line: how many cells, how many failed, and which is the best.
	Summary string
	// +private
	Winner *Model
	// +private
	NoWinner string
	// +private
	Failed string
}

// Return the best model: of the cells whose gate holds, the one with the best figure.
//
// +cache="session"
func (e *Experiments) Best() (*Model, error) {
	if e.Winner == nil {
		return nil, errors.New("experiments: " + e.NoWinner)
	}
	return e.Winner, nil
}

// Fail when a cell has no model or no figures, naming each, or when there is no best one.
func (e *Experiments) Check() error {
	if e.Failed != "" {
		return errors.New("experiments: " + e.Failed)
	}
	_, err := e.Best()
	return err
}

// Train and judge a model for each combination of a parameter grid, and return one table of all.
//
// Every cell is a training of its own with a place of its own in the cache: a grid that grows trains its new cells only.
// A cell that fails takes no other with it; only the check fails: experiments check.
//
// +cache="never"
func (m *TensorflowCi) Experiments(
	ctx context.Context,
	// YAML file: a mapping of train.args.NAME and train.seed to lists of values. Example of a line: train.args.epochs: [10, 50]
	file *dagger.File,
	// Cells that train at the same time.
	// +default=2
	parallel int,
	// Metric that decides which model is the best; of one that measures an error, such as loss, less is better.
	// +default="accuracy"
	metric string,
) (*Experiments, error) {
	if parallel < 1 {
		return nil, fmt.Errorf("experiments: --parallel is %d; allowed: 1 or more", parallel)
	}
	text, err := file.Contents(ctx)
	if err != nil {
		return nil, failure("cannot read the grid", err)
	}
	cells, err := grid.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	for _, cell := range cells {
		if _, err := settings.Override(cell.Settings()); err != nil {
			return nil, fmt.Errorf("grid: %s: %w", cell, err)
		}
	}
	table, models := make(grid.Table, len(cells)), make([]*Model, len(cells))
	var group errgroup.Group
	group.SetLimit(parallel)
	for at, cell := range cells {
		group.Go(func() error {
			table[at], models[at] = m.experiment(ctx, cell)
			return nil
		})
	}
	_ = group.Wait() // a cell's failure is in its row
	return newExperiments(table, models, metric)
}

// experiment trains and judges one cell.
func (m *TensorflowCi) experiment(ctx context.Context, cell grid.Cell) (grid.Row, *Model) {
	failed := func(err error) (grid.Row, *Model) { return grid.Row{Cell: cell, Err: err}, nil }
	line := *m
	line.Set = append(append([]string{}, m.Set...), cell.Settings()...)
	model, err := line.Train(ctx)
	if err != nil {
		return failed(err)
	}
	evaluation, err := model.Evaluate(ctx, nil, nil)
	if err != nil {
		return failed(err)
	}
	text, err := evaluation.Report.Contents(ctx)
	if err != nil {
		return failed(failure("the evaluation's report", err))
	}
	measured, err := gate.ReadMeasured([]byte(text))
	if err != nil {
		return failed(err)
	}
	digest, err := model.Digest(ctx)
	if err != nil {
		return failed(err)
	}
	return grid.Row{Cell: cell, Metrics: measured.Metrics, Digest: digest, Gate: evaluation.Reason}, model
}

func newExperiments(table grid.Table, models []*Model, metric string) (*Experiments, error) {
	text, err := table.JSON()
	if err != nil {
		return nil, err
	}
	experiments := &Experiments{
		Table: dag.Directory().WithNewFile("table.md", table.Markdown(metric)).WithNewFile("table.json", string(text)),
	}
	failed := 0
	for _, row := range table {
		if row.Err != nil {
			failed++
		}
	}
	experiments.Summary = fmt.Sprintf("%d cells, %d failed", len(table), failed)
	if err := table.Err(); err != nil {
		experiments.Failed = err.Error()
	}
	best, err := table.Best(metric)
	if err != nil {
		experiments.NoWinner = err.Error()
		experiments.Summary += ", none is best: " + experiments.NoWinner
		return experiments, nil
	}
	experiments.Winner = models[best]
	experiments.Summary += fmt.Sprintf(", best by %s: cell %d (%s), %g", metric, best+1, table[best].Cell, *table[best].Metrics[metric])
	return experiments, nil
}
