package lineage

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
)

// shownDetails is how many details of a change are written out; the JSON form has them all.
const shownDetails = 12

// JSON is the explanation for programs.
func (e Explanation) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(e, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("the explanation: %w", err)
	}
	return append(text, '\n'), nil
}

// Text is the explanation on a page.
func (e Explanation) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n\n", e.Verdict)
	fmt.Fprintf(&out, "before  %s\nafter   %s\n", e.Before, e.After)
	if len(e.Parts) > 0 && !e.Same {
		fmt.Fprintf(&out, "differs in its %s\n", listed(e.Parts))
	}
	for _, change := range e.Changes {
		fmt.Fprintf(&out, "\n%s: %s\n", change.Kind, clean(change.Summary))
		for at, detail := range change.Details {
			if at == shownDetails {
				fmt.Fprintf(&out, "  … and %d more\n", len(change.Details)-at)
				break
			}
			fmt.Fprintf(&out, "  %s\n", clean(detail.String()))
		}
	}
	if len(e.Metrics) > 0 {
		out.WriteString("\n")
		table := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "METRIC\tBEFORE\tAFTER\tCHANGE")
		for _, metric := range e.Metrics {
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", clean(metric.Name), number(metric.Before), number(metric.After), signed(metric.Change()))
		}
		table.Flush() // into memory: it cannot fail
	}
	if e.Predictions != nil {
		fmt.Fprintf(&out, "\n%s\n", e.Predictions)
		for _, flip := range e.Predictions.First {
			fmt.Fprintf(&out, "  %s\n", clean(flip.String()))
		}
	}
	return out.String()
}

// Markdown is the explanation for a merge request.
func (e Explanation) Markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "### Why did the model change?\n\n%s\n\n", escaped(e.Verdict))
	fmt.Fprintf(&out, "| | model | commit | gate |\n|---|---|---|---|\n")
	for _, row := range []struct {
		name string
		side Side
	}{{"before", e.Before}, {"after", e.After}} {
		fmt.Fprintf(&out, "| %s | %s `%s` | %s | %s |\n", row.name, escaped(row.side.Model), short(row.side.CanonicalDigest),
			escaped(row.side.Commit), row.side.gate())
	}
	for _, change := range e.Changes {
		fmt.Fprintf(&out, "\n**%s**: %s\n\n", change.Kind, escaped(change.Summary))
		for at, detail := range change.Details {
			if at == shownDetails {
				fmt.Fprintf(&out, "- … and %d more\n", len(change.Details)-at)
				break
			}
			fmt.Fprintf(&out, "- %s\n", escaped(detail.String()))
		}
	}
	if len(e.Metrics) > 0 {
		fmt.Fprintf(&out, "\n| metric | before | after | change |\n|---|--:|--:|--:|\n")
		for _, metric := range e.Metrics {
			fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", escaped(metric.Name), number(metric.Before), number(metric.After), signed(metric.Change()))
		}
	}
	if e.Predictions != nil {
		fmt.Fprintf(&out, "\n%s\n", escaped(e.Predictions.String()))
	}
	return out.String()
}

// String names the model on one line.
func (s Side) String() string {
	text := fmt.Sprintf("%s %s", clean(s.Model), short(s.CanonicalDigest))
	if s.Commit != "" {
		text += ", commit " + clean(s.Commit)
	}
	if s.Passed != nil {
		text += ", gate " + s.gate()
	}
	return text
}

func (s Side) gate() string {
	switch {
	case s.Passed == nil:
		return "not judged"
	case *s.Passed:
		return "passed"
	}
	return "stopped it"
}

// String is the difference on one line.
func (d Detail) String() string {
	var text string
	switch {
	case d.Before != "" && d.After != "" && d.Before != d.After:
		text = fmt.Sprintf("%s: %s → %s", d.Name, d.Before, d.After)
	case d.Before != "" && d.After != "":
		text = fmt.Sprintf("%s: %s", d.Name, d.After)
	case d.After != "":
		text = fmt.Sprintf("%s: added, %s", d.Name, d.After)
	case d.Before != "":
		text = fmt.Sprintf("%s: removed, was %s", d.Name, d.Before)
	case d.Note != "":
		return d.Name + ": " + d.Note
	default:
		return d.Name
	}
	if d.Note != "" {
		text += " (" + d.Note + ")"
	}
	return text
}

// String says in a line how many rows flip.
func (f Flips) String() string {
	if f.Reason != "" {
		return "predictions were not compared: " + f.Reason
	}
	if f.Flipped == 0 {
		return fmt.Sprintf("predictions: none of %s flips; the largest difference of an output is %s", rows(f.Rows), number(&f.Largest))
	}
	text := fmt.Sprintf("predictions: %d of %s flip, %d to right, %d to wrong", f.Flipped, rows(f.Rows), f.ToRight, f.ToWrong)
	return text + "; the largest difference of an output is " + number(&f.Largest)
}

// String is the row on one line.
func (f Flip) String() string {
	return fmt.Sprintf("row %d (label %s): %s → %s", f.Row, f.Label, f.Before, f.After)
}

func number(value *float64) string {
	if value == nil {
		return "none"
	}
	return strconv.FormatFloat(*value, 'g', 6, 64)
}

func signed(value *float64) string {
	switch {
	case value == nil:
		return ""
	case *value == 0:
		return "0"
	}
	return fmt.Sprintf("%+.6g", *value)
}

// clean keeps what came from outside on its line, and a terminal from obeying it.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if strconv.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, text)
}

var markdown = strings.NewReplacer(
	`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;", "|", `\|`, "#", `\#`, "!", `\!`, "~", `\~`, "@", "&#64;",
)

// escaped is text that Markdown shows as it is: neither markup, nor a link, nor a mention.
func escaped(text string) string { return markdown.Replace(clean(text)) }
