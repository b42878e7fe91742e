package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/config"
	"dagger/tensorflow-ci/dataset"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
)

// DataReport is what the data are, and whether they are what the project says that they must be.
type DataReport struct {
	// data-profile.json: rows, columns, ranges and label balance of each file.
	//
	// Beside it data-violations.json where the project has a data-schema.yaml: every rule that does not hold, with its rows.
	Reports *dagger.Directory
	// Whether the data are those of data.lock, and fit data-schema.yaml.
	Passed bool
	// One line: rows, files, rules that do not hold.
	Summary string
	// +private
	Reason string
	// +private
	Record *dagger.File
}

// Fail when the data are not those of data.lock or break a rule of data-schema.yaml, naming column, rule and first rows.
func (r *DataReport) Check() error {
	if r.Passed {
		return nil
	}
	return fmt.Errorf("data: %s", r.Reason)
}

// Look at the data before they are trained on, and return the report, also of data that break a rule.
//
// Training and held-out rows (.csv and .npz files) are held against data.lock and data-schema.yaml, where the project has
// them. The report can always be exported; only its check fails: data-check check.
//
// +cache="session"
func (m *TensorflowCi) DataCheck(ctx context.Context) (*DataReport, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	return m.dataCheck(ctx, settings)
}

// Infer data-schema.yaml from the data as they are: columns, types, ranges, missing values.
//
// Export it into the project, correct what the data may be beyond what they happen to be, and commit it: data-schema export
// --path data-schema.yaml. From then on each training is preceded by a check (data-check).
func (m *TensorflowCi) DataSchema(ctx context.Context) (*dagger.File, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	python, err := m.pythonWith(ctx, settings, "pandera")
	if err != nil {
		return nil, err
	}
	rows, err := m.dataRows(ctx, settings)
	if err != nil {
		return nil, err
	}
	inferred := outDir + "/" + dataset.SchemaFile
	done, err := python.
		With(scripts("dataschema.py", "schemafile.py", "dataprofile.py", "datafiles.py", "treedigest.py")).
		With(rows.mounted).
		WithDirectory(outDir, dag.Directory()).
		WithExec(slices.Concat([]string{"python3", lineDir + "/dataschema.py", "infer", "--out", inferred}, rows.flags)).
		Sync(ctx)
	if err != nil {
		return nil, failure(dataset.SchemaFile, err)
	}
	return done.File(inferred), nil
}

// Return data.lock: the training and held-out data by name and digest.
//
// Export it into the project and commit it: data-lock export --path data.lock. From then on data that change under the same
// name stop the line before anything is trained.
func (m *TensorflowCi) DataLock(ctx context.Context) (*dagger.File, error) {
	settings, err := m.settings(ctx)
	if err != nil {
		return nil, err
	}
	looked, err := m.lookedAt(ctx, settings)
	if err != nil {
		return nil, err
	}
	text, err := looked.profile.lock(settings).Marshal()
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile(dataset.LockFile, text).File(dataset.LockFile), nil
}

// dataHolds stops a training on data that the project's lock or schema refuses; a project with neither is asked nothing.
func (m *TensorflowCi) dataHolds(ctx context.Context, settings config.Config) error {
	names, err := m.topOf(ctx)
	if err != nil {
		return err
	}
	if !slices.Contains(names, dataset.LockFile) && !slices.Contains(names, dataset.SchemaFile) {
		return nil
	}
	report, err := m.dataCheck(ctx, settings)
	if err != nil {
		return err
	}
	return report.Check()
}

func (m *TensorflowCi) dataCheck(ctx context.Context, settings config.Config) (*DataReport, error) {
	looked, err := m.lookedAt(ctx, settings)
	if err != nil {
		return nil, err
	}
	var wrong []error
	if looked.locked {
		text, err := m.Source.File(dataset.LockFile).Contents(ctx)
		if err != nil {
			return nil, failure("cannot read "+dataset.LockFile, err)
		}
		lock, err := dataset.ReadLock([]byte(text))
		if err != nil {
			return nil, err
		}
		wrong = append(wrong, lock.Check(looked.profile.lock(settings)))
	}
	summary := looked.profile.String()
	if looked.report != nil {
		summary = looked.report.Summary()
		if reason := looked.report.Reason(); reason != "" {
			wrong = append(wrong, fmt.Errorf("%s is broken:\n%s", dataset.SchemaFile, reason))
		}
	}
	report := &DataReport{
		Reports: looked.out.WithoutFile("run.json"),
		Passed:  errors.Join(wrong...) == nil,
		Summary: summary,
		Record:  looked.out.File("run.json"),
	}
	if !report.Passed {
		report.Reason = errors.Join(wrong...).Error()
	}
	return report, nil
}

