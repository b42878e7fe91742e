package main

import (
	"context"
	"fmt"
	"time"

	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/release"
)

// Approve a model for production, and return the approval that promote asks for: who, when, and which model by its digest.
//
// Nothing in the store changes. In a pipeline this is the job that a person starts by hand.
//
// +cache="never"
func (r *Release) Approve(
	ctx context.Context,
	// Who approves; their own name or login. Example: $GITLAB_USER_LOGIN
	as string,
	// Version that was looked at; 0 for the canary or, where there is none, the one in the test environment.
	// +optional
	version int,
	// Canonical digest of the model that was looked at, in place of a version. Example: $MODEL_DIGEST
	// +optional
	digest string,
) (*dagger.File, error) {
	var file *dagger.File
	err := r.reading(ctx, func(store *openStore) error {
		state, _, _, err := store.book.Look(ctx)
		if err != nil {
			return err
		}
		wanted, err := state.ForApproval(int64(version), digest)
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		text, err := release.Approval{
			Model: state.Model, Digest: wanted.Digest, By: as, At: time.Now().UTC().Truncate(time.Second),
			StartedBy: r.StartedBy, Pipeline: r.PipelineURL,
		}.Encode()
		if err != nil {
			return fmt.Errorf("approve: %w", err)
		}
		file = dag.Directory().WithNewFile("approval.json", string(text)).File("approval.json")
		return nil
	})
	return file, err
}
