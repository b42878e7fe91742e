package main

import (
	"context"

	"dagger/tensorflow-ci/internal/dagger"
)

// Convert the model to ONNX, run it in ONNX Runtime and compare its answers with the model's own.
//
// Only the export's check fails over a limit: onnx check.
//
// +cache="session"
func (m *Model) Onnx(
	ctx context.Context,
	// Share of the held-out rows, 0 to 1, by which accuracy may fall; any by default. Example: 0.01
	// +optional
	maxAccuracyLoss string,
	// Largest difference to the model's own output on any held-out row, in the output's unit; any by default. Example: 0.001
	// +optional
	maxDifference string,
	// Held-out data instead of evaluate.data: .csv or .npz. Example: data/recent.csv
	// +optional
	data *dagger.File,
) (*Export, error) {
	rules, err := limits{maxDifference, maxAccuracyLoss}.rules()
	if err != nil {
		return nil, err
	}
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	reference, err := m.reference(ctx, settings, data)
	if err != nil {
		return nil, err
	}
	converter, err := m.Line.pythonWith(ctx, settings, "onnx")
	if err != nil {
		return nil, err
	}
	converted, err := m.convert(ctx, settings, converter.WithMountedDirectory("/reference", reference), "onnx", "onnx_export.py",
		"--reference", "/reference", "--out", exportDir+"/model.onnx", "--report", outDir+"/report.json")
	if err != nil {
		return nil, err
	}
	return newExport(ctx, converted.Directory(exportDir), converted.File(outDir+"/report.json"), converted.File(outDir+"/run.json"), rules)
}
