package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
)

// Explanation answers why a model is another than the one before, on a page.
type Explanation struct {
	// Whether the two are one model: equal canonical digests.
	Same bool
	// The answer for a person who reads a log.
	Text string
	// explanation.json, for programs: every difference, none left out.
	Json *dagger.File
	// explanation.md, for a merge request.
	Markdown *dagger.File
}

// Explain why a model changed: what differs in code, data, packages, image, parameters, seed and hardware, and what that did.
//
// Both sides are outputs of a run (--before, --after), or their manifest.json alone. With the data themselves (--before-data,
// --after-data) it names the rows that were added, removed and changed; without them it says what the manifests know of rows,
// columns and label balance. Held-out rows that flip are counted where both outputs hold reports/predictions.csv.
//
// +cache="session"
func (m *TensorflowCi) Explain(
	ctx context.Context,
	// Output of the earlier run. Example: out-before
	// +optional
	// +ignore=["**", "!manifest.json", "!reports/predictions.csv"]
	before *dagger.Directory,
	// Output of the later run. Example: out
	// +optional
	// +ignore=["**", "!manifest.json", "!reports/predictions.csv"]
	after *dagger.Directory,
	// manifest.json of the earlier run, in place of its output.
	// +optional
	beforeManifest *dagger.File,
	// manifest.json of the later run, in place of its output.
	// +optional
	afterManifest *dagger.File,
	// Data folder of the earlier run, to compare row by row.
	// +optional
	beforeData *dagger.Directory,
	// Data folder of the later run, to compare row by row.
	// +optional
	afterData *dagger.Directory,
) (*Explanation, error) {
	if (beforeData == nil) != (afterData == nil) {
		return nil, errors.New("explain: give both --before-data and --after-data, or neither")
	}
	old, err := readSide(ctx, "before", before, beforeManifest)
	if err != nil {
		return nil, err
	}
	new, err := readSide(ctx, "after", after, afterManifest)
	if err != nil {
		return nil, err
	}
	explained := lineage.Explain(old.manifest, new.manifest)
	if beforeData != nil {
		changes, err := m.rowChanges(ctx, old.manifest, new.manifest, beforeData, afterData)
		if err != nil {
			return nil, err
		}
		explained = explained.WithRows(changes)
	}
	if old.predictions != "" && new.predictions != "" {
		if explained, err = explained.WithPredictions([]byte(old.predictions), []byte(new.predictions)); err != nil {
			return nil, fmt.Errorf("explain: %w", err)
		}
	}
	text, err := explained.JSON()
	if err != nil {
		return nil, err
	}
	files := dag.Directory().WithNewFile("explanation.json", string(text)).WithNewFile("explanation.md", explained.Markdown())
	return &Explanation{
		Same:     explained.Same,
		Text:     explained.Text(),
		Json:     files.File("explanation.json"),
		Markdown: files.File("explanation.md"),
	}, nil
}

// side is what is known of one of two models.
type side struct {
	manifest    lineage.Manifest
	predictions string // empty where they were not kept
}

// readSide reads the manifest that was given, or that of the output that was.
func readSide(ctx context.Context, name string, output *dagger.Directory, manifest *dagger.File) (side, error) {
	var read side
	flag := "--" + name
	switch {
	case output == nil && manifest == nil:
		return read, fmt.Errorf("explain: %s is missing: give the output of a run, or its manifest with %s-manifest", flag, flag)
	case output != nil && manifest != nil:
		return read, fmt.Errorf("explain: give either %s or %s-manifest, not both", flag, flag)
	case output != nil:
		names, err := output.Glob(ctx, "**/*")
		if err != nil {
			return read, failure("explain: cannot read "+flag, err)
		}
		if !slices.Contains(names, lineage.FileName) {
			return read, fmt.Errorf("explain: %s holds no %s: give the output of a run", flag, lineage.FileName)
		}
		manifest = output.File(lineage.FileName)
		if slices.Contains(names, lineage.PredictionsFile) {
			if read.predictions, err = output.File(lineage.PredictionsFile).Contents(ctx); err != nil {
				return read, failure("explain: cannot read "+lineage.PredictionsFile+" of "+flag, err)
			}
		}
	}
	text, err := manifest.Contents(ctx)
	if err != nil {
		return read, failure("explain: cannot read the manifest of "+flag, err)
	}
	if read.manifest, err = lineage.Read([]byte(text)); err != nil {
		return read, fmt.Errorf("explain: %s: %w", flag, err)
	}
	return read, nil
}

// rowChanges compares two data folders row by row; what the models were judged on is left out, as it is in training.
func (m *TensorflowCi) rowChanges(ctx context.Context, old, new lineage.Manifest, before, after *dagger.Directory) ([]lineage.RowChange, error) {
	python, err := m.python(ctx)
	if err != nil {
		return nil, err
	}
	name := new.Data.Path
	if new.Data.Version != "" { // in a bucket
		name = config.StoredData
	}
	text, err := python.
		With(scripts("datadiff.py", "datafiles.py")).
		WithMountedDirectory("/before", withoutHeldOut(before, old, name)).
		WithMountedDirectory("/after", withoutHeldOut(after, new, name)).
		WithExec([]string{"python3", lineDir + "/datadiff.py", "--before", "/before", "--after", "/after", "--name", name}).
		Stdout(ctx)
	if err != nil {
		return nil, failure("explain: the comparison of the data", err)
	}
	return lineage.ReadRowChanges([]byte(text))
}

// withoutHeldOut is a data folder as the training of a manifest saw it.
func withoutHeldOut(data *dagger.Directory, of lineage.Manifest, folder string) *dagger.Directory {
	for path := range of.Data.HeldOut {
		if inside, found := strings.CutPrefix(path, folder+"/"); found {
			data = data.WithoutFile(inside)
		}
	}
	return data
}
