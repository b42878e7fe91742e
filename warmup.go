package main

import (
	"context"
	"fmt"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// maxWarmup is how many warm-up requests TensorFlow Serving takes.
const maxWarmup = 1000

// Return the model with warm-up requests in assets.extra, so that TensorFlow Serving answers its first caller fast.
//
// TensorFlow Serving replays the requests when it loads the model; each of them is answered by the model here first.
//
// +cache="session"
func (m *Model) Warmup(
	ctx context.Context,
	// Requests to write, one row each, 1 to 1000. Example: 64
	// +default=32
	rows int,
	// Rows to make the requests of, .csv or .npz; the first such file in train.data by default. Example: data/train.csv
	// +optional
	data *dagger.File,
) (*Model, error) {
	if rows < 1 || rows > maxWarmup {
		return nil, fmt.Errorf("--rows is %d: want 1 to %d, TensorFlow Serving takes no more", rows, maxWarmup)
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	if settings.Evaluate.Label == "" {
		return nil, fmt.Errorf("warmup: set evaluate.label in %s, the column or array that is no input of the model", config.FileName)
	}
	given, err := m.Line.trainingRows(ctx, settings, data, "data")
	if err != nil {
		return nil, fmt.Errorf("warmup: %w", err)
	}
	place, err := rowsPath(ctx, "/rows", given)
	if err != nil {
		return nil, fmt.Errorf("--data: %w", err)
	}
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, err
	}
	done, err := m.convert(ctx, settings, python.WithMountedFile(place, given), "warmup", "warmup.py",
		append(rowFlags(settings.Evaluate), "--data", place, "--rows", fmt.Sprint(rows), "--name", settings.Model, "--out", exportDir)...)
	if err != nil {
		return nil, err
	}
	warm := *m
	warm.SavedModel = m.SavedModel.WithDirectory(".", done.Directory(exportDir))
	return &warm, nil
}
