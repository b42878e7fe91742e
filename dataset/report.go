package dataset

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Report is what scripts/dataschema.py found.
type Report struct {
	Files      int         `json:"files"`
	Rows       int         `json:"rows"`
	Violations []Violation `json:"violations"`
}

// Violation is a rule that rows of one column break.
type Violation struct {
	File    string `json:"file"`
	Column  string `json:"column"` // empty for what is wrong with the file
	Rule    string `json:"rule"`
	Rows    int    `json:"rows"`  // how many break it; 0 for what is wrong with the file or the column as a whole
	First   []int  `json:"first"` // their numbers, from 1
	Example string `json:"example"`
}

// ReadReport decodes a report.
func ReadReport(text []byte) (Report, error) {
	var report Report
	if err := json.Unmarshal(text, &report); err != nil {
		return report, fmt.Errorf("the report on the data: %w", err)
	}
	return report, nil
}

// Reason says which rules are broken, a line each; nothing where all hold.
func (r Report) Reason() string {
	const named = 20
	var lines []string
	for at, violation := range r.Violations {
		if at == named {
			lines = append(lines, fmt.Sprintf("and %d more", len(r.Violations)-named))
			break
		}
		lines = append(lines, violation.String())
	}
	return strings.Join(lines, "\n")
}

// Summary says the verdict in a line.
func (r Report) Summary() string {
	rows := fmt.Sprintf("%d rows in %d %s", r.Rows, r.Files, map[bool]string{true: "file", false: "files"}[r.Files == 1])
	if len(r.Violations) == 0 {
		return rows + " fit " + SchemaFile
	}
	return fmt.Sprintf("%s, %d rules of %s do not hold", rows, len(r.Violations), SchemaFile)
}

// String names file, column, rule, how many rows break it, and the first of them.
func (v Violation) String() string {
	text := v.File
	if v.Column != "" {
		text += ", column " + v.Column
	}
	text += ": " + v.Rule
	switch {
	case v.Rows == 0 && v.Example != "":
		return text + fmt.Sprintf(": it is %s", v.Example)
	case v.Rows == 0:
		return text
	}
	numbers := make([]string, len(v.First))
	for at, number := range v.First {
		numbers[at] = fmt.Sprint(number)
	}
	rows, more := "row", ""
	if v.Rows > 1 {
		rows = "rows"
	}
	if v.Rows > len(v.First) {
		more = ", …"
	}
	return fmt.Sprintf("%s: broken by %d %s: %s%s; the first is %s", text, v.Rows, rows, strings.Join(numbers, ", "), more, v.Example)
}
