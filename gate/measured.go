package gate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Measured is what a model achieves on held-out data; nil stands for a figure that is not finite.
type Measured struct {
	Metrics map[string]*float64            // by metric, over all rows
	Slices  map[string]map[string]*float64 // by column=value and metric
}

// ReadMeasured decodes what scripts/evaluate.py writes; keys that the gate does not judge by are passed over.
func ReadMeasured(text []byte) (Measured, error) {
	var document struct {
		Metrics map[string]*float64 `json:"metrics"`
		Slices  map[string]struct {
			Metrics map[string]*float64 `json:"metrics"`
		} `json:"slices"`
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if err := decoder.Decode(&document); err != nil {
		return Measured{}, unreadable(err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return Measured{}, unreadable(errors.New("something follows the JSON object"))
	}
	if len(document.Metrics) == 0 {
		return Measured{}, unreadable(errors.New("it holds no metrics"))
	}
	measured := Measured{Metrics: document.Metrics, Slices: map[string]map[string]*float64{}}
	for name, slice := range document.Slices {
		measured.Slices[name] = slice.Metrics
	}
	return measured, nil
}

func unreadable(err error) error {
	return fmt.Errorf(`the evaluation's result cannot be read: %w; want {"metrics": {NAME: number or null}, "slices": {"COLUMN=VALUE": {"metrics": {…}}}}`, err)
}
