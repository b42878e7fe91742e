package scanpolicy

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// CanaryFile is a bill of materials of packages that are known to be vulnerable, one for each source that a database is
// made from.
//
//go:embed canary.cdx.json
var CanaryFile string

// canaries are the findings that a scanner which works must report for CanaryFile.
var canaries = map[string]string{
	"CVE-2024-6345": "setuptools", // Python packages: GitHub's advisories
	"CVE-2024-2961": "libc6",      // packages of Debian: its security tracker
}

// CanaryFound refuses a scanner that does not find what is known to be there: its other answers mean nothing.
func CanaryFound(report Report) error {
	missing := maps.Clone(canaries)
	for _, finding := range report.Findings {
		if missing[finding.ID] == finding.Package {
			delete(missing, finding.ID)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	var names []string
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		names = append(names, fmt.Sprintf("%s in %s", id, missing[id]))
	}
	return fmt.Errorf("the scanner does not find what is known to be there (%s): its vulnerability database is empty or incomplete; renew the copy that scan.database names",
		strings.Join(names, ", "))
}
