package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// exports: a model in another form is proven against the model itself, and what cannot be vouched for is refused.
func (t *Tests) exports() []check {
	trained := func() *dagger.TensorflowCiModel { return line(tiny()).Train() }
	checks := []check{
		{"exports/tflite answers as the model does", func(ctx context.Context) error {
			return agrees(ctx, line(t.Phishing).Train().Tflite(), 1e-4, "model.tflite")
		}},
		{"exports/tflite in 8-bit integers, ranges from the training data", func(ctx context.Context) error {
			return agrees(ctx, line(t.Phishing).Train().Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "int8"}), 0.5, "model.tflite")
		}},
		{"exports/tflite over a limit is stopped, with figure and limit", func(ctx context.Context) error {
			export := line(t.Phishing).Train().Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "int8", MaxDifference: "1e-7", MaxAccuracyLoss: "1"})
			return refused(export.Check(ctx), "export: tflite", "maxAbsDiff is", "above the maximum 1e-07 by")
		}},
		{"exports/tflite with an unknown quantization", func(ctx context.Context) error {
			_, err := trained().Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "int4"}).Report().Contents(ctx)
			return refused(err, "--quantize", "int4", "none, dynamic, float16, int8")
		}},
		{"exports/limits that are none", func(ctx context.Context) error {
			for _, limit := range []string{"-1", "NaN", "inf", "1e999", "much", "0.1; touch x", strings.Repeat("9", 10_000)} {
				_, err := trained().Tflite(dagger.TensorflowCiModelTfliteOpts{MaxDifference: limit}).Report().Contents(ctx)
				if err := refused(err, "--max-difference is", "want a number from 0"); err != nil {
					return fmt.Errorf("limit %.20q: %w", limit, err)
				}
			}
			_, err := trained().Onnx(dagger.TensorflowCiModelOnnxOpts{MaxAccuracyLoss: "1.5"}).Report().Contents(ctx)
			return refused(err, "--max-accuracy-loss is", "1.5", "0 to 1")
		}},
		{"exports/int8 without rows of the training data", func(ctx context.Context) error {
			model := trained().SavedModel()
			bare := tiny().WithoutFile("data/train.csv").WithNewFile("data/notes.txt", "no rows")
			_, err := line(bare).Model(model).Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "int8"}).Report().Contents(ctx)
			return refused(err, "holds no .csv or .npz file", "--representative")
		}},
		{"exports/int8 with rows in a form that is not read", func(ctx context.Context) error {
			_, err := trained().Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "int8", Representative: file("rows.csv; touch x", "a,b\n")}).Report().Contents(ctx)
			return refused(err, "--representative", "neither .csv nor .npz")
		}},
		{"exports/int8 with rows under a hostile name", func(ctx context.Context) error {
			rows := file("-$(touch x) '\"; 🔥\n.csv", "a,b,y\n0.1,0.9,0\n0.9,0.1,1\n")
			return agrees(ctx, trained().Tflite(dagger.TensorflowCiModelTfliteOpts{Quantize: "int8", Representative: rows}), 0.5, "model.tflite")
		}},
		{"exports/tfjs answers in Node as the model does", func(ctx context.Context) error {
			return agrees(ctx, line(t.Phishing).Train().Tfjs(), 1e-4, "model.json")
		}},
		{"exports/tfjs with an unknown quantization", func(ctx context.Context) error {
			_, err := trained().Tfjs(dagger.TensorflowCiModelTfjsOpts{Quantize: "int8"}).Report().Contents(ctx)
			return refused(err, "--quantize", "int8", "none, float16, uint8")
		}},
		{"exports/onnx answers as the model does", func(ctx context.Context) error {
			return agrees(ctx, trained().Onnx(), 1e-4, "model.onnx")
		}},
		{"exports/warm-up requests lie in the model, which stays what it was", func(ctx context.Context) error {
			warm := trained().Warmup()
			if _, err := warm.SavedModel().File("assets.extra/tf_serving_warmup_requests").Sync(ctx); err != nil {
				return err
			}
			cold, err := trained().Digest(ctx)
			if err != nil {
				return err
			}
			digest, err := warm.Digest(ctx)
			if err == nil && digest != cold {
				return fmt.Errorf("the canonical digest is %s, without warm-up requests %s", digest, cold)
			}
			return err
		}},
		{"exports/more warm-up requests than TensorFlow Serving takes", func(ctx context.Context) error {
			_, err := trained().Warmup(dagger.TensorflowCiModelWarmupOpts{Rows: 1001}).SavedModel().Sync(ctx)
			return refused(err, "--rows is 1001", "1 to 1000")
		}},
		{"exports/bigquery writes the statement", func(ctx context.Context) error {
			export := trained().Bigquery("gs://models/tiny/1/", "risk.tiny")
			if err := export.Check(ctx); err != nil {
				return err
			}
			statement, err := export.Directory().File("create_model.sql").Contents(ctx)
			if err == nil && !strings.Contains(statement, "MODEL `risk.tiny`") {
				return fmt.Errorf("the statement does not name the model: %s", statement)
			}
			return err
		}},
	}
	return append(append(checks, t.hostileNames()...), t.damagedModels()...)
}

