package lineage

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// PredictionsFile is where a run keeps what its model said of each held-out row.
const PredictionsFile = "reports/predictions.csv"

// Flips are the held-out rows of which two models say different things.
type Flips struct {
	Rows    int     `json:"rows"`
	Flipped int     `json:"flipped"`
	ToRight int     `json:"toRight"` // wrong before, right after
	ToWrong int     `json:"toWrong"` // right before, wrong after
	Largest float64 `json:"largest"` // largest difference of an output, flipped or not
	First   []Flip  `json:"first"`   // the first of them
	Reason  string  `json:"reason,omitempty"`
}

// Flip is one row that flipped.
type Flip struct {
	Row    int    `json:"row"` // from 1
	Label  string `json:"label"`
	Before string `json:"before"`
	After  string `json:"after"`
}

// firstFlips is how many rows are named; predictions.csv has them all.
const firstFlips = 10

// prediction is one line of predictions.csv.
type prediction struct {
	label, said string
	outputs     []float64
}

// WithPredictions adds how many held-out rows flip. Predictions for other rows are not compared, and that is said.
func (e Explanation) WithPredictions(before, after []byte) (Explanation, error) {
	old, err := readPredictions(before)
	if err != nil {
		return e, fmt.Errorf("%s before: %w", PredictionsFile, err)
	}
	new, err := readPredictions(after)
	if err != nil {
		return e, fmt.Errorf("%s after: %w", PredictionsFile, err)
	}
	flips := compare(old, new)
	if e.Comparable != nil && !*e.Comparable {
		flips = Flips{Reason: "the held-out rows are not the same"}
	}
	e.Predictions = &flips
	return e, nil
}

func compare(before, after []prediction) Flips {
	if len(before) != len(after) {
		return Flips{Reason: fmt.Sprintf("the held-out rows are not the same: %d before, %d after", len(before), len(after))}
	}
	flips := Flips{Rows: len(before), First: []Flip{}}
	for at, old := range before {
		new := after[at]
		if old.label != new.label || len(old.outputs) != len(new.outputs) {
			return Flips{Reason: fmt.Sprintf("the held-out rows are not the same: row %d differs in its label or in the form of its answer", at+1)}
		}
		for i := range old.outputs {
			if distance := math.Abs(new.outputs[i] - old.outputs[i]); distance > flips.Largest {
				flips.Largest = min(distance, math.MaxFloat64) // JSON has no infinity
			}
		}
		if old.said == new.said {
			continue
		}
		flips.Flipped++
		switch {
		case same(new.said, new.label):
			flips.ToRight++
		case same(old.said, old.label):
			flips.ToWrong++
		}
		if len(flips.First) < firstFlips {
			flips.First = append(flips.First, Flip{Row: at + 1, Label: old.label, Before: old.said, After: new.said})
		}
	}
	return flips
}

// same tells whether two texts are one number: 1 and 1.0 are.
func same(a, b string) bool {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	return a == b || errX == nil && errY == nil && x == y
}

func readPredictions(text []byte) ([]prediction, error) {
	reader := csv.NewReader(bytes.NewReader(text))
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty: was the run cut short")
	}
	if err != nil {
		return nil, err
	}
	if len(header) < 4 || !slices.Equal(header[:3], []string{"row", "label", "prediction"}) {
		return nil, fmt.Errorf("its first line is %.100q, want row,label,prediction and the outputs: it was not made by a run", header)
	}
	var predictions []prediction
	for {
		fields, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return predictions, nil
		}
		if err != nil {
			return nil, err
		}
		line := prediction{label: fields[1], said: fields[2]}
		for at, field := range fields[3:] {
			value, err := strconv.ParseFloat(field, 64)
			if err != nil {
				return nil, fmt.Errorf("row %.20s, %s is %.40q, not a number", fields[0], header[3+at], field)
			}
			line.outputs = append(line.outputs, value)
		}
		predictions = append(predictions, line)
	}
}
