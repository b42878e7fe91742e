package release

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Text says in one line what a record did.
func (r Record) Text() string {
	var parts []string
	for _, change := range r.Changes {
		to := string(change.To)
		if change.To == Canary {
			to = fmt.Sprintf("canary (%d %% of the traffic)", r.CanaryPercent)
		}
		if change.From != None {
			to = string(change.From) + " → " + to
		}
		parts = append(parts, fmt.Sprintf("%s %d: %s", r.Model, change.Version, to))
	}
	if len(parts) == 0 {
		parts = append(parts, fmt.Sprintf("%s %d: canary (%d %% of the traffic)", r.Model, r.Version, r.CanaryPercent))
	}
	return strings.Join(parts, "; ")
}

// Table lists the versions of a state, for a person.
func (s State) Table() string {
	if len(s.Versions) == 0 {
		return fmt.Sprintf("%s: nothing was pushed yet\n", s.Model)
	}
	return table("VERSION\tSTATE\tTRAFFIC\tMODEL\tCOMMIT", func(line func(...any)) {
		for _, version := range s.Versions {
			traffic := ""
			switch version.Status {
			case Canary:
				traffic = fmt.Sprintf("%d %%", s.CanaryPercent)
			case Production:
				traffic = fmt.Sprintf("%d %%", 100-s.CanaryPercent)
			}
			line(version.Number, version.Status, traffic, short(version.Digest), version.Commit)
		}
	})
}

// HistoryTable lists records, for a person.
func HistoryTable(records []Record) string {
	return table("NO\tWHEN\tWHO\tWHAT\tAPPROVED BY\tREASON\tPIPELINE", func(line func(...any)) {
		for _, record := range records {
			var people []string
			for _, approval := range record.Approvals {
				people = append(people, approval.By)
			}
			line(record.Sequence, record.At.UTC().Format(time.DateTime), record.By, record.Text()+" ("+short(record.Digest)+")",
				strings.Join(people, ", "), record.Reason, record.Pipeline)
		}
	})
}

func table(head string, fill func(line func(...any))) string {
	var out strings.Builder
	columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(columns, head)
	fill(func(cells ...any) {
		texts := make([]string, len(cells))
		for at, cell := range cells {
			texts[at] = strings.ReplaceAll(fmt.Sprint(cell), "\t", " ")
		}
		fmt.Fprintln(columns, strings.Join(texts, "\t"))
	})
	columns.Flush()
	var lines []string
	for line := range strings.Lines(out.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}

// short is enough of a digest to tell models apart by eye.
func short(digest string) string {
	const length = len("sha256:") + 12
	return digest[:min(length, len(digest))]
}