// dataProfile is the data-profile.json of scripts/dataprofile.py.
type dataProfile struct {
	Digest   string // of the training data, as lineage.Data has it
	Files    int
	Training map[string]lineage.Profile
	HeldOut  map[string]lineage.Profile
}

// lock is the data by the names that the project gives them.
func (p dataProfile) lock(settings config.Config) dataset.Lock {
	lock := dataset.Lock{settings.Train.DataName(): p.Digest}
	for name, profile := range p.HeldOut {
		lock[name] = profile.Digest
	}
	return lock
}

func (p dataProfile) String() string {
	count := func(profiles map[string]lineage.Profile) (rows int) {
		for _, profile := range profiles {
			rows += profile.Rows
		}
		return rows
	}
	return fmt.Sprintf("%d rows to train on, %d held out, no %s", count(p.Training), count(p.HeldOut), dataset.SchemaFile)
}

// looked is what scripts/datacheck.py leaves.
type looked struct {
	out     *dagger.Directory
	profile dataProfile
	report  *dataset.Report // nil for a project without a schema
	locked  bool            // the project has a lock
}

// profiles are the data that this call has looked at.
var profiles answers.Book[profilePlace, looked]

// profilePlace is all that a look at the data follows from.
type profilePlace struct {
	data  dataPlace
	label string
}

// lookedAt profiles the data and holds them against the schema where there is one, in one go, and once in a call.
func (m *TensorflowCi) lookedAt(ctx context.Context, settings config.Config) (looked, error) {
	return profiles.Find(profilePlace{m.dataPlace(settings), settings.Evaluate.Label}, func() (looked, error) { return m.lookAt(ctx, settings) })
}

func (m *TensorflowCi) lookAt(ctx context.Context, settings config.Config) (looked, error) {
	var found looked
	names, err := m.topOf(ctx)
	if err != nil {
		return found, err
	}
	found.locked = slices.Contains(names, dataset.LockFile)
	rows, err := m.dataRows(ctx, settings)
	if err != nil {
		return found, err
	}
	command := slices.Concat([]string{
		"python3", lineDir + "/step.py", "--name", "data", "--record", outDir + "/run.json", "--limit", seconds(settings.Train.TimeLimit),
		"--", "python3", lineDir + "/datacheck.py", "--out", outDir, "--label", settings.Evaluate.Label,
	}, rows.flags)
	programs := []string{"datacheck.py", "dataprofile.py", "datafiles.py", "treedigest.py"}
	var python *dagger.Container
	if schema := slices.Contains(names, dataset.SchemaFile); schema {
		python, err = m.pythonWith(ctx, settings, "pandera")
		programs = append(programs, "dataschema.py", "schemafile.py")
		command = append(command, "--schema", "/"+dataset.SchemaFile)
		rows.mounts = append(rows.mounts, func(container *dagger.Container) *dagger.Container {
			return container.WithMountedFile("/"+dataset.SchemaFile, m.Source.File(dataset.SchemaFile))
		})
	} else {
		python, err = m.python(ctx)
	}
	if err != nil {
		return found, err
	}
	done, err := python.With(scripts(programs...)).With(rows.mounted).WithExec(command).Sync(ctx)
	if err != nil {
		return found, failure("data", err)
	}
	found.out = done.Directory(outDir)
	text, err := done.File(outDir + "/data-profile.json").Contents(ctx)
	if err != nil {
		return found, failure("the profile of the data", err)
	}
	if err := json.Unmarshal([]byte(text), &found.profile); err != nil {
		return found, fmt.Errorf("the profile of the data: %w", err)
	}
	if !slices.Contains(programs, "dataschema.py") {
		return found, nil
	}
	if text, err = done.File(outDir + "/data-violations.json").Contents(ctx); err != nil {
		return found, failure("the report on the data", err)
	}
	report, err := dataset.ReadReport([]byte(text))
	found.report = &report
	return found, err
}

// addProfile records what is known of the rows, when they are those that the training saw.
func (m *TensorflowCi) addProfile(ctx context.Context, settings config.Config, manifest *lineage.Manifest) error {
	looked, err := m.lookedAt(ctx, settings)
	if err != nil {
		return err
	}
	manifest.Data.HeldOut = looked.profile.HeldOut
	if looked.profile.Digest != manifest.Data.Digest {
		return nil // another job trained, and the data here are others
	}
	manifest.Data.Profile = looked.profile.Training
	if settings.Train.Store == "" || m.Data != nil {
		return nil
	}
	fetched, err := m.fetched(ctx, settings)
	manifest.Data.Path, manifest.Data.Version = settings.Train.Store, fetched.version
	return err
}
