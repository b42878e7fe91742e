package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/dataset"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/steps"
)

// account says of a run that is under way what each step did, and why.
type account struct {
	line     *TensorflowCi
	settings config.Config
	began    time.Time
	previous []steps.Step
	inputs   func() (knownInputs, error)
}

// knownInputs are what the steps of a run start from, by the names that a person knows them by.
type knownInputs struct {
	files       steps.Inputs // of the project, without its data
	trained     steps.Inputs // those of them that the training sees
	environment steps.Inputs // image and requirements
	data        steps.Inputs
	heldOut     steps.Inputs
}

// account begins the account of a run: the inputs are digested beside its steps.
func (m *TensorflowCi) account(ctx context.Context, settings config.Config, previous *dagger.Directory) (*account, error) {
	settings, err := m.onThisEngine(ctx, settings)
	if err != nil {
		return nil, err
	}
	of := &account{line: m, settings: settings, began: time.Now()}
	if previous != nil {
		text, err := previous.File(steps.File).Contents(ctx)
		if err != nil {
			return nil, failure("--previous holds no "+steps.File+": give the output of an earlier run, or leave it out", err)
		}
		if of.previous, err = steps.Read([]byte(text)); err != nil {
			return nil, fmt.Errorf("--previous: %w", err)
		}
	}
	of.inputs = sync.OnceValues(func() (knownInputs, error) { return m.known(ctx, settings) })
	go of.inputs()
	return of, nil
}

// recorded is steps.json: each step's own account of its last real run, whether this run did it, and why.
func (a *account) recorded(ctx context.Context, model *Model, records []record) (string, error) {
	known, err := a.inputs()
	if err != nil {
		return "", err
	}
	digest, err := model.SavedModel.Digest(ctx)
	if err != nil {
		return "", failure("the digest of the model's files", err)
	}
	lines := make([]steps.Step, len(records))
	for at, record := range records {
		text, err := record.file.Contents(ctx)
		if err != nil {
			return "", failure("the record of step "+record.name, err)
		}
		var ran steps.Record
		if err := json.Unmarshal([]byte(text), &ran); err != nil {
			return "", fmt.Errorf("the record of step %s: %w", record.name, err)
		}
		if lines[at], err = steps.New(record.name, record.verdict, ran, a.of(record.name, known, digest), a.began, a.previous); err != nil {
			return "", err
		}
	}
	return indented(lines)
}

// of are the inputs of one step; none for the scan, which looks at today's vulnerabilities and so always runs.
func (a *account) of(step string, known knownInputs, model string) steps.Inputs {
	settings := a.settings
	inputs := steps.Inputs{steps.LinePrograms: lineDigest()}
	add := func(parts ...steps.Inputs) {
		for _, part := range parts {
			maps.Copy(inputs, part)
		}
	}
	set := func(name string, value any) { inputs[name] = fmt.Sprint(value) }
	switch step {
	case "scan":
		return nil
	case "install":
		add(known.environment)
	case "lint":
		add(linted(known.files))
		set("lint.paths", settings.Lint.Paths)
	case "test":
		add(known.environment, known.files, known.data, known.heldOut)
		set("test.paths", settings.Test.Paths)
		set("test.coverage.source", settings.Test.Coverage.Source)
	case "data":
		add(known.data, known.heldOut)
		if schema, found := known.files[dataset.SchemaFile]; found {
			inputs[dataset.SchemaFile] = schema
		}
		set("evaluate.label", settings.Evaluate.Label)
	case "train":
		add(known.environment, known.trained, known.data)
		set("train.script", settings.Train.Script)
		set("train.seed", settings.Train.Seed)
		set("train.reproducible", settings.Train.Reproducible)
		set("train.threads", settings.Train.Threads)
		set("train.gpus", settings.Train.GPUs)
		set("train.workers", settings.Train.Workers)
		for name, value := range scriptArguments(settings.Train.Args) {
			set("train.args."+name, value)
		}
	default: // what looks at the model
		inputs["the model"] = model
		add(known.heldOut)
		set("evaluate.label", settings.Evaluate.Label)
		set("evaluate.slices", settings.Evaluate.Slices)
		set("evaluate.signature", settings.Evaluate.Signature)
		set("evaluate.output", settings.Evaluate.Output)
		set("evaluate.task", settings.Evaluate.Task)
		set("evaluate.threshold", settings.Evaluate.Threshold)
	}
	return inputs
}

// scriptArguments are train.args by name; several of one name are one input.
func scriptArguments(args []config.Arg) map[string]string {
	values := map[string]string{}
	for _, arg := range args {
		values[arg.Name] = strings.TrimSpace(values[arg.Name] + " " + arg.Value)
	}
	return values
}

// linted are the files that the linter is shown.
func linted(files steps.Inputs) steps.Inputs {
	shown := steps.Inputs{}
	for name, digest := range files {
		switch path.Ext(name) {
		case ".py", ".pyi", ".ipynb", "": // a name without an ending is a folder of a large project
			shown[name] = digest
		}
		switch path.Base(name) {
		case "pyproject.toml", "ruff.toml", ".ruff.toml":
			shown[name] = digest
		}
	}
	return shown
}

// lineDigest stands for all programs that the line brings into its containers.
var lineDigest = sync.OnceValue(func() string {
	total := sha256.New()
	_ = fs.WalkDir(programs, ".", func(name string, entry fs.DirEntry, err error) error { // embedded files can be read
		if err == nil && !entry.IsDir() {
			text, _ := programs.ReadFile(name)
			fmt.Fprintf(total, "%s\x00%d\x00%s", name, len(text), text)
		}
		return nil
	})
	return hex.EncodeToString(total.Sum(nil))
})

// known digests what the steps start from.
func (m *TensorflowCi) known(ctx context.Context, settings config.Config) (knownInputs, error) {
	found := knownInputs{environment: steps.Inputs{}, heldOut: steps.Inputs{}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found.files, err = m.inputFiles(ctx, "", m.Source.WithoutDirectory(settings.Train.Data))
		return err
	})
	group.Go(func() (err error) {
		found.trained, err = m.inputFiles(ctx, "", m.trainingSource(settings))
		return err
	})
	group.Go(func() error {
		data, err := m.trainingData(ctx, settings)
		if err != nil {
			return err
		}
		found.data, err = m.inputFiles(ctx, settings.Train.Data, data)
		return err
	})
	group.Go(func() error {
		if settings.Evaluate.Data == "" {
			return nil
		}
		file, err := m.evaluationData(ctx, settings)
		if err != nil {
			return err
		}
		found.heldOut[settings.Evaluate.Data], err = file.Digest(ctx, dagger.FileDigestOpts{ExcludeMetadata: true})
		return err
	})
	group.Go(func() error {
		role := trainingRole(settings)
		image, err := m.image(ctx, settings, role)
		if err != nil {
			return err
		}
		if settings.Requirements != config.NoRequirements {
			requirements, err := m.requirementFiles(ctx, settings.Requirements)
			if err != nil {
				return err
			}
			if found.environment, err = m.inputFiles(ctx, path.Dir(settings.Requirements), requirements); err != nil {
				return err
			}
		}
		found.environment["image "+role] = image.String()
		return nil
	})
	if err := group.Wait(); err != nil {
		return found, failure("the digests of the inputs", err)
	}
	return found, nil
}

// inputFiles are the files of a directory as inputs, by the names that they have in the project, where it lies in folder.
func (m *TensorflowCi) inputFiles(ctx context.Context, folder string, directory *dagger.Directory) (steps.Inputs, error) {
	tree, err := m.tree(ctx, directory)
	return steps.Files(folder, tree.byPath()), err
}
