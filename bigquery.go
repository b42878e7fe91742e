package main

import (
	"context"
	"errors"
	"strings"

	"dagger/tensorflow-ci/internal/dagger"
)

// Write the statement that imports the model into BigQuery ML, after holding the model against BigQuery's limits.
//
// The limits are size (450 MB), operations, types and versions. The report says how the model stands to each, also when
// one is passed; only the export's check fails then: bigquery check.
//
// +cache="session"
func (m *Model) Bigquery(
	ctx context.Context,
	// Cloud Storage folder that the SavedModel will lie in. Example: gs://models/phishing/3
	uri string,
	// Model to create, as dataset.model or project.dataset.model. Example: risk.phishing
	name string,
) (*Export, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, err
	}
	// A refused model has a report as well, so the status alone decides nothing.
	done, err := python.
		With(scripts("bigquery.py", "savedmodel.py")).
		WithMountedDirectory(modelDir, m.SavedModel).
		WithExec([]string{
			"python3", lineDir + "/step.py", "--name", "bigquery", "--record", outDir + "/run.json", "--limit", seconds(settings.Train.TimeLimit),
			"--", "python3", lineDir + "/bigquery.py", "--model", modelDir, "--signature", settings.Evaluate.Signature,
			// In one word each, so that a value which starts with a dash is still a value.
			"--uri=" + uri, "--name=" + name, "--out", exportDir,
		}, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}).
		Sync(ctx)
	if err != nil {
		return nil, failure("bigquery", err)
	}
	status, err := done.ExitCode(ctx)
	if err != nil {
		return nil, failure("bigquery", err)
	}
	export := &Export{Passed: status == 0, Summary: "BigQuery would import this model as " + name, Record: done.File(outDir + "/run.json")}
	if !export.Passed {
		said, err := done.Stderr(ctx)
		if err != nil {
			return nil, failure("bigquery", err)
		}
		export.Reason = explained(said, status)
		export.Summary, _, _ = strings.Cut(export.Reason, "\n")
		judged, err := done.Exists(ctx, exportDir+"/bigquery.json")
		if err != nil {
			return nil, failure("bigquery", err)
		}
		if !judged {
			return nil, errors.New("bigquery: " + export.Reason)
		}
	}
	files := done.Directory(exportDir)
	export.Report = files.File("bigquery.json")
	export.Directory = files.WithoutFile("bigquery.json")
	return export, nil
}
