package main

import (
	"context"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// Convert the model to TensorFlow.js, run it in Node as plain JavaScript and compare its answers with the model's own.
//
// Only the export's check fails over a limit: tfjs check.
//
// +cache="session"
func (m *Model) Tfjs(
	ctx context.Context,
	// Smaller weights: none (32-bit floats), float16, or uint8. Example: float16
	// +default="none"
	quantize string,
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
	if err := oneOf("quantize", quantize, unquantized, "float16", "uint8"); err != nil {
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
	reference, err := m.reference(ctx, settings, data)
	if err != nil {
		return nil, err
	}
	converter, err := m.Line.pythonWith(ctx, settings, "tfjs")
	if err != nil {
		return nil, err
	}
	converted, err := m.convert(ctx, settings, converter, "tfjs", "tfjs.py",
		"--signature", settings.Evaluate.Signature, "--quantize", quantize, "--out", exportDir)
	if err != nil {
		return nil, err
	}
	files := converted.Directory(exportDir)
	answers, err := m.Line.inNode(ctx, settings, files, reference)
	if err != nil {
		return nil, err
	}
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, err
	}
	compared, err := python.
		With(scripts("agreement.py", "heldout.py", "metrics.py")).
		WithMountedDirectory("/reference", reference).
		WithMountedDirectory("/exported", files).
		WithMountedFile("/answers.npy", answers).
		WithExec([]string{
			"python3", lineDir + "/agreement.py", "--reference", "/reference", "--values", "/answers.npy", "--exported", "/exported",
			"--format", "tfjs", "--quantize", quantize, "--out", "/report.json",
		}).
		Sync(ctx)
	if err != nil {
		return nil, failure("tfjs beside the SavedModel", err)
	}
	return newExport(ctx, files, compared.File("/report.json"), converted.File(outDir+"/run.json"), rules)
}

// inNode is what a TensorFlow.js model answers on the rows of a reference, as a NumPy file.
func (m *TensorflowCi) inNode(ctx context.Context, settings config.Config, model, reference *dagger.Directory) (*dagger.File, error) {
	image, err := m.image(ctx, settings, "node")
	if err != nil {
		return nil, err
	}
	node := image.bottom()
	installed, err := node.
		WithMountedCache(packages, m.packageCache()).
		WithEnvVariable("NPM_CONFIG_CACHE", packages+"/npm").
		// The system's certificates, so that an index behind a company's own authority works.
		WithEnvVariable("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca-certificates.crt").
		With(scripts("tfjs/package.json", "tfjs/package-lock.json")).
		WithWorkdir(lineDir + "/tfjs").
		WithExec([]string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"}).
		Directory(lineDir + "/tfjs/node_modules").
		Sync(ctx)
	if err != nil {
		return nil, failure("installing TensorFlow.js", err)
	}
	answers, err := node.
		With(scripts("tfjs_check.mjs")).
		WithDirectory(lineDir+"/node_modules", installed).
		WithMountedDirectory("/exported", model).
		WithMountedDirectory("/reference", reference).
		WithExec([]string{"node", lineDir + "/tfjs_check.mjs", "/exported", "/reference", "/answers.npy"}).
		File("/answers.npy").
		Sync(ctx)
	if err != nil {
		return nil, failure("tfjs in Node", err)
	}
	return answers, nil
}
