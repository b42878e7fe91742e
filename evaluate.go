package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
)

// Evaluation is what a model achieves on held-out data, and the gate's verdict on it.
type Evaluation struct {
	// metrics.json: every metric by name, over all held-out rows.
	Metrics *dagger.File
	// evaluation.json: metrics, slices, confusion matrix, each gate rule with its limit and verdict, and a baseline's metrics.
	Report *dagger.File
	// predictions.csv: one line for each held-out row.
	Predictions *dagger.File
	// Whether every gate rule holds.
	Passed bool
	// One line: the metrics, and how many rules hold.
	Summary string
	// +private
	Reason string
	// +private
	Record *dagger.File
	// +private
	ModelDigest *dagger.File
}

// Fail when a gate rule does not hold, naming metric, value, limit and the distance between them.
func (e *Evaluation) Check() error {
	if e.Passed {
		return nil
	}
	return fmt.Errorf("gate: %s", e.Reason)
}

// Train the model (or take it from the cache) and judge it on held-out data.
//
// +cache="session"
func (m *TensorflowCi) Evaluate(
	ctx context.Context,
	// Held-out data instead of evaluate.data: .csv or .npz.
	// +optional
	data *dagger.File,
	// Model to compare with, for max-drop rules: a SavedModel directory or the output of pipeline.
	// +optional
	baseline *dagger.Directory,
) (*Evaluation, error) {
	model, err := m.Train(ctx)
	if err != nil {
		return nil, err
	}
	return model.Evaluate(ctx, data, baseline)
}

// Compute metrics from the model's own signature on held-out data and judge them by the gate's rules.
//
// The training script is not asked. The verdict is in the result; only its check fails: evaluate check.
//
// +cache="session"
func (m *Model) Evaluate(
	ctx context.Context,
	// Held-out data instead of evaluate.data: .csv or .npz.
	// +optional
	data *dagger.File,
	// Model to compare with, for max-drop rules: a SavedModel directory or the output of pipeline.
	// +optional
	baseline *dagger.Directory,
) (*Evaluation, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	if data == nil {
		if data, err = m.Line.heldOut(ctx, settings); err != nil {
			return nil, err
		}
	}
	done, measured, err := m.measure(ctx, settings, data)
	if err != nil {
		return nil, err
	}
	var compared *gate.Measured
	if baseline != nil {
		other, err := m.Line.Model(ctx, baseline)
		if err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
		_, judged, err := other.measure(ctx, settings, data)
		if err != nil {
			return nil, fmt.Errorf("baseline: %w", err)
		}
		compared = &judged.Measured
	}
	return newEvaluation(done, measured, gate.Judge(settings.Gate, measured.Measured, compared), compared)
}

// measurement is the answer of scripts/evaluate.py: as it is for the report, decoded for the gate.
type measurement struct {
	gate.Measured
	text json.RawMessage
}

// measure asks the model, and writes down besides what the steps after it need: importing TensorFlow for each of them
// would take longer than all of them.
func (m *Model) measure(ctx context.Context, settings config.Config, data *dagger.File) (*dagger.Container, measurement, error) {
	var measured measurement
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, measured, err
	}
	rows, err := rowsPath(ctx, "/held-out", data)
	if err != nil {
		return nil, measured, fmt.Errorf("held-out data: %w", err)
	}
	command := []string{
		"python3", lineDir + "/step.py", "--name", "evaluate", "--record", outDir + "/run.json", "--limit", seconds(settings.Train.TimeLimit),
		"--", "python3", lineDir + "/evaluate.py", "--model", "/model", "--data", rows,
		"--out", outDir + "/evaluation.json", "--predictions", outDir + "/predictions.csv",
		"--reference", referenceDir, "--digest", outDir + "/digest.json",
	}
	done, err := python.
		With(scripts("evaluate.py", "heldout.py", "metrics.py", "savedmodel.py", "signature.py", "reference.py",
			"modeldigest.py", "modelfile.py", "modelgraph.py", "treedigest.py")).
		WithMountedDirectory("/model", m.SavedModel).
		WithMountedFile(rows, data).
		WithExec(append(command, asked(settings.Evaluate)...)).
		Sync(ctx)
	if err != nil {
		return nil, measured, failure("evaluation", err)
	}
	text, err := done.File(outDir + "/evaluation.json").Contents(ctx)
	if err != nil {
		return nil, measured, failure("the evaluation's result", err)
	}
	measured.text = json.RawMessage(text)
	measured.Measured, err = gate.ReadMeasured(measured.text)
	return done, measured, err
}

