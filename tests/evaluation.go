package main

import (
	"context"
	"encoding/json"
	"fmt"

	"dagger/tests/internal/dagger"
)

// evaluation: metrics come from the model and the held-out rows, and the gate stops what is under its limits.
func (t *Tests) evaluation() []check {
	return []check{
		{"evaluate/a good model passes its gate", func(ctx context.Context) error {
			evaluation := line(t.Phishing).Train().Evaluate()
			if err := evaluation.Check(ctx); err != nil {
				return err
			}
			text, err := evaluation.Metrics().Contents(ctx)
			if err != nil {
				return err
			}
			var metrics struct{ Accuracy, Auc, Loss, Examples *float64 }
			if err := json.Unmarshal([]byte(text), &metrics); err != nil {
				return err
			}
			if metrics.Accuracy == nil || metrics.Auc == nil || metrics.Loss == nil || metrics.Examples == nil || *metrics.Accuracy < 0.85 {
				return fmt.Errorf("metrics.json: want accuracy (at least 0.85), auc, loss and examples, have %s", text)
			}
			return nil
		}},
		{"evaluate/a model under its threshold is stopped", func(ctx context.Context) error {
			strict := t.Phishing.WithNewFile("tensorflow-ci.yaml", strictGate)
			if err := refused(line(strict).Train().Evaluate().Check(ctx), "accuracy", "0.999"); err != nil {
				return err
			}
			_, err := line(strict).Pipeline().Sync(ctx)
			return refused(err, "gate:", "accuracy", "0.999")
		}},
		{"evaluate/the report of a stopped model can be exported", func(ctx context.Context) error {
			text, err := line(t.Phishing.WithNewFile("tensorflow-ci.yaml", strictGate)).Train().Evaluate().Report().Contents(ctx)
			if err != nil {
				return err
			}
			var report struct{ Gate struct{ Passed *bool } }
			if err := json.Unmarshal([]byte(text), &report); err != nil || report.Gate.Passed == nil || *report.Gate.Passed {
				return fmt.Errorf("evaluation.json: want a gate that did not pass, have %s", text)
			}
			return nil
		}},
		{"evaluate/a model worse than its baseline is stopped", func(ctx context.Context) error {
			good := line(t.Phishing).Train().SavedModel()
			worse := line(t.Phishing, "train.args.epochs=1", "train.args.learning-rate=0.00001").Train()
			return refused(worse.Evaluate(dagger.TensorflowCiModelEvaluateOpts{Baseline: good}).Check(ctx), "auc", "max-drop")
		}},
		{"evaluate/a label that the data does not have", func(ctx context.Context) error {
			_, err := line(tiny(), "evaluate.label=nothing").Train().Evaluate().Report().Contents(ctx)
			return refused(err, "nothing", "a, b, y")
		}},
		{"evaluate/a directory that is no model", func(ctx context.Context) error {
			_, err := line(tiny()).Model(tiny()).SavedModel().Sync(ctx)
			return refused(err, "holds no SavedModel")
		}},
		{"evaluate/a model with its variables missing", func(ctx context.Context) error {
			broken := line(tiny()).Train().SavedModel().WithoutDirectory("variables")
			_, err := line(tiny()).Model(broken).Evaluate().Report().Contents(ctx)
			return refused(err, "variables")
		}},
	}
}

const strictGate = `version: 1
model: phishing
images: {tensorflow: "tensorflow/tensorflow:2.21.0"}
train: {args: {epochs: 50}, seed: 7}
test: {coverage: {source: src, minimum: 80}}
evaluate: {data: data/held-out.csv, label: is_phishing}
gate: [{metric: accuracy, minimum: 0.999}]
`
