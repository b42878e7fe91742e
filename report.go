package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/report"
)

// Lay out what a run left as one HTML page, a text for a merge request, and pictures.
//
// The directory holds index.html (everything in one file, which needs no network), report.md, and each picture as PNG. What
// the result lacks is left out and named: only evaluation.json must be there, so that a job can report on a model whose gate
// stayed closed.
//
// +cache="session"
func (m *TensorflowCi) Report(
	ctx context.Context,
	// Output of run, or a directory of the same shape that other jobs filled: reports/evaluation.json, reports/predictions.csv,
	// reports/steps.json, reports/verdict.txt, logs/, model/, manifest.json. Example: out
	result *dagger.Directory,
) (*dagger.Directory, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	evaluation, err := oneFile(ctx, result, "reports/evaluation.json", "evaluation.json")
	if err != nil {
		return nil, err
	}
	if evaluation == nil {
		return nil, errors.New("--result holds no reports/evaluation.json: give what run leaves, or put what evaluate leaves there (evaluate report export --path out/reports/evaluation.json)")
	}
	predictions, err := oneFile(ctx, result, "reports/predictions.csv", "predictions.csv")
	if err != nil {
		return nil, err
	}
	logs, err := oneFolder(ctx, result, "logs")
	if err != nil {
		return nil, err
	}
	model, err := oneFolder(ctx, result, "model")
	if err != nil {
		return nil, err
	}
	pictures, err := m.pictures(ctx, settings, evaluation, predictions, logs)
	if err != nil {
		return nil, err
	}
	in := report.Input{Exports: map[string][]byte{}}
	for _, part := range []struct {
		names []string
		into  func(text []byte)
	}{
		{[]string{lineage.FileName}, func(text []byte) { in.Manifest = text }},
		{[]string{"reports/steps.json"}, func(text []byte) { in.Steps = text }},
		{[]string{"reports/verdict.txt", "verdict.txt"}, func(text []byte) { in.Scan = string(text) }},
		{exportReport(config.Tflite), func(text []byte) { in.Exports[config.Tflite] = text }},
		{exportReport(config.Tfjs), func(text []byte) { in.Exports[config.Tfjs] = text }},
		{exportReport(config.Onnx), func(text []byte) { in.Exports[config.Onnx] = text }},
	} {
		file, err := oneFile(ctx, result, part.names...)
		if err != nil {
			return nil, err
		}
		if file == nil {
			continue
		}
		text, err := file.Contents(ctx)
		if err != nil {
			return nil, failure("cannot read "+part.names[0]+" in --result", err)
		}
		part.into([]byte(text))
	}
	return reported(ctx, in, evaluation, model, pictures)
}

// Lay out what is known of the model as one HTML page, a text for a merge request, and pictures, also when its gate stays closed.
//
// The directory holds index.html, report.md and each picture as PNG. In a run, the page also has scan, exports and lineage.
//
// +cache="session"
func (m *Model) Report(
	ctx context.Context,
	// Held-out data instead of evaluate.data: .csv or .npz. Example: data/recent.csv
	// +optional
	data *dagger.File,
	// Model to compare with: a SavedModel directory or the output of run. Example: last-release
	// +optional
	baseline *dagger.Directory,
) (*dagger.Directory, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	evaluation, err := m.Evaluate(ctx, data, baseline)
	if err != nil {
		return nil, err
	}
	pictures, err := m.Line.pictures(ctx, settings, evaluation.Report, evaluation.Predictions, m.Logs)
	if err != nil {
		return nil, err
	}
	return reported(ctx, report.Input{}, evaluation.Report, m.SavedModel, pictures)
}

// page is the report of a run: what it found beside the model, in, and what it made of the model.
func (m *Model) page(ctx context.Context, in report.Input, judged judgement, manifest *dagger.File) (*dagger.Directory, error) {
	text, err := manifest.Contents(ctx)
	if err != nil {
		return nil, failure("the report", err)
	}
	in.Manifest, in.Exports = []byte(text), map[string][]byte{}
	for at, export := range judged.exports {
		text, err := export.Report.Contents(ctx)
		if err != nil {
			return nil, failure("the report", err)
		}
		in.Exports[fmt.Sprint(at)] = []byte(text) // the report itself says which form it is of
	}
	return reported(ctx, in, judged.evaluation.Report, m.SavedModel, judged.pictures)
}