// asked are the flags that say what to ask a model and what to hold its answers against, for every program that does so.
func asked(wanted config.Evaluate) []string {
	flags := append(rowFlags(wanted), "--task", wanted.Task, "--threshold", fmt.Sprint(wanted.Threshold))
	if wanted.Output != "" {
		flags = append(flags, "--output", wanted.Output)
	}
	return flags
}

// rowFlags are the flags by which a program makes a signature's inputs of rows.
func rowFlags(wanted config.Evaluate) []string {
	flags := []string{"--label", wanted.Label, "--signature", wanted.Signature}
	if len(wanted.Slices) > 0 {
		flags = append(flags, "--slices", strings.Join(wanted.Slices, ","))
	}
	return flags
}

// rowsPath is where a program finds a file of rows: a name of the line's own, with the ending that says how to read it.
func rowsPath(ctx context.Context, place string, file *dagger.File) (string, error) {
	name, err := file.Name(ctx)
	if err != nil {
		return "", failure("cannot read it", err)
	}
	switch ending := path.Ext(name); ending {
	case ".csv", ".npz":
		return place + ending, nil
	}
	return "", fmt.Errorf("%q is neither .csv nor .npz: give the rows in one of these forms", name)
}

// heldOut is the file that evaluate.data names, in the project or in the data given with --data.
func (m *TensorflowCi) heldOut(ctx context.Context, settings config.Config) (*dagger.File, error) {
	name := settings.Evaluate.Data
	if name == "" || settings.Evaluate.Label == "" {
		return nil, fmt.Errorf("no held-out data: set evaluate.data (a .csv or .npz file) and evaluate.label (the column or array to predict) in %s",
			config.FileName)
	}
	return m.evaluationData(ctx, settings)
}

func newEvaluation(done *dagger.Container, measured measurement, verdict gate.Report, baseline *gate.Measured) (*Evaluation, error) {
	var report map[string]any
	if err := json.Unmarshal(measured.text, &report); err != nil {
		return nil, fmt.Errorf("the evaluation's result: %w", err)
	}
	metrics, err := indented(report["metrics"])
	if err != nil {
		return nil, err
	}
	report["gate"] = verdict
	if baseline != nil {
		report["baseline"] = map[string]any{"metrics": baseline.Metrics}
	}
	full, err := indented(report)
	if err != nil {
		return nil, err
	}
	files := dag.Directory().WithNewFile("metrics.json", metrics).WithNewFile("evaluation.json", full)
	evaluation := &Evaluation{
		Metrics:     files.File("metrics.json"),
		Report:      files.File("evaluation.json"),
		Predictions: done.File(outDir + "/predictions.csv"),
		Passed:      verdict.Passed,
		Summary:     verdict.Summary(measured.Measured),
		Record:      done.File(outDir + "/run.json"),
		ModelDigest: done.File(outDir + "/digest.json"),
	}
	if err := verdict.Err(); err != nil {
		evaluation.Reason = err.Error()
	}
	return evaluation, nil
}

// indented is value as JSON for a person and for a digest: sorted keys, two spaces, a final newline.
func indented(value any) (string, error) {
	text, err := json.MarshalIndent(value, "", "  ")
	return string(text) + "\n", err
}
