package drill

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// maxSaw is how much of a message the table shows, in characters; the JSON has all of it.
const maxSaw = 110

// Table writes a line for each result.
func Table(out io.Writer, results []Result) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "FAULT\tWHAT THE USER SAW\tRIGHT RESULT\tSECONDS TO RECOVER")
	for _, result := range results {
		seconds := fmt.Sprintf("%.1f", result.Seconds)
		if result.Verdict != Right {
			seconds = "-"
		}
		verdict := string(result.Verdict)
		if result.Why != "" {
			verdict += ": " + shortened(result.Why)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", result.Fault, shortened(result.Saw), verdict, seconds)
	}
	return table.Flush()
}

// JSON is the results for machines.
func JSON(results []Result) ([]byte, error) {
	text, err := json.MarshalIndent(results, "", "  ")
	return append(text, '\n'), err
}

// shortened is the first line of a message, without the word that marks it, and not longer than a table can hold.
func shortened(message string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(message), "\n")
	line = strings.Join(strings.Fields(strings.TrimPrefix(line, "error: ")), " ")
	if utf8.RuneCountInString(line) <= maxSaw {
		return line
	}
	return string([]rune(line)[:maxSaw-1]) + "…"
}