// hostileNames: what a user calls a model is data to the line, or is refused; a shell never sees it.
func (t *Tests) hostileNames() []check {
	write := func(ctx context.Context, uri, name string) (string, error) {
		return line(tiny()).Train().Bigquery(uri, name).Directory().File("create_model.sql").Contents(ctx)
	}
	var checks []check
	for _, hostile := range []struct{ what, text string }{
		{"spaces", "my model"},
		{"quotes", "`'\""},
		{"a second command", "x; touch /pwned"},
		{"a command inside", "$(touch /pwned)"},
		{"a line break", "x\nDROP MODEL y"},
		{"a way out", "../../etc/passwd"},
		{"an emoji", "🔥"},
	} {
		checks = append(checks, check{"exports/bigquery refuses names with " + hostile.what, func(ctx context.Context) error {
			_, err := write(ctx, "gs://models/tiny", "risk."+hostile.text)
			if err := refused(err, "is not the name of a BigQuery model"); err != nil {
				return err
			}
			_, err = write(ctx, "gs://models/"+hostile.text, "risk.tiny")
			return refused(err, "is not a Cloud Storage folder")
		}})
	}
	long := strings.Repeat("x", 10_000)
	return append(checks,
		check{"exports/bigquery refuses names that look like flags, or are none", func(ctx context.Context) error {
			for _, name := range []string{"--help", "-x", ""} {
				_, err := write(ctx, "gs://models/tiny", name)
				if err := refused(err, "is not the name of a BigQuery model"); err != nil {
					return fmt.Errorf("name %q: %w", name, err)
				}
				_, err = write(ctx, name, "risk.tiny")
				if err := refused(err, "is not a Cloud Storage folder"); err != nil {
					return fmt.Errorf("URI %q: %w", name, err)
				}
			}
			return nil
		}},
		check{"exports/bigquery takes 10,000 characters as data, or refuses them", func(ctx context.Context) error {
			_, err := write(ctx, "gs://models/tiny", "risk."+long)
			if err := refused(err, "is not the name of a BigQuery model"); err != nil {
				return err
			}
			statement, err := write(ctx, "gs://models/"+long, "risk.tiny")
			if err == nil && !strings.Contains(statement, "'gs://models/"+long+"/*'") {
				return fmt.Errorf("the statement holds another URI: %.200s", statement)
			}
			return err
		}},
	)
}

// damagedModels: a model from outside is looked at before anything vouches for it or loads it.
func (t *Tests) damagedModels() []check {
	var checks []check
	for _, damaged := range []struct {
		name  string
		model func(*dagger.Directory) *dagger.Directory
		want  string
	}{
		{"no variables", func(model *dagger.Directory) *dagger.Directory { return model.WithoutDirectory("variables") }, "variables.index is missing"},
		{"half of saved_model.pb", func(model *dagger.Directory) *dagger.Directory { return model.WithFile("saved_model.pb", half(model)) }, "saved_model.pb is damaged or cut off"},
		{"no signature", func(model *dagger.Directory) *dagger.Directory {
			// A graph with the tag serve, and nothing in it: meta_graphs { meta_info_def { tags: "serve" } }.
			return model.WithNewFile("saved_model.pb", "\x08\x01\x12\x09\x0a\x07\x22\x05serve")
		}, "has no signature to call"},
		{"a pickle", func(model *dagger.Directory) *dagger.Directory {
			return model.WithNewFile("assets/extra.pkl", "cos\nsystem\n")
		}, "extra.pkl is a pickle"},
		{"a stray file of a hostile name", func(model *dagger.Directory) *dagger.Directory {
			return model.WithNewFile("--help; $(touch x) '\"🔥\n", "x")
		}, "does not belong in a SavedModel"},
	} {
		for _, use := range []struct {
			name string
			call func(context.Context, *dagger.TensorflowCiModel) error
		}{
			{"digest", func(ctx context.Context, model *dagger.TensorflowCiModel) error {
				_, err := model.Digest(ctx)
				return err
			}},
			{"evaluate", func(ctx context.Context, model *dagger.TensorflowCiModel) error { return model.Evaluate().Check(ctx) }},
			{"tflite", func(ctx context.Context, model *dagger.TensorflowCiModel) error { return model.Tflite().Check(ctx) }},
			{"bigquery", func(ctx context.Context, model *dagger.TensorflowCiModel) error {
				return model.Bigquery("gs://models/tiny", "risk.tiny").Check(ctx)
			}},
		} {
			checks = append(checks, check{"exports/" + use.name + " refuses a model with " + damaged.name, func(ctx context.Context) error {
				model := damaged.model(line(tiny()).Train().SavedModel())
				return refused(use.call(ctx, line(tiny()).Model(model)), damaged.want)
			}})
		}
	}
	return checks
}

// agrees wants an export that holds the file, and that differs from its model by no more than limit.
func agrees(ctx context.Context, export *dagger.TensorflowCiExport, limit float64, file string) error {
	if err := export.Check(ctx); err != nil {
		return err
	}
	if _, err := export.Directory().File(file).Sync(ctx); err != nil {
		return err
	}
	text, err := export.Report().Contents(ctx)
	if err != nil {
		return err
	}
	var report struct {
		Bytes      int
		MaxAbsDiff *float64
	}
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		return err
	}
	if report.Bytes == 0 || report.MaxAbsDiff == nil || *report.MaxAbsDiff > limit {
		return fmt.Errorf("want a file that differs by at most %g, have %s", limit, text)
	}
	return nil
}

// file is a file of that name.
func file(name, text string) *dagger.File {
	return dag.Directory().WithNewFile(name, text).File(name)
}

// half is a model's saved_model.pb, cut off.
func half(model *dagger.Directory) *dagger.File {
	return dag.Container().From("tensorflow/tensorflow:2.16.2").
		WithMountedDirectory("/model", model).
		WithExec([]string{"sh", "-c", "head -c 5000 /model/saved_model.pb > /half.pb"}).
		File("/half.pb")
}
