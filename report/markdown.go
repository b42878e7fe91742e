package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Markdown is the report as a text for a merge request, with the pictures' PNG files beside it.
func (r Report) Markdown() string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	row := func(cells ...string) { line("| %s |", strings.Join(cells, " | ")) }
	head := func(cells ...string) {
		line("")
		row(cells...)
		line("|%s", strings.Repeat(" --- |", len(cells)))
	}
	icon := map[bool]string{true: "✅", false: "❌"}

	mark := "➖"
	if r.Judged {
		mark = icon[r.Gate.Passed]
	}
	line("## %s %s: %s", mark, code(r.Name()), r.Headline())
	if r.Compared() {
		head("metric", "this model", "baseline", "difference", "")
		for _, metric := range r.Metrics {
			baseline := "–"
			if metric.Baseline != nil {
				baseline = figure(metric.Baseline)
			}
			row(code(metric.Name), figure(metric.Value), baseline, metric.Difference(), metric.Trend())
		}
	} else {
		head("metric", "value")
		for _, metric := range r.Metrics {
			row(code(metric.Name), figure(metric.Value))
		}
	}
	if r.Judged {
		head("gate", "limit", "value", "")
		for _, v := range r.Gate.Verdicts {
			said := icon[v.Passed] + " " + verdict(v)
			if why := reason(v); why != "" {
				said += ": " + prose(why)
			}
			row(code(subject(v)), fmt.Sprintf("%s %s", v.Limit, figure(&v.Want)), figure(v.Got), said)
		}
	}
	if names := r.SliceMetrics(); len(names) > 0 {
		cells := []string{"slice"}
		for _, name := range names {
			cells = append(cells, code(name))
		}
		head(cells...)
		for _, slice := range r.Slices {
			cells := []string{code(slice.Name)}
			for _, name := range names {
				cells = append(cells, figure(slice.Metrics[name]))
			}
			row(cells...)
		}
	}
	if len(r.Exports) > 0 {
		head("export", "size", "of the SavedModel", "accuracy", "lost", "largest difference")
		for _, export := range r.Exports {
			row(code(export.Format+", quantize "+export.Quantize), size(export.Bytes), r.Share(export),
				percent(export.AccuracyExported), percent(export.AccuracyLost), figure(export.MaxAbsDiff))
		}
	}
	if len(r.Steps) > 0 {
		head("step", "took", "verdict")
		for _, step := range r.Steps {
			row(code(step.Name), seconds(step.Seconds), prose(step.Verdict))
		}
	}
	if len(r.Pictures) > 0 {
		line("")
		for _, picture := range r.Pictures {
			line("![%s](%s.png)", prose(picture.Alt), picture.Name)
		}
	}
	if facts := r.Facts(); len(facts) > 0 {
		head("lineage", "")
		for _, fact := range facts {
			row(prose(fact.Name), code(fact.Value))
		}
	}
	return out.String()
}

// code is a name as a code span in a table, where nothing in it means anything else.
func code(name string) string {
	if name == "" {
		return ""
	}
	name = strings.NewReplacer("`", "'", "|", `\|`).Replace(visible(name))
	return "`" + name + "`"
}

// prose is a text in which Markdown, HTML, mentions and references mean nothing.
func prose(text string) string {
	var out strings.Builder
	for _, letter := range visible(text) {
		switch {
		case strings.ContainsRune("\\`*_[]|~$!", letter):
			out.WriteRune('\\')
			out.WriteRune(letter)
		case strings.ContainsRune("<>&@#", letter):
			fmt.Fprintf(&out, "&#%d;", letter)
		default:
			out.WriteRune(letter)
		}
	}
	return out.String()
}

// visible is a text in one line without control characters.
func visible(text string) string {
	return strings.Map(func(letter rune) rune {
		switch {
		case unicode.IsSpace(letter):
			return ' '
		case !unicode.IsPrint(letter):
			return unicode.ReplacementChar
		}
		return letter
	}, text)
}
