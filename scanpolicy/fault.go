package scanpolicy

import (
	"fmt"
	"slices"
	"strings"
)

// Exit statuses of Trivy.
const (
	Clean = 0
	Found = 10 // asked for by --exit-code; Trivy's own faults end with 1, its crashes with 2
)

// faults are what Trivy says in a fault, and what that means for whoever runs the line. The first match holds.
var faults = []struct{ said, means string }{
	{"--skip-db-update cannot be specified on the first run", "there is no vulnerability database where the scanner looks for it"},
	{"database error", "the vulnerability database cannot be opened: it is damaged or of another schema; renew the copy that scan.database names"},
	{"DB error", "the vulnerability database cannot be had: is its registry up, and does scan.database name a copy of Trivy's database"},
	{"failed to download vulnerability DB", "the vulnerability database cannot be had: is its registry up, and does scan.database name a copy of Trivy's database"},
	{"failed to download artifact", "the vulnerability database cannot be had: is its registry up, and does scan.database name a copy of Trivy's database"},
	{"failed to decode SBOM", "the list of packages cannot be read"},
	{"failed to analyze", "the image cannot be read"},
	{"walk", "the image cannot be read"},
	{"ignore", "the ignore file cannot be read by the scanner"},
	{"unknown flag", "this version of Trivy does not know a flag that the line uses: use the image of another version"},
}

// maxSaid is how much of Trivy's own words a message repeats.
const maxSaid = 400

// Fault says why Trivy ended with a status that is neither Clean nor Found, or with a report that does not fit its status.
func Fault(status int, stderr string) error {
	if status == 2 || strings.Contains(stderr, "goroutine ") {
		return fmt.Errorf("the scanner crashed (status %d): the vulnerability database is damaged, such as one that was cut short; renew the copy that scan.database names", status)
	}
	said := lastWords(stderr)
	for _, fault := range faults {
		if strings.Contains(said, fault.said) {
			return fmt.Errorf("the scanner failed (status %d): %s\n  %s", status, fault.means, said)
		}
	}
	return fmt.Errorf("the scanner failed (status %d)\n  %s", status, said)
}

// lastWords is Trivy's FATAL line, or else its last line.
func lastWords(stderr string) string {
	lines := slices.DeleteFunc(strings.Split(stderr, "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
	if len(lines) == 0 {
		return "it said nothing"
	}
	said := lines[len(lines)-1]
	for at, line := range lines {
		if strings.Contains(line, "FATAL") {
			said = strings.Join(lines[at:], " ")
			break
		}
	}
	said = strings.Join(strings.Fields(said), " ")
	if len(said) > maxSaid {
		said = said[:maxSaid] + "…"
	}
	return strings.ToValidUTF8(said, "")
}
