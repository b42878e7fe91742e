// Package report lays out what a line found out about a model: as one HTML page that needs no network, and as a text for
// a merge request.
//
// The same input gives the same bytes. Names that a project chose (of metrics, slices, packages) are data, whatever they hold.
package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/lineage"
)

// Input is what a report is made of. Only Evaluation must be there.
type Input struct {
	Evaluation []byte            // evaluation.json
	Manifest   []byte            // manifest.json
	Steps      []byte            // steps.json
	Scan       string            // verdict.txt of a scan
	Exports    map[string][]byte // form to its report.json
	Pictures   []byte            // pictures.json of scripts/report.py
	ModelBytes int               // size of the SavedModel, 0: not known
}

// Report is what a report says, in the order in which it says it.
type Report struct {
	Model      string // name; empty without a manifest
	Task       string
	Gate       gate.Report
	Judged     bool // whether the gate has any limit
	Metrics    []Figure
	Confusion  [][]int
	Slices     []Slice
	Exports    []Export
	ModelBytes int
	Scan       string
	Steps      []Step
	Manifest   *lineage.Manifest
	Pictures   []Picture
	Missing    []string // what was not there to report on
}

// Figure is a metric over all rows, beside the baseline's where there is one.
type Figure struct {
	Name     string
	Value    *float64 // nil: not finite
	Compared bool
	Baseline *float64 // nil: not finite, or the baseline has none
}

// Slice is what a model achieves on some of the rows.
type Slice struct {
	Name    string
	Metrics map[string]*float64
}

// Export is another form of the model beside the model itself.
type Export struct {
	Format             string
	Quantize           string
	Bytes              int
	Examples           int
	MaxAbsDiff         *float64
	Agreement          *float64
	AccuracySavedModel *float64
	AccuracyExported   *float64
	AccuracyLost       *float64
	Gate               *gate.Report
}

// Step is a step's account of its last real run.
type Step struct {
	Name    string
	Verdict string
	Seconds float64
}

// Picture is a drawing, for a white and for a dark page.
type Picture struct {
	Name, Title, Alt string
	Light, Dark      string // SVG
}

// Read takes a report's input apart, and refuses what is not what it should be.
func Read(in Input) (Report, error) {
	var evaluation struct {
		Task      string
		Metrics   map[string]*float64
		Confusion [][]int
		Slices    map[string]struct{ Metrics map[string]*float64 }
		Gate      *gate.Report
		Baseline  *struct{ Metrics map[string]*float64 }
	}
	if err := decode("evaluation.json", in.Evaluation, &evaluation); err != nil {
		return Report{}, err
	}
	if len(evaluation.Metrics) == 0 {
		return Report{}, errors.New("evaluation.json holds no metrics: give the file that evaluate wrote")
	}
	report := Report{Task: evaluation.Task, Confusion: evaluation.Confusion, ModelBytes: in.ModelBytes, Scan: in.Scan}
	if evaluation.Gate != nil {
		report.Gate, report.Judged = *evaluation.Gate, len(evaluation.Gate.Verdicts) > 0
	}
	for _, name := range slices.Sorted(maps.Keys(evaluation.Metrics)) {
		figure := Figure{Name: name, Value: evaluation.Metrics[name]}
		if evaluation.Baseline != nil {
			figure.Baseline, figure.Compared = evaluation.Baseline.Metrics[name], true
		}
		report.Metrics = append(report.Metrics, figure)
	}
	for _, name := range slices.Sorted(maps.Keys(evaluation.Slices)) {
		report.Slices = append(report.Slices, Slice{name, evaluation.Slices[name].Metrics})
	}
	for _, form := range slices.Sorted(maps.Keys(in.Exports)) {
		var export Export
		if err := decode("the report of the export "+form, in.Exports[form], &export); err != nil {
			return Report{}, err
		}
		report.Exports = append(report.Exports, export)
	}
	for _, part := range []struct {
		name string
		text []byte
		into any
	}{
		{"steps.json", in.Steps, &report.Steps},
		{"pictures.json", in.Pictures, &report.Pictures},
	} {
		if part.text == nil {
			continue
		}
		if err := decode(part.name, part.text, part.into); err != nil {
			return Report{}, err
		}
	}
	if in.Manifest != nil {
		manifest, err := lineage.Read(in.Manifest)
		if err != nil {
			return Report{}, err
		}
		report.Model, report.Manifest = manifest.Model, &manifest
	}
	report.Missing = report.missing()
	return report, nil
}

// missing says what a reader may look for and not find.
func (r Report) missing() []string {
	var missing []string
	without := func(present bool, what string) {
		if !present {
			missing = append(missing, what)
		}
	}
	has := func(prefix string) bool {
		return slices.ContainsFunc(r.Pictures, func(picture Picture) bool { return strings.HasPrefix(picture.Name, prefix) })
	}
	without(has(curvePrefix), "training curves (no TensorBoard events: let train.py log to --log-dir)")
	without(r.Task != "binary" || has("roc"), "the ROC curve (no predictions.csv, or one class alone)")
	without(r.Judged, "a gate (no rules under gate: in tensorflow-ci.yaml)")
	without(len(r.Metrics) > 0 && r.Metrics[0].Compared, "a comparison (no --baseline)")
	without(len(r.Exports) > 0, "exports")
	without(r.Scan != "", "a scan")
	without(r.Manifest != nil, "the lineage (no manifest.json)")
	return missing
}

// curvePrefix starts the names of pictures of a training.
const curvePrefix = "curve-"

func decode(name string, text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s cannot be read: %w", name, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s cannot be read: something follows its JSON", name)
	}
	return nil
}
