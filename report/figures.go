package report

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"dagger/tensorflow-ci/gate"
)

// figure is a number as a person reads it; the page carries all its digits beside it.
func figure(value *float64) string {
	if value == nil {
		return "not finite"
	}
	return strconv.FormatFloat(*value, 'g', 6, 64)
}

// exact is a number with all its digits, as another program reads it.
func exact(value *float64) string {
	if value == nil {
		return ""
	}
	return strconv.FormatFloat(*value, 'g', -1, 64)
}

// percent is a share of 1; "–" where there is none, as for a regression.
func percent(value *float64) string {
	if value == nil {
		return "–"
	}
	return strconv.FormatFloat(100**value, 'f', 2, 64) + " %"
}

// size is a number of bytes in the unit that leaves at most four digits before the point.
func size(bytes int) string {
	const thousand = 1024
	value, units := float64(bytes), []string{"B", "KiB", "MiB", "GiB"}
	for len(units) > 1 && value >= thousand {
		value, units = value/thousand, units[1:]
	}
	if units[0] == "B" {
		return fmt.Sprintf("%d B", bytes)
	}
	return fmt.Sprintf("%.1f %s", value, units[0])
}

// seconds is how long a step took.
func seconds(value float64) string { return strconv.FormatFloat(value, 'f', 1, 64) + " s" }

// Difference is how far a metric is from the baseline's, with its sign; "–" where one of them is no number.
func (f Figure) Difference() string {
	if f.Value == nil || f.Baseline == nil {
		return "–"
	}
	return strconv.FormatFloat(*f.Value-*f.Baseline, 'g', 3, 64)
}

// Trend says whether a metric got better or worse than the baseline's: better, worse, equal, or nothing where neither can be said.
func (f Figure) Trend() string {
	const counts = "examples"
	if f.Value == nil || f.Baseline == nil || f.Name == counts {
		return ""
	}
	change := *f.Value - *f.Baseline
	if gate.LowerIsBetter(f.Name) {
		change = -change
	}
	switch {
	case change > 0:
		return "better"
	case change < 0:
		return "worse"
	}
	return "equal"
}

// verdict is a limit's outcome in two or three words.
func verdict(v gate.Verdict) string {
	switch {
	case !v.Passed:
		return "does not hold"
	case v.By == nil:
		return "not judged"
	}
	return "holds"
}

// reason is why a limit does not hold or was not judged, without saying the verdict twice.
func reason(v gate.Verdict) string { return strings.TrimPrefix(v.Reason, verdict(v)+": ") }

// subject names what a limit is set for.
func subject(v gate.Verdict) string {
	if v.Slice == "" {
		return v.Metric
	}
	return v.Metric + " in slice " + v.Slice
}

// Headline says the gate's verdict in a few words.
func (r Report) Headline() string {
	if !r.Judged {
		return "not judged: the gate has no limits"
	}
	failed := 0
	for _, v := range r.Gate.Verdicts {
		if !v.Passed {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Sprintf("the gate stays closed: %d of %d limits do not hold", failed, len(r.Gate.Verdicts))
	}
	return "the gate opens"
}

// Name is the model's name, or what to call it where none is known.
func (r Report) Name() string {
	if r.Model == "" {
		return "model"
	}
	return r.Model
}

// Compared tells whether there is a baseline's figure to any metric.
func (r Report) Compared() bool { return len(r.Metrics) > 0 && r.Metrics[0].Compared }

// SliceMetrics are the names of the metrics that slices have, in the order of the report's own.
func (r Report) SliceMetrics() []string {
	var names []string
	for _, metric := range r.Metrics {
		for _, slice := range r.Slices {
			if _, found := slice.Metrics[metric.Name]; found {
				names = append(names, metric.Name)
				break
			}
		}
	}
	return names
}

// Share is an export's size beside the SavedModel's.
func (r Report) Share(export Export) string {
	if r.ModelBytes == 0 {
		return "–"
	}
	share := float64(export.Bytes) / float64(r.ModelBytes)
	return percent(&share)
}

// Training are the pictures of the training, Evaluation those of the model's answers.
func (r Report) Training() []Picture   { return r.drawn(true) }
func (r Report) Evaluation() []Picture { return r.drawn(false) }

func (r Report) drawn(training bool) []Picture {
	var drawn []Picture
	for _, picture := range r.Pictures {
		if strings.HasPrefix(picture.Name, curvePrefix) == training {
			drawn = append(drawn, picture)
		}
	}
	return drawn
}

// shade is a count's share of its row, in tenths from 0 to 10, by which the page colours it.
func shade(row []int, count int) int {
	sum := 0
	for _, other := range row {
		sum += other
	}
	if sum == 0 {
		return 0
	}
	return int(math.Round(10 * float64(count) / float64(sum)))
}
