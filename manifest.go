package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
)

// Return manifest.json: what the model was made from, and what it achieves on held-out data.
//
// Equal inputs give an equal canonicalDigest; the digests of single files may differ between two exports by Keras. Of a
// model that an earlier job made it repeats what that job wrote down, and refuses a model that is no longer the same.
func (m *Model) Manifest(ctx context.Context) (*dagger.File, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	evaluation, err := m.Evaluate(ctx, nil, nil)
	if err != nil {
		return nil, err
	}
	made, err := m.made(ctx, settings)
	if err != nil {
		return nil, err
	}
	return m.manifest(ctx, made, evaluation)
}

// Return what a later job needs of a training: model/, logs/ and manifest.json, which has no metrics yet.
//
// The later job takes it by model --directory, and never trains again.
func (m *Model) Output(ctx context.Context) (*dagger.Directory, error) {
	settings, err := m.Line.settings(ctx)
	if err != nil {
		return nil, err
	}
	made, err := m.made(ctx, settings)
	if err != nil {
		return nil, err
	}
	digest, err := m.digest(ctx)
	if err != nil {
		return nil, err
	}
	manifest, err := manifestFile(made, digest)
	if err != nil {
		return nil, err
	}
	return dag.Directory().
		WithDirectory("model", m.SavedModel).
		WithDirectory("logs", m.Logs).
		WithFile(lineage.FileName, manifest), nil
}

// manifest completes what is known of how a model was made by what it is and what it achieves.
func (m *Model) manifest(ctx context.Context, made lineage.Manifest, evaluation *Evaluation) (*dagger.File, error) {
	digest, err := evaluation.modelDigest(ctx)
	if err != nil {
		return nil, err
	}
	if err := evaluation.addMetrics(ctx, &made); err != nil {
		return nil, err
	}
	return manifestFile(made, digest)
}

// manifestFile refuses a digest that is not the one that the model had when it was made.
func manifestFile(made lineage.Manifest, digest modelDigest) (*dagger.File, error) {
	if made.CanonicalDigest != "" && made.CanonicalDigest != digest.CanonicalDigest {
		return nil, fmt.Errorf("the model is not the one that its %s tells of: its canonical digest is %s, recorded is %s; take the output of the job that trained it, unchanged",
			lineage.FileName, digest.CanonicalDigest, made.CanonicalDigest)
	}
	made.CanonicalDigest, made.WeightsDigest, made.GraphDigest = digest.CanonicalDigest, digest.WeightsDigest, digest.GraphDigest
	made.Files, made.Signatures = digest.Files, digest.Signatures
	text, err := made.Marshal()
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile(lineage.FileName, string(text)).File(lineage.FileName), nil
}

// made is how the model was made: by this call, or as an earlier job wrote down.
func (m *Model) made(ctx context.Context, settings config.Config) (lineage.Manifest, error) {
	if m.Folder != nil {
		recorded, err := oneFile(ctx, m.Folder, lineage.FileName)
		if err != nil {
			return lineage.Manifest{}, err
		}
		if recorded != nil {
			text, err := recorded.Contents(ctx)
			if err != nil {
				return lineage.Manifest{}, failure("cannot read "+lineage.FileName, err)
			}
			return lineage.Read([]byte(text))
		}
	}
	if m.Training == nil {
		return lineage.Manifest{}, fmt.Errorf("nothing is known of how this model was made: give --directory the output of run or of train output, which holds %s beside model/",
			lineage.FileName)
	}
	recipe, err := m.Line.recipe(ctx, settings)
	if err != nil {
		return recipe, err
	}
	return recipe, m.addTraining(ctx, &recipe)
}

// recipe is all that is known of a model before it is trained.
func (m *TensorflowCi) recipe(ctx context.Context, settings config.Config) (lineage.Manifest, error) {
	recipe := intended(settings)
	for _, add := range []func(context.Context, config.Config, *lineage.Manifest) error{
		m.addInputs, m.addProfile, m.addImage, m.addRequirements, m.addInstalled, addTools,
	} {
		if err := add(ctx, settings, &recipe); err != nil {
			return recipe, err
		}
	}
	return recipe, nil
}

// intended is what the settings alone say of a training.
func intended(settings config.Config) lineage.Manifest {
	return lineage.Manifest{
		Model: settings.Model,
		Parameters: lineage.Parameters{
			Script: settings.Train.Script, Args: arguments(settings.Train.Args), Workers: settings.Train.Workers,
		},
		Seed:         settings.Train.Seed,
		Reproducible: settings.Train.Reproducible,
	}
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
	for name, digest := range code.byPath() {
		manifest.Source.Entries[name] = "sha256:" + digest
	}
	manifest.Data = lineage.Data{Path: settings.Train.Data, Digest: data.Digest, Files: data.Files}
	return nil
}

func (m *TensorflowCi) addImage(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
	role := trainingRole(settings)
	used, err := m.image(ctx, settings, role)
	if err != nil {
		return err
	}
	manifest.Images = map[string]lineage.Image{role: recorded(used)}
	if used.Base != "" {
		base, err := m.resolved(ctx, settings, pythonRole)
		if err != nil {
			return err
		}
		manifest.Images[pythonRole] = recorded(base)
	}
	return nil
}

func recorded(used image) lineage.Image {
	return lineage.Image{Reference: used.Reference, Digest: used.Digest(), Platform: used.Platform}
}

// addRequirements records what is asked for, and installs nothing.
func (m *TensorflowCi) addRequirements(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
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

// addInstalled records what an install of the requirements gives.
func (m *TensorflowCi) addInstalled(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
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
	return nil
}

// trainingRecord is what scripts/launch.py writes of a training.
type trainingRecord struct {
	Processor lineage.Processor
	Gpus      []string
	Resumed   bool
	Threads   map[string]string
	Notes     []string

	ExportedBy string
}

func (m *Model) training(ctx context.Context) (trainingRecord, error) {
	var training trainingRecord
	text, err := m.Training.Contents(ctx)
	if err != nil {
		return training, failure("the record of the training", err)
	}
	if err := json.Unmarshal([]byte(text), &training); err != nil {
		return training, fmt.Errorf("the record of the training: %w", err)
	}
	return training, nil
}

// trained is the verdict on a training that ended well, with what its user may not know.
func (m *Model) trained(ctx context.Context) (string, error) {
	training, err := m.training(ctx)
	return strings.Join(append([]string{"passed"}, training.Notes...), "; "), err
}

// addTraining records what scripts/launch.py saw while it ran.
func (m *Model) addTraining(ctx context.Context, manifest *lineage.Manifest) error {
	training, err := m.training(ctx)
	if err != nil {
		return err
	}
	manifest.Device = lineage.Device{Kind: "cpu", Names: training.Gpus, Processor: training.Processor}
	if len(training.Gpus) > 0 {
		manifest.Device.Kind = "gpu"
	}
	manifest.Threads = training.Threads
	manifest.Parameters.Resumed = training.Resumed
	manifest.ExportedBy = training.ExportedBy
	return nil
}

// modelDigest is the digest of the model that was evaluated.
func (e *Evaluation) modelDigest(ctx context.Context) (modelDigest, error) {
	text, err := e.ModelDigest.Contents(ctx)
	if err != nil {
		return modelDigest{}, failure("the model's digest", err)
	}
	return readDigest(text)
}

func (e *Evaluation) addMetrics(ctx context.Context, manifest *lineage.Manifest) error {
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
