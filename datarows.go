package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// trainingData is the data folder without the rows that the model will be judged on.
func (m *TensorflowCi) trainingData(ctx context.Context, settings config.Config) (*dagger.Directory, error) {
	return trainingRows.Find(m.dataPlace(settings), func() (*dagger.Directory, error) { return m.pickTrainingData(ctx, settings) })
}

// trainingRows are the folders of data that this call has looked into.
var trainingRows answers.Book[dataPlace, *dagger.Directory]

// dataPlace is all that the rows of a project follow from: where they lie, and which of them are held out.
type dataPlace struct {
	source, given          *dagger.Directory
	config                 *dagger.Secret
	folder, store, heldOut string
}

func (m *TensorflowCi) dataPlace(settings config.Config) dataPlace {
	return dataPlace{m.Source, m.Data, m.DataConfig, settings.Train.Data, settings.Train.Store, settings.Evaluate.Data}
}

func (m *TensorflowCi) pickTrainingData(ctx context.Context, settings config.Config) (*dagger.Directory, error) {
	data, err := m.dataFolder(ctx, settings)
	if err != nil {
		return nil, err
	}
	if heldOut, inside := strings.CutPrefix(settings.Evaluate.Data, settings.Train.Data+"/"); inside {
		data = data.WithoutFile(heldOut)
	}
	entries, err := data.Entries(ctx)
	if err != nil {
		return nil, failure("cannot read the data folder "+settings.Train.Data, err)
	}
	if len(entries) == 0 {
		return nil, fmt.Errorf("the data folder %s is empty: put the training data there, or give it with --data (files that git ignores are not sent)",
			settings.Train.Data)
	}
	return data, nil
}

// dataRows are training and held-out data, as the programs of the line are told where they lie.
type dataRows struct {
	flags  []string
	mounts []dagger.WithContainerFunc
}

func (r dataRows) mounted(container *dagger.Container) *dagger.Container {
	for _, mount := range r.mounts {
		container = container.With(mount)
	}
	return container
}

func (m *TensorflowCi) dataRows(ctx context.Context, settings config.Config) (dataRows, error) {
	const place = "/training"
	training, err := m.trainingData(ctx, settings)
	if err != nil {
		return dataRows{}, err
	}
	rows := dataRows{
		flags: []string{"--data", place, "--name", settings.Train.Data},
		mounts: []dagger.WithContainerFunc{func(container *dagger.Container) *dagger.Container {
			return container.WithMountedDirectory(place, training)
		}},
	}
	if settings.Evaluate.Data == "" {
		return rows, nil
	}
	file, err := m.evaluationData(ctx, settings)
	if err != nil {
		return dataRows{}, err
	}
	held, err := rowsPath(ctx, "/held-out", file)
	if err != nil {
		return dataRows{}, fmt.Errorf("held-out data: %w", err)
	}
	rows.flags = append(rows.flags, "--held-out", held, "--held-out-name", settings.Evaluate.Data)
	rows.mounts = append(rows.mounts, func(container *dagger.Container) *dagger.Container {
		return container.WithMountedFile(held, file)
	})
	return rows, nil
}
