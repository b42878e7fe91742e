package main

import (
	"context"
	"fmt"
	"time"

	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/release"
)

// Show the versions of the model and their states.
//
// +cache="never"
func (r *Release) Status(ctx context.Context) (string, error) {
	var text string
	err := r.reading(ctx, func(store *openStore) error {
		state, _, pending, err := store.book.Look(ctx)
		if err != nil {
			return err
		}
		text = state.Table()
		if pending != nil {
			text += fmt.Sprintf("unfinished: %s by %s at %s; it was cut off, the next transition finishes it\n", pending.Text(), pending.By, pending.At.Format(time.RFC3339))
		}
		return nil
	})
	return text, err
}

// Return the state of the model as JSON: its versions, their states, and the canary's part of the traffic.
//
// +cache="never"
func (r *Release) State(ctx context.Context) (*dagger.File, error) {
	var file *dagger.File
	err := r.reading(ctx, func(store *openStore) error {
		state, _, _, err := store.book.Look(ctx)
		if err != nil {
			return err
		}
		text, err := indented(state)
		if err != nil {
			return err
		}
		file = dag.Directory().WithNewFile("state.json", text).File("state.json")
		return nil
	})
	return file, err
}

// Show who did what to the model, when and why, from its first push on; checks that it leads to the present state.
//
// +cache="never"
func (r *Release) History(ctx context.Context) (string, error) {
	var text string
	err := r.reading(ctx, func(store *openStore) error {
		records, err := store.book.History(ctx)
		if err != nil {
			return err
		}
		text = release.HistoryTable(records)
		return nil
	})
	return text, err
}

// reading opens the store for one look.
func (r *Release) reading(ctx context.Context, look func(*openStore) error) error {
	settings, err := r.Line.settings(ctx)
	if err != nil {
		return err
	}
	store, err := r.open(ctx, settings, nil)
	if err != nil {
		return err
	}
	defer store.close(ctx)
	if err := look(store); err != nil {
		return fmt.Errorf("%s: %w", store.address, err)
	}
	return nil
}
