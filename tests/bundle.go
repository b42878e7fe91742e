package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dagger/tests/internal/dagger"
)

// untrainable is the tiny project with a training that can only fail: what works on it has not trained.
func untrainable() *dagger.Directory {
	return tiny().WithNewFile("train.py", "raise SystemExit('trained again')\n")
}

// bundle: what a later job releases of a model that an earlier one trained.
func (t *Tests) bundle() []check {
	trained := func(set ...string) *dagger.Directory { return line(tiny(), set...).Train().Output() }
	bundled := func(project *dagger.Directory, model *dagger.Directory, options dagger.TensorflowCiModelBundleOpts) *dagger.Directory {
		return line(project).Model(model).Bundle(options)
	}
	return []check{
		{"bundle/holds what run does, and is made without a training", func(ctx context.Context) error {
			if _, err := line(untrainable()).Train().SavedModel().Sync(ctx); refused(err, "trained again") != nil {
				return fmt.Errorf("the training that can only fail did not: %v", err)
			}
			bundle := bundled(untrainable(), trained(), dagger.TensorflowCiModelBundleOpts{Version: 12, StartedBy: "ana.b"})
			text, err := bundle.File("model.env").Contents(ctx)
			if err != nil {
				return err
			}
			digest, err := line(tiny()).Train().Digest(ctx)
			if err != nil {
				return err
			}
			if want := "MODEL_NAME=tiny\nMODEL_DIGEST=" + digest + "\nMODEL_VERSION=12\nMODEL_STARTED_BY=ana.b\n"; text != want {
				return fmt.Errorf("model.env: want %s\nhave %s", want, text)
			}
			names, err := bundle.Glob(ctx, "**")
			if err != nil {
				return err
			}
			for _, name := range []string{"model/saved_model.pb", "metrics.json", "manifest.json", "exports/tflite/model.tflite", "reports/evaluation.json", "reports/tflite.json"} {
				if !slices.Contains(names, name) {
					return fmt.Errorf("%s is missing; there are %s", name, strings.Join(names, ", "))
				}
			}
			return nil
		}},
		{"bundle/its manifest is that of a whole run", func(ctx context.Context) error {
			want, err := line(tiny()).Pipeline().File("manifest.json").Contents(ctx)
			if err != nil {
				return err
			}
			have, err := bundled(tiny(), trained(), dagger.TensorflowCiModelBundleOpts{}).File("manifest.json").Contents(ctx)
			if err == nil && have != want {
				return fmt.Errorf("want %s\nhave %s", want, have)
			}
			return err
		}},
		{"bundle/a gate that does not hold lets nothing out", func(ctx context.Context) error {
			project := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"gate: [{metric: accuracy, minimum: 1}, {metric: loss, maximum: 0.0001}]\n")
			_, err := bundled(project, trained(), dagger.TensorflowCiModelBundleOpts{}).Entries(ctx)
			return refused(err, "gate: ", "loss")
		}},
		{"bundle/a name that is two lines is refused", func(ctx context.Context) error {
			_, err := bundled(tiny(), trained(), dagger.TensorflowCiModelBundleOpts{StartedBy: "ana\nMODEL_DIGEST=x"}).Entries(ctx)
			return refused(err, "--started-by is")
		}},
		{"bundle/a version below 1 is refused", func(ctx context.Context) error {
			_, err := bundled(tiny(), trained(), dagger.TensorflowCiModelBundleOpts{Version: -1}).Entries(ctx)
			return refused(err, "--version is -1")
		}},
	}
}
