package scanpolicy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Passed reports whether the gate opens.
func (v Verdict) Passed() bool {
	return len(v.Stops) == 0 && len(v.Faults) == 0
}

// Summary is the verdict in one line: counts by severity, and what was ignored.
func (v Verdict) Summary() string {
	var counts []string
	for _, severity := range slices.Backward(Severities) {
		if v.Counts[severity] > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", v.Counts[severity], severity))
		}
	}
	if len(counts) == 0 {
		counts = []string{"no findings"}
	}
	text := fmt.Sprintf("%s; %d stop the gate, %d ignored", strings.Join(counts, ", "), len(v.Stops), len(v.Ignored))
	if v.Known {
		text += fmt.Sprintf(", %d new", len(v.New))
	}
	if v.Caution != "" {
		text += "; " + v.Caution
	}
	return text
}

// named is how many findings a reason names; the report holds them all.
const named = 10

// Reason says why the gate does not open, or nothing.
func (v Verdict) Reason() string {
	parts := slices.Clone(v.Faults)
	for at, finding := range v.Stops {
		if at == named {
			parts = append(parts, fmt.Sprintf("and %d more, all in the report", len(v.Stops)-named))
			break
		}
		parts = append(parts, finding.String())
	}
	return strings.Join(parts, "\n")
}

// Text is the whole verdict, for a person.
func (v Verdict) Text() string {
	var text strings.Builder
	fmt.Fprintln(&text, v.Summary())
	section := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(&text, "\n%s:\n  %s\n", title, strings.Join(lines, "\n  "))
		}
	}
	section("The scan proves nothing", v.Faults)
	section("Stops the gate", described(v.Stops))
	section("New since the previous bill of materials", described(v.New))
	var ignored, unused []string
	for _, one := range v.Ignored {
		ignored = append(ignored, fmt.Sprintf("%s; until %s: %s", one.Finding, one.Until.Format(time.DateOnly), one.Statement))
	}
	for _, entry := range v.Unused {
		unused = append(unused, fmt.Sprintf("line %d: %s", entry.Line, entry.ID))
	}
	section("Ignored", ignored)
	section("Named in the ignore file, and not found here", unused)
	section("Known and let pass", described(v.Passes))
	return text.String()
}

func described(findings []Finding) []string {
	var lines []string
	for _, finding := range findings {
		lines = append(lines, finding.String())
	}
	return lines
}
