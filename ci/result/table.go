package result

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Step is one step's account of its last real run.
type Step struct {
	Name    string    `json:"name"`
	Verdict string    `json:"verdict"`
	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	Why     string    `json:"why"` // which of its inputs changed, if any; empty for a step that always runs
}

// Cached tells whether the step's result was there before a run that began at the given time. Steps tell the time in
// milliseconds.
func (s Step) Cached(began time.Time) bool { return s.Started.Before(began.Truncate(time.Millisecond)) }

// Steps reads the accounts from a result.
func Steps(folder string) ([]Step, error) {
	var steps []Step
	err := read(filepath.Join(folder, "reports", "steps.json"), &steps)
	return steps, err
}

// Metrics reads the evaluation on held-out data from a result; one that is not a finite number is nil.
func Metrics(folder string) (map[string]*float64, error) {
	var metrics map[string]*float64
	err := read(filepath.Join(folder, "metrics.json"), &metrics)
	return metrics, err
}

// Image is a container image of a run: what was asked for, and what that was.
type Image struct {
	Reference string `json:"reference"`
	Digest    string `json:"digest"`
}

// TensorFlow is the image that the model was made in.
func TensorFlow(folder string) (Image, error) {
	var manifest struct {
		Images map[string]Image `json:"images"`
	}
	err := read(filepath.Join(folder, Marker), &manifest)
	return manifest.Images["tensorflow"], err
}

// ImageLine names the image, and says in a word that it is a stand-in where it is one; "" for no image.
func ImageLine(image Image, standIn bool) string {
	switch {
	case image.Reference == "":
		return ""
	case standIn:
		return "image    " + image.Reference + " (stand-in)"
	}
	return "image    " + image.Reference
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// Table writes one line for each step of a run that began at the given time.
func Table(out io.Writer, steps []Step, began time.Time) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STEP\tCACHED\tSECONDS\tWHY\tVERDICT")
	for _, step := range steps {
		cached, seconds := "no", fmt.Sprintf("%.1f", step.Seconds)
		if step.Cached(began) {
			cached, seconds = "yes", "0.0"
		}
		why := step.Why
		if why == "" {
			why = "runs each time"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", step.Name, cached, seconds, why, step.Verdict)
	}
	return table.Flush()
}

// Line writes the metrics by name.
func Line(metrics map[string]*float64) string {
	var parts []string
	for name, value := range metrics {
		text := "not a number"
		if value != nil {
			text = strconv.FormatFloat(*value, 'g', 6, 64)
		}
		parts = append(parts, name+" "+text)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