// exportReport is where the report of an export may lie in a result.
func exportReport(form string) []string {
	return []string{"reports/" + form + ".json", "exports/" + form + "/report.json"}
}

// pictures draws what an evaluation and a training show; predictions may be nil.
//
// It depends on nothing that differs between two runs of equal inputs, so a run that trains nothing draws nothing.
func (m *TensorflowCi) pictures(ctx context.Context, settings config.Config, evaluation, predictions *dagger.File, logs *dagger.Directory) (*dagger.Directory, error) {
	python, err := m.pythonWith(ctx, settings, "matplotlib")
	if err != nil {
		return nil, fmt.Errorf("%w\nWhere no report is wanted, set report: false in %s", err, config.FileName)
	}
	command := []string{"python3", lineDir + "/report.py", "--evaluation", "/evaluation.json", "--logs", "/logs", "--out", outDir}
	if predictions != nil {
		python = python.WithMountedFile("/predictions.csv", predictions)
		command = append(command, "--predictions", "/predictions.csv")
	}
	pictures, err := python.
		With(scripts("report.py", "reportdata.py", "reportplots.py", "tfevents.py", "heldout.py")).
		WithMountedFile("/evaluation.json", evaluation).
		WithMountedDirectory("/logs", logs).
		WithExec(command).
		Directory(outDir).
		Sync(ctx)
	if err != nil {
		return nil, failure("the report's pictures", err)
	}
	return pictures, nil
}

// reported is a report's directory; in lacks what the files beside it hold.
func reported(ctx context.Context, in report.Input, evaluation *dagger.File, model, pictures *dagger.Directory) (*dagger.Directory, error) {
	const list = "pictures.json"
	for _, part := range []struct {
		file *dagger.File
		into *[]byte
	}{{evaluation, &in.Evaluation}, {pictures.File(list), &in.Pictures}} {
		text, err := part.file.Contents(ctx)
		if err != nil {
			return nil, failure("the report", err)
		}
		*part.into = []byte(text)
	}
	var err error
	if in.ModelBytes, err = bytesOf(ctx, model); err != nil {
		return nil, err
	}
	content, err := report.Read(in)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	page, err := content.HTML()
	if err != nil {
		return nil, err
	}
	const name = "index.html"
	file, err := scratchFile(name, page)
	if err != nil {
		return nil, err
	}
	return pictures.
		WithoutFile(list).
		WithFile(name, file).
		WithNewFile("report.md", content.Markdown()), nil
}

// oneFile is the first of some files that a directory holds; nil when it holds none of them.
func oneFile(ctx context.Context, directory *dagger.Directory, names ...string) (*dagger.File, error) {
	for _, name := range names {
		found, err := directory.Exists(ctx, name, dagger.DirectoryExistsOpts{ExpectedType: dagger.ExistsTypeRegularType})
		if err != nil {
			return nil, failure("cannot look for "+name, err)
		}
		if found {
			return directory.File(name), nil
		}
	}
	return nil, nil
}

// oneFolder is a folder of a directory, an empty one where it holds none of that name.
func oneFolder(ctx context.Context, directory *dagger.Directory, name string) (*dagger.Directory, error) {
	found, err := directory.Exists(ctx, name, dagger.DirectoryExistsOpts{ExpectedType: dagger.ExistsTypeDirectoryType})
	if err != nil {
		return nil, failure("cannot look for "+name, err)
	}
	if !found {
		return dag.Directory(), nil
	}
	return directory.Directory(name), nil
}

// bytesOf is the size of all files in a directory.
func bytesOf(ctx context.Context, directory *dagger.Directory) (int, error) {
	names, err := directory.Glob(ctx, "**")
	if err != nil {
		return 0, failure("the size of the model", err)
	}
	total := 0
	for _, name := range names {
		if strings.HasSuffix(name, "/") {
			continue
		}
		bytes, err := directory.File(name).Size(ctx)
		if err != nil {
			return 0, failure("the size of the model", err)
		}
		total += bytes
	}
	return total, nil
}
