package main

import (
	"context"
	"fmt"
	"regexp"

	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/report"
)

// person is a user's name, as a line of a file of variables can hold it.
var person = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,254}$`)

// Return everything that is released of a model that an earlier job trained; it stops at a gate that does not hold.
//
// The directory has the same form as that of run, without the reports on the code: model/, logs/, exports/, metrics.json,
// manifest.json, report/index.html, reports/evaluation.json, reports/predictions.csv and a report for each export. model.env tells the jobs of a CI system what was
// bundled, a variable a line: MODEL_NAME, MODEL_DIGEST, and, where they were given, MODEL_VERSION and MODEL_STARTED_BY.
//
// +cache="session"
func (m *Model) Bundle(
	ctx context.Context,
	// Version under which the model will be served, a whole number from 1. Example: $CI_PIPELINE_IID
	// +optional
	version int,
	// Who began the pipeline, so that somebody else can be asked to approve. Example: $GITLAB_USER_LOGIN
	// +optional
	startedBy string,
	// Model to compare with, for max-drop rules: a SavedModel directory or an earlier output of run.
	// +optional
	baseline *dagger.Directory,
) (*dagger.Directory, error) {
	if version < 0 {
		return nil, fmt.Errorf("--version is %d: want a whole number from 1, which TensorFlow Serving takes for a version", version)
	}
	if startedBy != "" && !person.MatchString(startedBy) {
		return nil, fmt.Errorf("--started-by is %.80q: want a user's name of letters, digits, dots, dashes, underscores and @", startedBy)
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	made, err := m.made(ctx, settings)
	if err != nil {
		return nil, err
	}
	judged, err := m.judged(ctx, settings, baseline)
	if err != nil {
		return nil, err
	}
	digest, err := judged.evaluation.modelDigest(ctx)
	if err != nil {
		return nil, err
	}
	manifest, err := m.manifest(ctx, made, judged.evaluation)
	if err != nil {
		return nil, err
	}
	variables := fmt.Sprintf("MODEL_NAME=%s\nMODEL_DIGEST=%s\n", settings.Model, digest.CanonicalDigest)
	if version > 0 {
		variables += fmt.Sprintf("MODEL_VERSION=%d\n", version)
	}
	if startedBy != "" {
		variables += fmt.Sprintf("MODEL_STARTED_BY=%s\n", startedBy)
	}
	bundle, err := m.delivered(ctx, settings, judged, manifest, report.Input{})
	if err != nil {
		return nil, err
	}
	return bundle.WithNewFile("model.env", variables), nil
}
