package gate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

func of(value float64) *float64 { return &value }

var measured = Measured{
	Metrics: map[string]*float64{"accuracy": of(0.81), "auc": of(0.94), "loss": of(0.5), "f1": nil, "odd": of(math.NaN())},
	Slices:  map[string]map[string]*float64{"age=0": {"accuracy": of(0.9)}, "age=1": {"accuracy": of(0.7)}},
}

var before = Measured{
	Metrics: map[string]*float64{"accuracy": of(0.81), "auc": of(0.95), "loss": of(0.4), "f1": of(0.9)},
	Slices:  map[string]map[string]*float64{"age=0": {"accuracy": of(0.95)}},
}

func TestJudge(t *testing.T) {
	for _, test := range []struct {
		name     string
		rule     Rule
		baseline *Measured
		want     bool
		reason   string
	}{
		{"minimum holds", Rule{Metric: "accuracy", Minimum: of(0.8)}, nil, true, ""},
		{"minimum is met exactly", Rule{Metric: "accuracy", Minimum: of(0.81)}, nil, true, ""},
		{"minimum is missed", Rule{Metric: "accuracy", Minimum: of(0.85)}, nil, false, "accuracy is 0.81, below the minimum 0.85 by 0.04"},
		{"minimum is missed by little", Rule{Metric: "accuracy", Minimum: of(0.8100001)}, nil, false, "accuracy is 0.81, below the minimum 0.8100001 by 1e-07"},
		{"maximum holds", Rule{Metric: "loss", Maximum: of(0.5)}, nil, true, ""},
		{"maximum is passed", Rule{Metric: "loss", Maximum: of(0.3)}, nil, false, "loss is 0.5, above the maximum 0.3 by 0.2"},
		{"not finite", Rule{Metric: "f1", Minimum: of(0)}, nil, false, "f1 is not a finite number"},
		{"not finite under a maximum", Rule{Metric: "odd", Maximum: of(1)}, nil, false, "odd is not a finite number"},
		{"not finite beside a baseline", Rule{Metric: "f1", MaxDrop: of(1)}, &before, false, "f1 is not a finite number"},
		{"not finite without a baseline", Rule{Metric: "f1", MaxDrop: of(1)}, nil, false, "f1 is not a finite number"},
		{"not measured", Rule{Metric: "recall", Minimum: of(0)}, nil, false, "recall was not measured; measured: accuracy, auc, f1, loss, odd"},
		{"drop without a baseline", Rule{Metric: "auc", MaxDrop: of(0)}, nil, true, "not judged: no baseline model was given"},
		{"drop is allowed to the digit", Rule{Metric: "auc", MaxDrop: of(0.01)}, &before, true, ""},
		{"drop is too large", Rule{Metric: "auc", MaxDrop: of(0.005)}, &before, false, "auc is 0.94, 0.01 below the baseline's 0.95: more than the max-drop 0.005 by 0.005"},
		{"no drop", Rule{Metric: "accuracy", MaxDrop: of(0)}, &before, true, ""},
		{"a loss that rose", Rule{Metric: "loss", MaxDrop: of(0.05)}, &before, false, "loss is 0.5, 0.1 above the baseline's 0.4: more than the max-drop 0.05 by 0.05"},
		{"a loss that rose as far as it may", Rule{Metric: "loss", MaxDrop: of(0.1)}, &before, true, ""},
		{"baseline without the metric", Rule{Metric: "auc", MaxDrop: of(1)}, &Measured{}, false, "the baseline cannot be compared with: auc was not measured; measured: nothing"},
		{"slice holds", Rule{Metric: "accuracy", Slice: "age=0", Minimum: of(0.85)}, nil, true, ""},
		{"slice is missed", Rule{Metric: "accuracy", Slice: "age=1", Minimum: of(0.85)}, nil, false, "accuracy in slice age=1 is 0.7, below the minimum 0.85 by 0.15"},
		{"slice of the baseline", Rule{Metric: "accuracy", Slice: "age=0", MaxDrop: of(0.01)}, &before, false, "accuracy in slice age=0 is 0.9, 0.05 below the baseline's 0.95: more than the max-drop 0.01 by 0.04"},
		{"no such slice", Rule{Metric: "accuracy", Slice: "age=2", Minimum: of(0)}, nil, false, "slice age=2 was not measured; measured: age=0, age=1"},
		{"no such metric in the slice", Rule{Metric: "auc", Slice: "age=0", Minimum: of(0)}, nil, false, "auc was not measured in slice age=0; measured: accuracy"},
	} {
		t.Run(test.name, func(t *testing.T) {
			report := Judge([]Rule{test.rule}, measured, test.baseline)
			if len(report.Verdicts) != 1 {
				t.Fatalf("got %d verdicts, want 1", len(report.Verdicts))
			}
			verdict := report.Verdicts[0]
			if report.Passed != test.want || verdict.Passed != test.want {
				t.Errorf("passed: report %v, verdict %v, want %v", report.Passed, verdict.Passed, test.want)
			}
			if verdict.Reason != test.reason {
				t.Errorf("got reason %q\nwant %q", verdict.Reason, test.reason)
			}
			switch err := report.Err(); {
			case test.want && err != nil:
				t.Errorf("got error %v", err)
			case !test.want && (err == nil || err.Error() != test.reason):
				t.Errorf("got error %v, want %s", err, test.reason)
			}
			if _, err := json.Marshal(report); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestReport(t *testing.T) {
	report := Judge([]Rule{
		{Metric: "accuracy", Minimum: of(0.85), MaxDrop: of(0.1)},
		{Metric: "loss", Maximum: of(0.3)},
		{Metric: "auc", Minimum: of(0.9)},
	}, measured, nil)

	if got, want := report.Err().Error(), "2 of 4 limits do not hold:\n"+
		"  accuracy is 0.81, below the minimum 0.85 by 0.04\n"+
		"  loss is 0.5, above the maximum 0.3 by 0.2"; got != want {
		t.Errorf("got error %q\nwant %q", got, want)
	}
	if got, want := report.Summary(Measured{Metrics: map[string]*float64{"auc": of(0.94), "accuracy": of(0.81), "f1": nil}}),
		"accuracy 0.81, auc 0.94, f1 not finite, 1 of 3 limits hold, 1 not judged"; got != want {
		t.Errorf("got summary %q, want %q", got, want)
	}
	text, err := json.Marshal(report.Verdicts[2])
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(text), `{"metric":"loss","limit":"maximum","want":0.3,"got":0.5,"by":0.2,"passed":false,"reason":"loss is 0.5, above the maximum 0.3 by 0.2"}`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestReportWithoutRules(t *testing.T) {
	report := Judge(nil, measured, nil)
	if !report.Passed || report.Err() != nil {
		t.Errorf("got %+v", report)
	}
	if got := report.Summary(Measured{}); got != "no limits set" {
		t.Errorf("got summary %q", got)
	}
	if text, err := json.Marshal(report); err != nil || string(text) != `{"passed":true,"verdicts":[]}` {
		t.Errorf("got %s, %v", text, err)
	}
}

func TestJudgeFarApart(t *testing.T) {
	far := Measured{Metrics: map[string]*float64{"x": of(-math.MaxFloat64)}}
	report := Judge([]Rule{{Metric: "x", Minimum: of(math.MaxFloat64)}}, far, nil)
	if _, err := json.Marshal(report); err != nil || report.Passed || report.Verdicts[0].By != nil {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestReadMeasured(t *testing.T) {
	got, err := ReadMeasured([]byte(`{"task": "binary", "signature": "serving_default", "output": "output_0", "examples": 250,
		"metrics": {"accuracy": 0.9, "examples": 250, "auc": null},
		"slices": {"age=0": {"examples": 3, "metrics": {"accuracy": 1}}, "age=1": {"metrics": {"accuracy": null}}},
		"confusion": [[1, 2], [3, 4]], "nonFinite": ["auc"]}`))
	if err != nil {
		t.Fatal(err)
	}
	if *got.Metrics["accuracy"] != 0.9 || *got.Metrics["examples"] != 250 || *got.Slices["age=0"]["accuracy"] != 1 {
		t.Errorf("got %+v", got)
	}
	for name, metrics := range map[string]map[string]*float64{"auc": got.Metrics, "accuracy": got.Slices["age=1"]} {
		if value, found := metrics[name]; !found || value != nil {
			t.Errorf("%s: got %v, %v, want nil that is there", name, value, found)
		}
	}
}

func TestReadMeasuredRefuses(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `{}`, `{"metrics": {}}`, `{"metrics": {"a": "0.9"}}`, `{"metrics": {"a": NaN}}`, `{"metrics": {"a": 1e999}}`,
		`{"metrics": {"a": 1}} {}`, `{"metrics": {"a": 1}`, `{"metrics": {"a": 1}, "slices": {"b": 1}}`,
	} {
		if got, err := ReadMeasured([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "the evaluation's result cannot be read: ") {
			t.Errorf("%s: got %+v, %v", text, got, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	for name, want := range map[string]struct{ bounded, lower bool }{
		"accuracy": {true, false}, "macro_f1": {true, false}, "roc_auc": {true, false}, "precision": {true, false}, "recall": {true, false},
		"loss": {false, true}, "validation_loss": {false, true}, "mse": {false, true}, "mean_absolute_error": {false, true}, "rmse": {false, true},
		"examples": {false, false}, "r2": {false, false}, "glossary": {false, false}, "accuracy_error": {false, true}, "": {false, false},
	} {
		if Bounded(name) != want.bounded || LowerIsBetter(name) != want.lower {
			t.Errorf("%s: bounded %v, lower is better %v; want %+v", name, Bounded(name), LowerIsBetter(name), want)
		}
	}
}
