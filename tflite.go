package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/internal/dagger"
)

// Convert the model to TensorFlow Lite, run it in LiteRT and compare its answers with the model's own.
//
// LiteRT runs where no TensorFlow can be imported, as on the device. Only the export's check fails over a limit: tflite check.
//
// +cache="session"
func (m *Model) Tflite(
	ctx context.Context,
	// Smaller numbers: none (32-bit floats), dynamic (8-bit weights), float16 (16-bit weights), or int8 (8-bit integers
	// throughout). Example: int8
	// +default="none"
	quantize string,
	// Share of the held-out rows, 0 to 1, by which accuracy may fall; any by default. Example: 0.01
	// +optional
	maxAccuracyLoss string,
	// Largest difference to the model's own output on any held-out row, in the output's unit; any by default. Example: 0.001
	// +optional
	maxDifference string,
	// Rows of the training data that give int8 its ranges, .csv or .npz; the first such file in train.data by default.
	// Example: data/train.csv
	// +optional
	representative *dagger.File,
	// Held-out data instead of evaluate.data: .csv or .npz. Example: data/recent.csv
	// +optional
	data *dagger.File,
) (*Export, error) {
	if err := oneOf("quantize", quantize, unquantized, "dynamic", "float16", "int8"); err != nil {
		return nil, err
	}
	rules, err := limits{maxDifference, maxAccuracyLoss}.rules()
	if err != nil {
		return nil, err
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, err
	}
	const file = exportDir + "/model.tflite"
	flags := []string{"--signature", settings.Evaluate.Signature, "--quantize", quantize, "--out", file}
	if quantize == "int8" {
		rows, err := m.Line.trainingRows(ctx, settings, representative, "representative")
		if err != nil {
			return nil, fmt.Errorf("tflite: %w", err)
		}
		place, err := rowsPath(ctx, "/representative", rows)
		if err != nil {
			return nil, fmt.Errorf("--representative: %w", err)
		}
		python = python.WithMountedFile(place, rows)
		flags = append(append(flags, "--representative", place), rowFlags(settings.Evaluate)...)
	}
	var reference *dagger.Directory
	var converted *dagger.Container
	group, grouped := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		reference, err = m.reference(grouped, settings, data)
		return err
	})
	group.Go(func() (err error) {
		converted, err = m.convert(grouped, settings, python, "tflite", "tflite.py", flags...)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	litert, err := m.Line.pythonWith(ctx, settings, "litert")
	if err != nil {
		return nil, err
	}
	compared, err := litert.
		With(scripts("litert.py", "agreement.py", "heldout.py", "metrics.py")).
		WithMountedDirectory("/reference", reference).
		WithMountedFile("/model.tflite", converted.File(file)).
		// -S leaves out the image's packages, TensorFlow among them.
		WithExec([]string{
			"python3", "-S", lineDir + "/litert.py", "--tflite", "/model.tflite", "--reference", "/reference",
			"--quantize", quantize, "--out", "/report.json",
		}).
		Sync(ctx)
	if err != nil {
		return nil, failure("tflite in LiteRT", err)
	}
	return newExport(ctx, converted.Directory(exportDir), compared.File("/report.json"), converted.File(outDir+"/run.json"), rules)
}
