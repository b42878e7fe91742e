package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
)

// Return manifest.json: what the model was made from, and what it achieves on held-out data.
//
// Equal inputs give an equal canonicalDigest; the digests of single files may differ between two exports by Keras.
func (m *Model) Manifest(ctx context.Context) (*dagger.File, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	evaluation, err := m.Evaluate(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	return m.manifest(ctx, settings, evaluation)
}

func (m *Model) manifest(ctx context.Context, settings config.Config, evaluation *Evaluation) (*dagger.File, error) {
	if m.Training == nil {
		return nil, errors.New("manifest: this model was not trained in this call; its manifest.json lies beside it in the output of the pipeline that did")
	}
	digest, err := m.digest(ctx)
	if err != nil {
		return nil, err
	}
	manifest := lineage.Manifest{
		Model:           settings.Model,
		CanonicalDigest: digest.CanonicalDigest,
		WeightsDigest:   digest.WeightsDigest,
		GraphDigest:     digest.GraphDigest,
		Files:           digest.Files,
		Signatures:      digest.Signatures,
		Parameters: lineage.Parameters{
			Script: settings.Train.Script, Args: arguments(settings.Train.Args), Workers: settings.Train.Workers,
		},
		Seed:         settings.Train.Seed,
		Reproducible: settings.Train.Reproducible,
	}
	for _, add := range []func(context.Context, config.Config, *lineage.Manifest) error{
		m.Line.addInputs, m.Line.addProfile, m.Line.addImage, m.Line.addRequirements, m.addTraining, evaluation.addMetrics, addTools,
	} {
		if err := add(ctx, settings, &manifest); err != nil {
			return nil, err
		}
	}
	text, err := manifest.Marshal()
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile(lineage.FileName, string(text)).File(lineage.FileName), nil
}

// addInputs records code and data as the training saw them.
func (m *TensorflowCi) addInputs(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
	code, err := m.tree(ctx, m.trainingSource(settings))
	if err != nil {
		return err
	}
	rows, err := m.trainingData(ctx, settings)
	if err != nil {
		return err
	}
	data, err := m.tree(ctx, rows)
	if err != nil {
		return err
	}
	manifest.Source = lineage.Source{Digest: code.Digest, Files: code.Files, Commit: m.Commit, Entries: map[string]string{}}
	for _, entry := range code.Entries {
		if entry.Sha256 != "" {
			manifest.Source.Entries[entry.Path] = "sha256:" + strings.TrimPrefix(entry.Sha256, "sha256:")
		}
	}
	manifest.Data = lineage.Data{Path: settings.Train.Data, Digest: data.Digest, Files: data.Files}
	return nil
}

func (m *TensorflowCi) addImage(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
	role := trainingRole(settings)
	reference, err := m.reference(ctx, settings, role)
	if err != nil {
		return err
	}
	resolved, err := m.image(ctx, settings, role)
	if err != nil {
		return err
	}
	_, digest, _ := strings.Cut(resolved, "@")
	manifest.Images = map[string]lineage.Image{role: {Reference: reference, Digest: digest}}
	return nil
}

func (m *TensorflowCi) addRequirements(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return err
	}
	text, err := installed.File(lineDir + "/install/installed.json").Contents(ctx)
	if err != nil {
		return failure("the installed packages", err)
	}
	var versions map[string]string
	if err := json.Unmarshal([]byte(text), &versions); err != nil {
		return fmt.Errorf("the installed packages: %w", err)
	}
	manifest.Requirements.Installed = lineage.Packages(versions)
	if settings.Requirements == config.NoRequirements {
		return nil
	}
	files, err := m.requirementFiles(ctx, settings.Requirements)
	if err != nil {
		return err
	}
	tree, err := m.tree(ctx, files)
	if err != nil {
		return err
	}
	manifest.Requirements.File, manifest.Requirements.Digest = settings.Requirements, tree.Digest
	return nil
}

// addTraining records what scripts/launch.py saw while it ran.
func (m *Model) addTraining(ctx context.Context, _ config.Config, manifest *lineage.Manifest) error {
	text, err := m.Training.Contents(ctx)
	if err != nil {
		return failure("the record of the training", err)
	}
	var training struct {
		Processor lineage.Processor
		Gpus      []string
		Resumed   bool
		Threads   map[string]string
	}
	if err := json.Unmarshal([]byte(text), &training); err != nil {
		return fmt.Errorf("the record of the training: %w", err)
	}
	manifest.Device = lineage.Device{Kind: "cpu", Names: training.Gpus, Processor: training.Processor}
	if len(training.Gpus) > 0 {
		manifest.Device.Kind = "gpu"
	}
	manifest.Threads = training.Threads
	manifest.Parameters.Resumed = training.Resumed
	return nil
}

func (e *Evaluation) addMetrics(ctx context.Context, _ config.Config, manifest *lineage.Manifest) error {
	text, err := e.Report.Contents(ctx)
	if err != nil {
		return failure("the evaluation's report", err)
	}
	var report struct {
		Metrics map[string]*float64
		Gate    *gate.Report
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return fmt.Errorf("the evaluation's report: %w", err)
	}
	manifest.Metrics, manifest.Gate = report.Metrics, report.Gate
	return nil
}

func addTools(ctx context.Context, _ config.Config, manifest *lineage.Manifest) error {
	engine, err := dag.Version(ctx)
	manifest.Tools.Engine = engine
	return err
}

// tree is the answer of scripts/treedigest.py.
type tree struct {
	Digest  string
	Files   int
	Entries []struct{ Path, Sha256 string }
}

// tree digests a directory's names and contents, by a rule that any machine can repeat.
func (m *TensorflowCi) tree(ctx context.Context, directory *dagger.Directory) (tree, error) {
	var result tree
	python, err := m.python(ctx)
	if err != nil {
		return result, err
	}
	text, err := python.
		With(scripts("treedigest.py")).
		WithMountedDirectory("/tree", directory).
		WithExec([]string{"python3", lineDir + "/treedigest.py", "/tree"}).
		Stdout(ctx)
	if err != nil {
		return result, failure("the digest of a directory", err)
	}
	return result, json.Unmarshal([]byte(text), &result)
}
