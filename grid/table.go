package grid

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"dagger/tensorflow-ci/gate"
)

// Row is what came of one cell.
type Row struct {
	Cell    Cell
	Metrics map[string]*float64 // nil stands for a figure that is not finite
	Digest  string              // canonical digest of the model
	Gate    string              // why the gate does not hold; empty where it does
	Err     error               // why there is no model, or no figure; nothing else is set then
}

// Table is what came of a grid, in the order of its cells.
type Table []Row

// Best returns the index of the row whose metric is best among those whose gate holds; of equal ones the first.
func (t Table) Best(metric string) (int, error) {
	best, failed := -1, 0
	measured := map[string]bool{}
	for at, row := range t {
		for name := range row.Metrics {
			measured[name] = true
		}
		figure := row.Metrics[metric]
		switch {
		case row.Err != nil:
			failed++
		case figure == nil || row.Gate != "":
		case best < 0 || better(metric, *figure, *t[best].Metrics[metric]):
			best = at
		}
	}
	switch {
	case best >= 0:
		return best, nil
	case failed == len(t):
		return 0, fmt.Errorf("no cell has a model: all %d failed", failed)
	case !measured[metric]:
		return 0, fmt.Errorf("%s was not measured; measured: %s", shownMetric(metric), strings.Join(slices.Sorted(maps.Keys(measured)), ", "))
	}
	return 0, fmt.Errorf("no cell has a finite %s and holds its gate (%d of %d failed); the table says why", metric, failed, len(t))
}

func better(metric string, a, b float64) bool {
	if gate.LowerIsBetter(metric) {
		return a < b
	}
	return a > b
}

// Err returns nil when every cell has its figures, and otherwise one line for each that has none.
func (t Table) Err() error {
	var lines []string
	for at, row := range t {
		if row.Err != nil {
			lines = append(lines, fmt.Sprintf("cell %d (%s): %s", at+1, row.Cell, firstLine(row.Err.Error())))
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d cells failed:\n  %s", len(lines), len(t), strings.Join(lines, "\n  "))
}

// JSON is the table for a program: a list with an object for each cell.
func (t Table) JSON() ([]byte, error) {
	type row struct {
		Cell            int                 `json:"cell"`
		Parameters      map[string]string   `json:"parameters"`
		Metrics         map[string]*float64 `json:"metrics,omitempty"`
		CanonicalDigest string              `json:"canonicalDigest,omitempty"`
		Passed          bool                `json:"passed"`
		Reason          string              `json:"reason,omitempty"` // why the gate does not hold
		Error           string              `json:"error,omitempty"`
	}
	rows := make([]row, len(t))
	for at, from := range t {
		parameters := map[string]string{}
		for _, parameter := range from.Cell {
			parameters[parameter.Key] = parameter.Value
		}
		rows[at] = row{
			Cell: at + 1, Parameters: parameters, Metrics: from.Metrics, CanonicalDigest: from.Digest,
			Passed: from.Err == nil && from.Gate == "", Reason: from.Gate,
		}
		if from.Err != nil {
			rows[at].Error = from.Err.Error()
		}
	}
	text, err := json.MarshalIndent(rows, "", "  ")
	return append(text, '\n'), err
}

// Markdown is the table for people: parameters, metrics, digest and verdict; the best by the metric, where there is one, in bold.
func (t Table) Markdown(metric string) string {
	best, err := t.Best(metric)
	if err != nil {
		best = -1
	}
	names := t.metrics(metric)
	var header []string
	if len(t) > 0 {
		for _, parameter := range t[0].Cell {
			header = append(header, strings.TrimPrefix(parameter.Key, keyPrefix))
		}
	}
	header = append(append(append([]string{"cell"}, header...), names...), "model", "verdict")
	var text strings.Builder
	line(&text, header)
	line(&text, slices.Repeat([]string{"---"}, len(header)))
	for at, row := range t {
		number := strconv.Itoa(at + 1)
		if at == best {
			number = "**" + number + "**"
		}
		words := []string{number}
		for _, parameter := range row.Cell {
			words = append(words, plain(parameter.Value))
		}
		for _, name := range names {
			words = append(words, figure(row.Metrics, name))
		}
		line(&text, append(words, short(row.Digest), verdict(row, at == best, metric)))
	}
	return text.String()
}

// metrics are the names of all that was measured: the one that decides first, the others by name.
func (t Table) metrics(first string) []string {
	measured := map[string]bool{}
	for _, row := range t {
		for name := range row.Metrics {
			measured[name] = true
		}
	}
	names := slices.Sorted(maps.Keys(measured))
	if at, found := slices.BinarySearch(names, first); found {
		names = slices.Concat([]string{first}, names[:at], names[at+1:])
	}
	return names
}

func figure(metrics map[string]*float64, name string) string {
	value, found := metrics[name]
	switch {
	case !found:
		return ""
	case value == nil:
		return "not finite"
	}
	return strconv.FormatFloat(*value, 'g', 6, 64)
}

func verdict(row Row, best bool, metric string) string {
	switch {
	case row.Err != nil:
		return "failed: " + firstLine(row.Err.Error())
	case row.Gate != "":
		return "stopped: " + firstLine(row.Gate)
	case best:
		return "passed, best " + metric
	}
	return "passed"
}

// short is as much of a digest as tells two models of a table apart.
func short(digest string) string {
	const digits = 12
	hex := strings.TrimPrefix(digest, "sha256:")
	return hex[:min(digits, len(hex))]
}

func firstLine(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// line writes one line of a Markdown table; nothing in a cell of it can end that cell or the line.
func line(text *strings.Builder, words []string) {
	escape := strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", "\r", "", "\n", " ")
	for _, word := range words {
		text.WriteString("| " + escape.Replace(strings.TrimSpace(word)) + " ")
	}
	text.WriteString("|\n")
}

func shownMetric(metric string) string {
	return fmt.Sprintf("%q", shortened(metric))
}
