package gate

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
)

// FuzzJudge holds that the gate opens for nothing that was not measured or is no finite number, that it says why it does
// not open, and that its verdict is JSON whatever the figures are.
func FuzzJudge(f *testing.F) {
	const whole = `{"metrics": {"accuracy": 0.9, "loss": 0.3, "auc": null}, "slices": {"age=1": {"metrics": {"accuracy": 0.7}}}}`
	f.Add([]byte(whole), []byte(whole), "accuracy", "", 0.85, 1.0, 0.1)
	f.Add([]byte(whole), []byte(`{"metrics": {"accuracy": 1e308}}`), "loss", "age=1", 0.0, 0.0, 0.0)
	f.Add([]byte(`{"metrics": {"a": -1e308}}`), []byte(`{"metrics": {"a": 1e308}}`), "a", "", math.Inf(-1), math.NaN(), math.MaxFloat64)
	f.Add([]byte(`{"metrics": {"a": 1}, "slices": {"b": null}}`), []byte(`null`), "a", "b", 1.0, 1.0, 1e-13)
	f.Fuzz(func(t *testing.T, text, before []byte, metric, slice string, minimum, maximum, drop float64) {
		measured, err := ReadMeasured(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "the evaluation's result cannot be read: ") {
				t.Errorf("refused with %q", err)
			}
			return
		}
		var baseline *Measured
		if read, err := ReadMeasured(before); err == nil {
			baseline = &read
		}
		report := Judge([]Rule{{Metric: metric, Slice: slice, Minimum: &minimum, Maximum: &maximum, MaxDrop: &drop}}, measured, baseline)
		if len(report.Verdicts) != 3 || report.Passed != (report.Err() == nil) {
			t.Errorf("%+v, %v", report, report.Err())
		}
		got, missing := measured.find(metric, slice)
		for _, verdict := range report.Verdicts {
			holds := false
			switch verdict.Limit {
			case Minimum:
				holds = got >= minimum
			case Maximum:
				holds = got <= maximum
			case MaxDrop:
				if holds = true; baseline != nil {
					var better float64
					better, missingBefore := baseline.find(metric, slice)
					worse := better - got
					if LowerIsBetter(metric) {
						worse = got - better
					}
					holds = missingBefore == "" && worse <= drop+rounding
				}
			}
			if verdict.Passed != (holds && missing == "") {
				t.Errorf("%+v, got %g (%s), minimum %g, maximum %g, max-drop %g", verdict, got, missing, minimum, maximum, drop)
			}
			if !verdict.Passed && verdict.Reason == "" {
				t.Errorf("%+v does not say why", verdict)
			}
		}
		if _, err := json.Marshal(report); err != nil && !math.IsNaN(minimum+maximum+drop) && !math.IsInf(minimum, 0) && !math.IsInf(maximum, 0) && !math.IsInf(drop, 0) {
			t.Errorf("%v: %+v", err, report)
		}
		_ = report.Summary(measured)
	})
}
