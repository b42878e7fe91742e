package lineage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func compareData(before, after Manifest) *Change {
	old, new := before.Data, after.Data
	if old.Digest == new.Digest && old.Path == new.Path {
		return nil
	}
	details := compareTexts(map[string]string{"train.data": old.Path}, map[string]string{"train.data": new.Path}, verbatim)
	if old.Version != "" || new.Version != "" {
		details = append(details, compareTexts(map[string]string{"version": old.Version}, map[string]string{"version": new.Version}, short)...)
	}
	details = append(details, compareProfiles(old.Profile, new.Profile)...)
	change := &Change{Kind: TrainData, Summary: summarizeRows(old.Profile, new.Profile), Details: details}
	if old.Digest == new.Digest {
		change.Summary = "the same data under another name"
	}
	return change
}

func compareHeldOut(before, after Manifest) *Change {
	details := compareProfiles(before.Data.HeldOut, after.Data.HeldOut)
	if len(details) == 0 || len(before.Data.HeldOut) == 0 || len(after.Data.HeldOut) == 0 {
		return nil
	}
	return &Change{
		Kind:    Judged,
		Summary: "judged on other rows: the metrics cannot be compared; " + summarizeRows(before.Data.HeldOut, after.Data.HeldOut),
		Details: details,
	}
}

// summarizeRows says in a line how the number of rows changed, as far as the profiles know.
func summarizeRows(before, after map[string]Profile) string {
	if len(before) == 0 || len(after) == 0 {
		return "the digest differs; a manifest without a profile does not say in which rows"
	}
	count := func(profiles map[string]Profile) (rows int) {
		for _, profile := range profiles {
			rows += profile.Rows
		}
		return rows
	}
	old, new := count(before), count(after)
	switch {
	case old == new:
		return fmt.Sprintf("%d rows before and after", old)
	default:
		return fmt.Sprintf("%d rows → %d (%+d)", old, new, new-old)
	}
}

// compareProfiles lists the files that differ, and in each what can be said of rows, columns and labels.
func compareProfiles(before, after map[string]Profile) []Detail {
	names := maps.Clone(before)
	if names == nil {
		names = map[string]Profile{}
	}
	maps.Copy(names, after)
	var details []Detail
	for _, name := range slices.Sorted(maps.Keys(names)) {
		old, was := before[name]
		new, is := after[name]
		switch {
		case !was:
			details = append(details, Detail{Name: name, After: rows(new.Rows)})
		case !is:
			details = append(details, Detail{Name: name, Before: rows(old.Rows)})
		case old.Digest != new.Digest:
			details = append(details, Detail{Name: name, Before: rows(old.Rows), After: rows(new.Rows), Note: rowsNote(old, new)})
			details = append(details, compareColumns(name, old.Columns, new.Columns)...)
			details = append(details, compareLabels(name, old, new)...)
		}
	}
	return details
}

func rowsNote(old, new Profile) string {
	switch {
	case old.RowsDigest == new.RowsDigest && old.Rows == new.Rows:
		return "the same rows in another order, or written differently"
	case old.Rows == new.Rows:
		return "as many rows, not the same"
	}
	return fmt.Sprintf("%+d rows", new.Rows-old.Rows)
}

func rows(count int) string {
	if count == 1 {
		return "1 row"
	}
	return strconv.Itoa(count) + " rows"
}

func compareColumns(file string, before, after []Column) []Detail {
	form := func(columns []Column) map[string]string {
		of := map[string]string{}
		for _, column := range columns {
			of["column "+column.Name] = column.String()
		}
		return of
	}
	details := compareTexts(form(before), form(after), verbatim)
	for at := range details {
		details[at].Name = file + ", " + details[at].Name
	}
	if len(details) == 0 && !slices.EqualFunc(before, after, func(a, b Column) bool { return a.Name == b.Name }) {
		details = append(details, Detail{Name: file, Note: "the columns stand in another order"})
	}
	return details
}

// String is what is known of a column, in one line.
func (c Column) String() string {
	parts := []string{c.Type}
	if len(c.Shape) > 0 {
		parts[0] += fmt.Sprint(c.Shape)
	}
	if c.Minimum != nil && c.Maximum != nil {
		parts = append(parts, fmt.Sprintf("%s to %s", number(c.Minimum), number(c.Maximum)))
	}
	if c.Mean != nil {
		parts = append(parts, "mean "+number(c.Mean))
	}
	if c.Missing > 0 {
		parts = append(parts, fmt.Sprintf("%d missing", c.Missing))
	}
	return strings.Join(parts, ", ")
}

func compareLabels(file string, before, after Profile) []Detail {
	form := func(profile Profile) map[string]string {
		of := map[string]string{}
		for label, count := range profile.Labels {
			share := 0.0
			if profile.Rows > 0 {
				share = 100 * float64(count) / float64(profile.Rows)
			}
			of["label "+label] = fmt.Sprintf("%s (%.1f %%)", rows(count), share)
		}
		return of
	}
	details := compareTexts(form(before), form(after), verbatim)
	for at := range details {
		details[at].Name = file + ", " + details[at].Name
	}
	return details
}

// RowChange is how the rows of one file differ, as scripts/datadiff.py finds it in the data themselves.
type RowChange struct {
	File    string   `json:"file"`
	Added   int      `json:"added"`
	Removed int      `json:"removed"`
	Changed int      `json:"changed"`
	Moved   int      `json:"moved"` // rows that are in both, elsewhere
	Notes   []string `json:"notes"` // the first of them, in words
}

// ReadRowChanges decodes the answer of scripts/datadiff.py.
func ReadRowChanges(text []byte) ([]RowChange, error) {
	var changes []RowChange
	if err := json.Unmarshal(text, &changes); err != nil {
		return nil, fmt.Errorf("the comparison of the data: %w", err)
	}
	return changes, nil
}

// WithRows adds what a comparison of the data themselves found, row by row.
func (e Explanation) WithRows(changes []RowChange) Explanation {
	var details []Detail
	var total RowChange
	for _, change := range changes {
		total.Added += change.Added
		total.Removed += change.Removed
		total.Changed += change.Changed
		total.Moved += change.Moved
		details = append(details, Detail{Name: change.File, Note: change.counts()})
		for _, note := range change.Notes {
			details = append(details, Detail{Name: change.File, Note: note})
		}
	}
	e.Changes = slices.Clone(e.Changes)
	for at, change := range e.Changes {
		if change.Kind == TrainData {
			if len(changes) > 0 {
				e.Changes[at].Summary = total.counts()
				e.Changes[at].Details = slices.Concat(details, change.Details)
			}
			return e
		}
	}
	if len(changes) > 0 {
		given := Change{
			Kind: TrainData, Details: details,
			Summary: total.counts() + " between the data that were given; the manifests name one digest: they are not the data that these models were trained on",
		}
		e.Changes = append(e.Changes, given)
	}
	return e
}

func (c RowChange) counts() string {
	var parts []string
	for _, part := range []struct {
		count int
		verb  string
	}{{c.Changed, "changed"}, {c.Added, "added"}, {c.Removed, "removed"}, {c.Moved, "moved"}} {
		if part.count > 0 {
			parts = append(parts, rows(part.count)+" "+part.verb)
		}
	}
	if len(parts) == 0 {
		return "no row differs"
	}
	return strings.Join(parts, ", ")
}
