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

// What is wrong with the database, or with what is scanned, in words for whoever runs the line.
const (
	noDatabase      = "there is no vulnerability database where the scanner looks for it"
	missingDatabase = "there is no vulnerability database of this name and tag in the registry, which answers: does scan.database name a copy of Trivy's database"
	otherArtifact   = "what scan.database names is no database of Trivy"
	closedRegistry  = "the registry of the vulnerability database refuses to give it: scan.database must name a copy that is read without credentials"
	lostRegistry    = "the registry of the vulnerability database cannot be reached: is it up, and does scan.database name it rightly"
	noDownload      = "the vulnerability database cannot be had: is its registry up, and does scan.database name a copy of Trivy's database"
	damagedDatabase = "the vulnerability database cannot be opened: it is damaged or of another schema; renew the copy that scan.database names"
	noList          = "the list of packages cannot be read"
	noImage         = "the image cannot be read"
)

// faults are what Trivy says in a fault, and what that means. The first match holds.
var faults = []struct{ said, means string }{
	{"--skip-db-update cannot be specified on the first run", noDatabase},
	{"vulnerability DB initialize", damagedDatabase},
	{"invalid database", damagedDatabase},
	{"database error", damagedDatabase},
	{"MANIFEST_UNKNOWN", missingDatabase},
	{"NAME_UNKNOWN", missingDatabase},
	{"404 Not Found", missingDatabase},
	{"must be a single layer", otherArtifact},
	{"media type", otherArtifact},
	{"UNAUTHORIZED", closedRegistry},
	{"DENIED", closedRegistry},
	{"connection refused", lostRegistry},
	{"no such host", lostRegistry},
	{"no route to host", lostRegistry},
	{"network is unreachable", lostRegistry},
	{"connection reset", lostRegistry},
	{"i/o timeout", lostRegistry},
	{"deadline exceeded", lostRegistry},
	{"TLS handshake", lostRegistry},
	{"DB error", noDownload},
	{"failed to download", noDownload},
	{"SBOM decode error", noList},
	{"failed to decode SBOM", noList},
	{"failed analysis", noImage},
	{"failed to analyze", noImage},
	{"walk", noImage},
	{"ignore", "the ignore file cannot be read by the scanner"},
	{"unknown flag", "this version of Trivy does not know a flag that the line uses: use the image of another version"},
}

// maxSaid is how much of Trivy's own words a message repeats.
const maxSaid = 400

// Fault says why Trivy ended with a status that is neither Clean nor Found, or with a report that does not fit its status.
func Fault(status int, stderr string) error {
	said := lastWords(stderr)
	if status == 2 || strings.Contains(stderr, "goroutine ") || strings.Contains(said, "goroutine ") {
		return fmt.Errorf("the scanner crashed (status %d): the vulnerability database is damaged, such as one that was cut short; renew the copy that scan.database names", status)
	}
	for _, fault := range faults {
		if strings.Contains(said, fault.said) {
			return fmt.Errorf("the scanner failed (status %d): %s\n  %s", status, fault.means, said)
		}
	}
	return fmt.Errorf("the scanner failed (status %d)\n  %s", status, said)
}

// lastWords is Trivy's FATAL line, or else its last line.
func lastWords(stderr string) string {
	lines := slices.DeleteFunc(strings.Split(strings.ToValidUTF8(stderr, "\ufffd"), "\n"), func(line string) bool { return strings.TrimSpace(line) == "" })
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
		said = "…" + said[len(said)-maxSaid:] // the cause comes last
	}
	return strings.ToValidUTF8(said, "")
}
