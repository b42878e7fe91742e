package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"dagger/tests/internal/dagger"
)

// explain: what changed between two models is named, and so is why a step ran again.
func (t *Tests) explain() []check {
	project := tiny().
		WithNewFile("tensorflow-ci.yaml", settingsTiny+"exports: []\n").
		WithNewFile("data/train.csv", rowsTiny(nil))
	// another optimizer, and two rows in each other's place
	other := project.
		WithNewFile("train.py", strings.Replace(trainTiny, `"sgd"`, `"adam"`, 1)).
		WithNewFile("data/train.csv", rowsTiny(map[int]string{1: "0.11,0.79,1", 2: "0.01,0.89,0"}))
	// A run is never served from a cache: one of each is enough for all that follows.
	first := sync.OnceValues(func() (*dagger.Directory, error) { return kept(line(project).Pipeline()) })
	second := sync.OnceValues(func() (*dagger.Directory, error) {
		previous, err := first()
		if err != nil {
			return nil, err
		}
		return kept(line(other).Pipeline(dagger.TensorflowCiPipelineOpts{Previous: previous}))
	})
	both := func() (before, after *dagger.Directory, err error) {
		if before, err = first(); err == nil {
			after, err = second()
		}
		return before, after, err
	}
	explained := func(before, after *dagger.Directory) *dagger.TensorflowCiExplanation {
		return line(project).Explain(dagger.TensorflowCiExplainOpts{Before: before, After: after})
	}
	return []check{
		{"explain/the same run twice: nothing changed", func(ctx context.Context) error {
			run, err := first()
			if err != nil {
				return err
			}
			text, err := explained(run, run).Text(ctx)
			return wants(err, text, "Nothing changed: it is the same model", "predictions: none of 32 rows flips")
		}},
		{"explain/code and data are named, and held-out rows that flip counted", func(ctx context.Context) error {
			before, after, err := both()
			if err != nil {
				return err
			}
			explanation := explained(before, after)
			text, err := explanation.Text(ctx)
			if err := wants(err, text,
				"The model changed, and so did what made it: code and data.", "code: 1 file changed", "train.py: ",
				"data: 8 rows before and after", "data/train.csv: 8 rows (the same rows in another order",
				"accuracy", " of 32 rows flip",
			); err != nil {
				return err
			}
			text, err = explanation.Markdown().Contents(ctx)
			if err := wants(err, text, "### Why did the model change?", "**code**: 1 file changed", "| accuracy |"); err != nil {
				return err
			}
			text, err = explanation.JSON().Contents(ctx)
			if err != nil {
				return err
			}
			var read struct {
				Same        *bool
				Changes     []struct{ Kind string }
				Predictions struct{ Rows int }
			}
			if err := json.Unmarshal([]byte(text), &read); err != nil || read.Same == nil || *read.Same || len(read.Changes) != 2 || read.Predictions.Rows != 32 {
				return fmt.Errorf("explanation.json: %s (%v)", text, err)
			}
			return nil
		}},
		{"explain/with the data themselves the rows are named", func(ctx context.Context) error {
			before, after, err := both()
			if err != nil {
				return err
			}
			changed := rowsTiny(map[int]string{4: "0.31,0.59,0"})
			text, err := line(project).Explain(dagger.TensorflowCiExplainOpts{
				BeforeManifest: before.File("manifest.json"), AfterManifest: after.File("manifest.json"),
				BeforeData: project.Directory("data"), AfterData: other.Directory("data"),
			}).Text(ctx)
			if err := wants(err, text, "data: 1 row moved", "data/train.csv: row moved: "); err != nil {
				return err
			}
			text, err = line(project).Explain(dagger.TensorflowCiExplainOpts{
				Before: before, After: after,
				BeforeData: project.Directory("data"), AfterData: project.Directory("data").WithNewFile("train.csv", changed),
			}).Text(ctx)
			return wants(err, text, "data: 1 row changed", "data/train.csv: row 4: y 1 → 0")
		}},
		{"explain/why a step ran again, and why another did not", func(ctx context.Context) error {
			_, after, err := both()
			if err != nil {
				return err
			}
			text, err := after.File("reports/steps.json").Contents(ctx)
			if err != nil {
				return err
			}
			var steps []struct {
				Name, Why string
				Cached    bool
			}
			if err := json.Unmarshal([]byte(text), &steps); err != nil {
				return err
			}
			want := map[string]string{
				"install": "nothing changed", "lint": "train.py changed", "data": "data/train.csv changed", "scan": "",
				"test": "data/train.csv changed, train.py changed", "train": "data/train.csv changed, train.py changed", "evaluate": "the model changed",
			}
			for _, step := range steps {
				// a repeated run of these tests finds the results there, and says so
				if why := strings.TrimSuffix(step.Why, ", and an earlier run had the same inputs"); why != want[step.Name] {
					return fmt.Errorf("step %s: why is %q, want %q", step.Name, step.Why, want[step.Name])
				}
				delete(want, step.Name)
			}
			if len(want) > 0 {
				return fmt.Errorf("steps.json lacks %v: %s", want, text)
			}
			return nil
		}},
		{"explain/refuses what is no output of a run", func(ctx context.Context) error {
			run, err := first()
			if err != nil {
				return err
			}
			manifest := run.File("manifest.json")
			text, err := manifest.Contents(ctx)
			if err != nil {
				return err
			}
			file := func(text string) *dagger.File {
				return dag.Directory().WithNewFile("manifest.json", text).File("manifest.json")
			}
			for _, bad := range []struct {
				name string
				with dagger.TensorflowCiExplainOpts
				want []string
			}{
				{"nothing before", dagger.TensorflowCiExplainOpts{AfterManifest: manifest}, []string{"--before is missing", "--before-manifest"}},
				{"nothing after", dagger.TensorflowCiExplainOpts{BeforeManifest: manifest}, []string{"--after is missing"}},
				{"both forms", dagger.TensorflowCiExplainOpts{Before: run, BeforeManifest: manifest, After: run}, []string{"either --before or --before-manifest"}},
				{"a folder without a manifest", dagger.TensorflowCiExplainOpts{Before: tiny(), After: run}, []string{"--before holds no manifest.json"}},
				{"no manifest", dagger.TensorflowCiExplainOpts{BeforeManifest: file("{}"), AfterManifest: manifest}, []string{"--before: manifest.json has no schemaVersion"}},
				{"a newer manifest", dagger.TensorflowCiExplainOpts{BeforeManifest: manifest, AfterManifest: file(strings.Replace(text, `"schemaVersion": 1`, `"schemaVersion": 2`, 1))},
					[]string{"--after: manifest.json has schemaVersion 2"}},
				{"one data folder", dagger.TensorflowCiExplainOpts{Before: run, After: run, BeforeData: tiny()}, []string{"both --before-data and --after-data"}},
			} {
				_, err := line(project).Explain(bad.with).Text(ctx)
				if err := refused(err, bad.want...); err != nil {
					return fmt.Errorf("%s: %w", bad.name, err)
				}
			}
			_, err = line(project).Pipeline(dagger.TensorflowCiPipelineOpts{Previous: tiny()}).Sync(ctx)
			return refused(err, "--previous holds no reports/steps.json")
		}},
	}
}

// kept is what an explanation reads of a run's output, out of one look at it.
func kept(out *dagger.Directory) (*dagger.Directory, error) {
	const look = "import json, pathlib, sys; print(json.dumps({name: pathlib.Path('/out', name).read_text() for name in sys.argv[1:]}))"
	text, err := dag.Container().From("tensorflow/tensorflow:2.16.2").
		WithMountedDirectory("/out", out).
		WithExec([]string{"python3", "-c", look, "manifest.json", "reports/predictions.csv", "reports/steps.json"}).
		Stdout(context.Background())
	if err != nil {
		return nil, err
	}
	var files map[string]string
	if err := json.Unmarshal([]byte(text), &files); err != nil {
		return nil, err
	}
	output := dag.Directory()
	for name, text := range files {
		output = output.WithNewFile(name, text)
	}
	return output, nil
}

// wants is an error for a text that lacks one of parts.
func wants(err error, text string, parts ...string) error {
	if err != nil {
		return err
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("no %q in:\n%s", part, text)
		}
	}
	return nil
}
