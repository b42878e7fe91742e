package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
)

// Export is a model in another form, and how that form answers beside the model itself.
type Export struct {
	// The form's files: model.tflite; model.json and its weights; model.onnx; or create_model.sql.
	Directory *dagger.Directory
	// report.json: bytes, the largest difference to the SavedModel's answers, accuracy of both, and each limit with its verdict.
	Report *dagger.File
	// Whether every limit holds.
	Passed bool
	// One line: size, largest difference, accuracy lost.
	Summary string
	// +private
	Reason string
	// +private
	Record *dagger.File
}

// Fail when the export is over a limit, naming figure, value, limit and the distance between them.
func (e *Export) Check() error {
	if e.Passed {
		return nil
	}
	return fmt.Errorf("export: %s", e.Reason)
}

// unquantized keeps a model's numbers as they are.
const unquantized = "none"

// modelDir is where the programs that read a model find it, exportDir where they leave another form of it, and referenceDir
// where the evaluation leaves what such a form is compared with.
const (
	modelDir     = "/model"
	exportDir    = outDir + "/export"
	referenceDir = outDir + "/reference"
)

// convert runs one of the line's programs on the model, in a container that holds what else it needs.
func (m *Model) convert(ctx context.Context, settings config.Config, base *dagger.Container, name, program string, flags ...string) (*dagger.Container, error) {
	done, err := base.
		With(scripts(program, "agreement.py", "heldout.py", "metrics.py", "savedmodel.py", "signature.py")).
		WithMountedDirectory(modelDir, m.SavedModel).
		WithDirectory(exportDir, dag.Directory()).
		WithExec(append([]string{
			"python3", lineDir + "/step.py", "--name", name, "--record", outDir + "/run.json", "--limit", seconds(settings.Train.TimeLimit),
			"--", "python3", lineDir + "/" + program, "--model", modelDir,
		}, flags...)).
		Sync(ctx)
	if err != nil {
		return nil, failure(name, err)
	}
	return done, nil
}

// reference is what the model itself answers on held-out rows: what its other forms are compared with.
func (m *Model) reference(ctx context.Context, settings config.Config, data *dagger.File) (*dagger.Directory, error) {
	if data == nil {
		var err error
		if data, err = m.Line.heldOut(ctx, settings); err != nil {
			return nil, err
		}
	}
	done, _, err := m.measure(ctx, settings, data)
	if err != nil {
		return nil, err
	}
	return done.Directory(referenceDir), nil
}

// trainingRows is a file of rows that the model has seen: the one given, or the first of train.data.
func (m *TensorflowCi) trainingRows(ctx context.Context, settings config.Config, given *dagger.File, flag string) (*dagger.File, error) {
	if given != nil {
		return given, nil
	}
	data, err := m.trainingData(ctx, settings)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, pattern := range []string{"**/*.csv", "**/*.npz"} {
		found, err := data.Glob(ctx, pattern)
		if err != nil {
			return nil, failure("cannot read the data folder "+settings.Train.Data, err)
		}
		names = append(names, found...)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s holds no .csv or .npz file beside the held-out one: give rows of the training data with --%s",
			settings.Train.Data, flag)
	}
	return data.File(slices.Min(names)), nil
}

// export makes the form of a model that an entry of exports names.
func (m *Model) export(ctx context.Context, form string) (export *Export, err error) {
	switch form {
	case config.Tflite:
		export, err = m.Tflite(ctx, unquantized, "", "", nil, nil)
	case config.Tfjs:
		export, err = m.Tfjs(ctx, unquantized, "", "", nil)
	case config.Onnx:
		export, err = m.Onnx(ctx, "", "", nil)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nWhere the model needs no such form, leave %s out of exports in %s ([] for none)", err, form, config.FileName)
	}
	return export, nil
}

// limits are how far another form may be from the model, as flags say it; nothing allows anything.
type limits struct{ difference, accuracyLoss string }

// rules are the limits as a gate judges them.
func (l limits) rules() ([]gate.Rule, error) {
	var rules []gate.Rule
	for _, limit := range []struct {
		flag, figure, value string
		most                float64
	}{
		{"max-difference", "maxAbsDiff", l.difference, math.Inf(1)},
		{"max-accuracy-loss", "accuracyLost", l.accuracyLoss, 1},
	} {
		most, err := gate.Limit(limit.flag, limit.value, 0, limit.most, "0.001")
		if err != nil {
			return nil, err
		}
		if most != nil {
			rules = append(rules, gate.Rule{Metric: limit.figure, Maximum: most})
		}
	}
	return rules, nil
}

// newExport judges a comparison, the report of scripts/agreement.py, by the limits.
func newExport(ctx context.Context, files *dagger.Directory, comparison, record *dagger.File, rules []gate.Rule) (*Export, error) {
	text, err := comparison.Contents(ctx)
	if err != nil {
		return nil, failure("the export's comparison", err)
	}
	var found struct {
		Format, Quantize         string
		Bytes, Examples          int
		MaxAbsDiff, AccuracyLost *float64
	}
	var report map[string]any
	for _, target := range []any{&found, &report} {
		if err := json.Unmarshal([]byte(text), target); err != nil {
			return nil, fmt.Errorf("the export's comparison: %w", err)
		}
	}
	measured := gate.Measured{Metrics: map[string]*float64{"maxAbsDiff": found.MaxAbsDiff}}
	if found.AccuracyLost != nil { // a regression has none
		measured.Metrics["accuracyLost"] = found.AccuracyLost
	}
	verdict := gate.Judge(rules, measured, nil)
	report["gate"] = verdict
	full, err := indented(report)
	if err != nil {
		return nil, err
	}
	export := &Export{
		Directory: files,
		Report:    dag.Directory().WithNewFile("report.json", full).File("report.json"),
		Passed:    verdict.Passed,
		Summary: fmt.Sprintf("%s, quantize %s: %d bytes, %d rows, %s",
			found.Format, found.Quantize, found.Bytes, found.Examples, verdict.Summary(measured)),
		Record: record,
	}
	if err := verdict.Err(); err != nil {
		export.Reason = found.Format + ": " + err.Error()
	}
	return export, nil
}

// oneOf refuses a flag's value that is none of the choices.
func oneOf(flag, value string, choices ...string) error {
	if slices.Contains(choices, value) {
		return nil
	}
	return fmt.Errorf("--%s is %.80q: want one of %s", flag, value, strings.Join(choices, ", "))
}
