package scanpolicy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Unknown is the severity of what nobody rated.
const Unknown = "UNKNOWN"

// Severities are all of them, the least first.
var Severities = []string{Unknown, "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// Policy is what a project does not accept.
type Policy struct {
	Severities     []string // those that stop the gate
	IgnoreUnfixed  bool     // let vulnerabilities pass that no version mends
	DeniedLicenses []string // SPDX names; one without -only or -or-later denies both
	Proven         Proven   // where the scanner has shown that it finds what is there
	Unproven       []string // ecosystems whose packages the project accepts although nothing shows it
	Foreign        string   // whose packages the system has, where they are not its own; see [Foreign]
	Packages       bool     // what was scanned is an image: it must have packages, and the package database of a system
}

// Verdict is what a policy makes of a report.
type Verdict struct {
	Counts  map[string]int // findings by severity, those that do not stop the gate included
	Stops   []Finding      // what stops the gate, the worst first
	Passes  []Finding      // what is known and let pass: below the severities, or without a fix
	Ignored []Ignored      // what the ignore file took out
	Unused  []Entry        // what the ignore file names and nobody found
	New     []Finding      // what stops or passes and was not in the previous bill of materials
	Known   bool           // whether there was a previous bill of materials
	Faults  []string       // why the scan itself proves nothing
	Caution string         // what the counts do not say; empty where they say it all
}

// Ignored is a finding that the ignore file took out, why, and until when.
type Ignored struct {
	Finding
	Statement string
	Until     time.Time
}

// Judge decides which findings stop the gate; previous is nil where there is none.
func (p Policy) Judge(report Report, ignored Ignores, previous *Previous) Verdict {
	verdict := Verdict{Counts: map[string]int{}, Known: previous != nil, Faults: p.faults(report)}
	var cautions []string
	if report.Outdated {
		cautions = append(cautions, report.OS+" gets no security fixes any more, and few of its vulnerabilities are known")
	}
	if p.Foreign != "" {
		cautions = append(cautions, fmt.Sprintf("the packages of %s are %s's, of which its advisories say nothing", report.OS, p.Foreign))
	}
	verdict.Caution = strings.Join(cautions, "; ")
	used := map[int]bool{} // entries of the ignore file, by their lines
	accept := func(finding Finding, entry Entry) {
		used[entry.Line] = true
		verdict.Ignored = append(verdict.Ignored, Ignored{finding, entry.Statement, entry.Until})
	}
	for _, finding := range append(p.denied(report), report.Findings...) {
		if finding.Kind == License {
			if entry, accepted := ignored.license(finding); accepted {
				accept(finding, entry)
				continue
			}
		}
		verdict.Counts[finding.Severity]++
		if p.stops(finding) {
			verdict.Stops = append(verdict.Stops, finding)
		} else {
			verdict.Passes = append(verdict.Passes, finding)
		}
		if previous != nil && !previous.has(finding) {
			verdict.New = append(verdict.New, finding)
		}
	}
	for _, one := range report.Suppressed {
		entry, found := ignored.find(one)
		if !found {
			verdict.Faults = append(verdict.Faults, fmt.Sprintf("the scanner left out %s, which no entry of the ignore file accounts for", one.Finding))
			continue
		}
		accept(one.Finding, entry)
	}
	verdict.Unused = ignored.unused(used)
	for _, findings := range [][]Finding{verdict.Stops, verdict.Passes, verdict.New} {
		slices.SortFunc(findings, worstFirst)
	}
	slices.SortFunc(verdict.Ignored, func(a, b Ignored) int { return worstFirst(a.Finding, b.Finding) })
	return verdict
}

// faults finds what makes a report of nothing look like a report of nothing bad.
func (p Policy) faults(report Report) []string {
	faults := p.Proven.unproven(report, p.Unproven)
	switch {
	case !p.Packages:
	case len(report.Packages) == 0:
		faults = append(faults, "the scanner saw no package at all: nothing was checked; is this the root of a file system")
	case report.OSPackages == 0:
		faults = append(faults, fmt.Sprintf("the scanner saw %d packages, but no package database of an operating system (dpkg, apk, rpm): "+
			"what the image installed was not checked; use a base image that keeps its package database", len(report.Packages)))
	}
	return faults
}

// stops tells what the gate does not let pass. A secret in the open and a denied license are never let pass by severity.
func (p Policy) stops(finding Finding) bool {
	switch finding.Kind {
	case Secret, License:
		return true
	case Vulnerability:
		if p.IgnoreUnfixed && finding.Fixed == "" {
			return false
		}
	}
	// What nobody rated, or rated in a word that is not known here, counts as the least that the project lists.
	return slices.Contains(p.Severities, finding.Severity) || finding.Severity == Unknown || !slices.Contains(Severities, finding.Severity)
}

func worstFirst(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(slices.Index(Severities, b.Severity), slices.Index(Severities, a.Severity)),
		cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Package, b.Package), cmp.Compare(a.ID, b.ID),
		cmp.Compare(a.Place, b.Place), cmp.Compare(a.Line, b.Line))
}
