package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/internal/dagger"
)

// Model is a SavedModel and what can be done with one.
type Model struct {
	// SavedModel directory: saved_model.pb, fingerprint.pb, variables/.
	SavedModel *dagger.Directory
	// TensorBoard event files of the training run; nothing for a model that came without them.
	Logs *dagger.Directory
	// +private
	Training *dagger.File
	// +private
	Record *dagger.File
	// +private
	Folder *dagger.Directory
	// +private
	Line *TensorflowCi
}

// Wrap a model that an earlier job made, so that no later step trains again.
//
// +cache="session"
func (m *TensorflowCi) Model(
	ctx context.Context,
	// A SavedModel directory, or the output of run or of train output, which holds one in model/.
	directory *dagger.Directory,
) (*Model, error) {
	names, err := directory.Entries(ctx)
	if err != nil {
		return nil, failure("cannot read the model directory", err)
	}
	switch {
	case slices.Contains(names, "saved_model.pb"):
		return &Model{SavedModel: directory, Logs: dag.Directory(), Line: m}, nil
	case len(names) == 0:
		return nil, errors.New("--directory is empty: has train run, and are its artifacts still kept?")
	case !slices.Contains(names, "model/"):
		return nil, fmt.Errorf("--directory holds no SavedModel: want saved_model.pb in it or in its model/ folder, it has %q", names)
	}
	model := &Model{SavedModel: directory.Directory("model"), Logs: dag.Directory(), Folder: directory, Line: m}
	if slices.Contains(names, "logs/") {
		model.Logs = directory.Directory("logs")
	}
	return model, nil
}

// modelDigest is the answer of scripts/modeldigest.py.
type modelDigest struct {
	CanonicalDigest string
	WeightsDigest   string
	GraphDigest     string
	Files           map[string]string
	Signatures      json.RawMessage
	Refused         string // why there is no digest
}

func readDigest(text string) (modelDigest, error) {
	var digest modelDigest
	if err := json.Unmarshal([]byte(text), &digest); err != nil {
		return digest, fmt.Errorf("the model's digest: %w", err)
	}
	if digest.Refused != "" {
		return digest, fmt.Errorf("the model's digest: %s", digest.Refused)
	}
	return digest, nil
}

// Return the canonical digest: equal for equal weights, signatures and graphs, whatever process wrote them.
func (m *Model) Digest(ctx context.Context) (string, error) {
	digest, err := m.digest(ctx)
	if err != nil {
		return "", err
	}
	return digest.CanonicalDigest, nil
}

// List the model's signatures as JSON: inputs and outputs with their types and shapes.
func (m *Model) Signatures(ctx context.Context) (string, error) {
	digest, err := m.digest(ctx)
	if err != nil {
		return "", err
	}
	return string(digest.Signatures), nil
}

func (m *Model) digest(ctx context.Context) (modelDigest, error) {
	python, err := m.Line.python(ctx)
	if err != nil {
		return modelDigest{}, err
	}
	text, err := python.
		With(scripts("modeldigest.py", "modelfile.py", "modelgraph.py", "savedmodel.py", "treedigest.py")).
		WithMountedDirectory("/model", m.SavedModel).
		// A digest of a damaged or unsafe model would vouch for it.
		WithExec([]string{"python3", lineDir + "/savedmodel.py", "/model"}).
		WithExec([]string{"python3", lineDir + "/modeldigest.py", "/model"}).
		Stdout(ctx)
	if err != nil {
		return modelDigest{}, failure("the model's digest", err)
	}
	return readDigest(text)
}

// pythonWith is python with one of the line's tools, which its own programs alone can import.
func (m *TensorflowCi) pythonWith(ctx context.Context, settings config.Config, tool string) (*dagger.Container, error) {
	python, err := m.python(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := m.tool(ctx, settings, tool)
	if err != nil {
		return nil, err
	}
	return python.WithDirectory(lineDir+"/tool", folder).WithEnvVariable("PYTHONPATH", lineDir+"/tool"), nil
}

// python is the TensorFlow image without the project's requirements: what judges a model does not change with them.
func (m *TensorflowCi) python(ctx context.Context) (*dagger.Container, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	image, err := m.image(ctx, settings, "tensorflow")
	if err != nil {
		return nil, err
	}
	base, err := m.container(ctx, image)
	if err != nil {
		return nil, err
	}
	return base.
		WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
		WithEnvVariable("TF_CPP_MIN_LOG_LEVEL", "2").
		With(reproducible(judging(settings))), nil
}
