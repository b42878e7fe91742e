package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dagger/tests/internal/dagger"
)

// report: the page says what the files say, of good models and of those that the gate stops.
func (t *Tests) report() []check {
	closed := settingsTiny + "gate: [{metric: loss, maximum: 0.0001}]\n"
	return []check{
		{"report/the page of a run has the figures of evaluation.json, all digits", func(ctx context.Context) error {
			out := line(t.Phishing).Pipeline()
			page, err := out.File("report/index.html").Contents(ctx)
			if err != nil {
				return err
			}
			text, err := out.File("reports/evaluation.json").Contents(ctx)
			if err != nil {
				return err
			}
			var evaluation struct {
				Metrics map[string]float64
				Slices  map[string]struct{ Metrics map[string]float64 }
			}
			if err := json.Unmarshal([]byte(text), &evaluation); err != nil {
				return err
			}
			if len(evaluation.Slices) == 0 {
				return fmt.Errorf("evaluation.json has no slices: %s", text)
			}
			shown := func(metrics map[string]float64) error {
				for name, value := range metrics {
					if want := `data-metric="` + name + `"><data value="` + strconv.FormatFloat(value, 'g', -1, 64) + `">`; !strings.Contains(page, want) {
						return fmt.Errorf("the page lacks %s", want)
					}
				}
				return nil
			}
			for _, slice := range evaluation.Slices {
				if err := shown(slice.Metrics); err != nil {
					return err
				}
			}
			for _, section := range []string{`id="roc"`, `id="curve-01-loss"`, `id="confusion"`, `id="slices"`, `data-export="tflite"`, `id="lineage"`, `id="scan"`} {
				if !strings.Contains(page, section) {
					return fmt.Errorf("the page lacks %s", section)
				}
			}
			return shown(evaluation.Metrics)
		}},
		{"report/of an earlier run's result, the same bytes", func(ctx context.Context) error {
			out, err := line(t.Phishing).Pipeline().Sync(ctx)
			if err != nil {
				return err
			}
			again := line(t.Phishing).Report(out)
			for _, name := range []string{"index.html", "report.md", "roc.png", "curve-01-loss.png"} {
				first, err := out.File("report/"+name).Digest(ctx, dagger.FileDigestOpts{ExcludeMetadata: true})
				if err != nil {
					return err
				}
				second, err := again.File(name).Digest(ctx, dagger.FileDigestOpts{ExcludeMetadata: true})
				if err != nil {
					return err
				}
				if first != second {
					return fmt.Errorf("%s differs between the run and a report of its result: %s, %s", name, first, second)
				}
			}
			return nil
		}},
		{"report/of a model whose gate stays closed, beside a baseline", func(ctx context.Context) error {
			stopped := line(tiny().WithNewFile("tensorflow-ci.yaml", closed))
			text, err := stopped.Train().Report(dagger.TensorflowCiModelReportOpts{Baseline: line(tiny()).Train().SavedModel()}).
				File("report.md").Contents(ctx)
			if err != nil {
				return err
			}
			for _, part := range []string{"the gate stays closed: 1 of 1 limits do not hold", "| metric | this model | baseline |", "above the maximum 0.0001"} {
				if !strings.Contains(text, part) {
					return fmt.Errorf("report.md lacks %q: %s", part, text)
				}
			}
			return nil
		}},
		{"report/of the least there can be", func(ctx context.Context) error {
			result := dag.Directory().WithFile("evaluation.json", line(tiny()).Train().Evaluate().Report())
			page, err := line(tiny()).Report(result).File("index.html").Contents(ctx)
			if err == nil && !strings.Contains(page, "training curves (no TensorBoard events") {
				return fmt.Errorf("the page does not say what is missing: %s", page)
			}
			return err
		}},
		{"report/left out where the project says so", func(ctx context.Context) error {
			found, err := line(tiny(), "report=false").Pipeline().Exists(ctx, "report")
			if err == nil && found {
				return fmt.Errorf("report/ is there in spite of report: false")
			}
			return err
		}},
		{"report/without an evaluation", func(ctx context.Context) error {
			_, err := line(tiny()).Report(dag.Directory()).Sync(ctx)
			return refused(err, "--result holds no reports/evaluation.json", "what run leaves")
		}},
		{"report/of what is no evaluation", func(ctx context.Context) error {
			_, err := line(tiny()).Report(dag.Directory().WithNewFile("evaluation.json", "[]")).Sync(ctx)
			return refused(err, "evaluation.json is no evaluation", "give the file that evaluate wrote")
		}},
		{"report/of predictions in another form", func(ctx context.Context) error {
			result := dag.Directory().
				WithFile("evaluation.json", line(tiny()).Train().Evaluate().Report()).
				WithNewFile("predictions.csv", "a,b\n1,2\n")
			_, err := line(tiny()).Report(result).Sync(ctx)
			return refused(err, "predictions.csv has the columns", "want row, label, prediction, output")
		}},
	}
}
