// Package scanpolicy judges what Trivy found by the rules that a project sets, and refuses to judge by a scan that proves
// nothing.
//
// A scanner passes silently in more ways than it fails: an empty database, one of two years ago, an image whose packages
// it cannot read, a finding whose severity nobody knows. Each of them stops the gate here. What a project accepts stands
// in its ignore file, with a reason and a last day.
package scanpolicy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// The kinds of finding.
const (
	Vulnerability    = "vulnerability"
	Misconfiguration = "misconfiguration"
	Secret           = "secret"
	License          = "license"
)

// Finding is one thing that Trivy found.
type Finding struct {
	Kind     string
	ID       string // CVE-…, GHSA-…, the rule's name of a secret, the name of a license
	Severity string // as Trivy says it; Unknown where nobody rated it
	Package  string // empty for what is found in a file
	Version  string
	Fixed    string // versions that mend it, separated by commas; empty where there is none
	Title    string
	Place    string // the file or the part of the image that it lies in
	Line     int    // in that file; 0 where there is none
	PURL     string // the package, as package-url; empty where Trivy gives none
	About    About
}

// About is what is published about a vulnerability.
type About struct {
	Description string
	Advisories  []string // its other names, such as GHSA-… or DSA-…
	Page        string   // where to read about it first
	References  []string // addresses, as published
}

// String says what a person needs to mend the finding.
func (f Finding) String() string {
	if f.Package == "" {
		place := f.Place
		if f.Line > 0 {
			place = fmt.Sprintf("%s:%d", f.Place, f.Line)
		}
		return fmt.Sprintf("%s %s in %s (%s)", f.ID, f.Severity, place, f.Title)
	}
	if f.Kind == License {
		return fmt.Sprintf("%s %s is under %s, a denied license", f.Package, f.Version, f.ID)
	}
	fixed := "no fix"
	if f.Fixed != "" {
		fixed = "fixed in " + f.Fixed
	}
	return fmt.Sprintf("%s %s: %s %s, %s (%s)", f.Package, f.Version, f.ID, f.Severity, fixed, f.Title)
}

// Suppressed is a finding that the ignore file took out.
type Suppressed struct {
	Finding
	Statement string
}

// Package is something installed in what was scanned.
type Package struct {
	Name     string
	Version  string
	Licenses []string
	Place    string
	PURL     string
}

// Report is Trivy's answer, in the parts that a verdict rests on.
type Report struct {
	OS         string // family and release, such as "debian 12.9"; empty where there is no operating system
	Outdated   bool   // nobody looks for vulnerabilities in this system any more
	Packages   []Package
	OSPackages int      // those among them that the operating system's own package database lists
	Ecosystems []string // what the packages are from: pip, npm, go, cargo, "debian 12.9", or Trivy's own word
	Trivy      string   // the version that made the report
	Findings   []Finding
	Suppressed []Suppressed
}

// The parts of Trivy's JSON that are read.
type (
	trivyReport struct {
		SchemaVersion int
		Trivy         struct{ Version string }
		Metadata      struct {
			OS struct {
				Family, Name string
				EOSL         bool
			}
		}
		Results []trivyResult
	}
	trivyResult struct {
		Target                       string
		Class                        string
		Type                         string
		Packages                     []trivyPackage
		Vulnerabilities              []trivyFinding
		Misconfigurations            []trivyFinding
		Secrets                      []trivyFinding
		ExperimentalModifiedFindings []struct {
			Type      string
			Statement string
			Finding   trivyFinding
		}
	}
	trivyPackage struct {
		Name, Version, Release string
		Epoch                  int
		Licenses               []string
		Identifier             struct{ PURL string }
	}
	// trivyFinding holds the fields of all kinds; each kind fills its own.
	trivyFinding struct {
		VulnerabilityID, PkgName, PkgPath, InstalledVersion, FixedVersion string
		ID, RuleID, Name, FilePath                                        string
		Title, Message, Severity, Description, PrimaryURL                 string
		VendorIDs, References                                             []string
		StartLine                                                         int
		CauseMetadata                                                     struct{ StartLine int }
		PkgIdentifier                                                     struct{ PURL string }
	}
)

// schemaVersion is that of Trivy's JSON report since v0.20.
const schemaVersion = 2

// ReadReport reads Trivy's JSON report.
func ReadReport(text []byte) (Report, error) {
	var read trivyReport
	if err := json.Unmarshal(text, &read); err != nil {
		return Report{}, fmt.Errorf("the scanner's report is no JSON: %w", err)
	}
	if read.SchemaVersion != schemaVersion {
		return Report{}, fmt.Errorf("the scanner's report has schema version %d, and %d is known: use the image of another Trivy version", read.SchemaVersion, schemaVersion)
	}
	report := Report{Trivy: read.Trivy.Version}
	if os := read.Metadata.OS; os.Family != "" && os.Family != "none" {
		report.OS, report.Outdated = os.Family+" "+os.Name, os.EOSL
	}
	for _, result := range read.Results {
		report.add(result)
	}
	return report, nil
}

// ecosystems are Trivy's words for where a package is from, by whose advisories they are looked up in.
var ecosystems = map[string]string{
	"pip": "pip", "pipenv": "pip", "poetry": "pip", "pylock": "pip", "python-pkg": "pip", "uv": "pip",
	"bun": "npm", "javascript": "npm", "node-pkg": "npm", "npm": "npm", "pnpm": "npm", "yarn": "npm",
	"gobinary": "go", "gomod": "go",
	"cargo": "cargo", "rustbinary": "cargo",
}

func (r *Report) add(result trivyResult) {
	if len(result.Packages) > 0 {
		ecosystem, known := ecosystems[result.Type]
		switch {
		case result.Class == "os-pkgs":
			ecosystem = cmp.Or(r.OS, result.Type, "an unknown system")
		case !known:
			ecosystem = cmp.Or(result.Type, result.Class, "an unknown kind")
		}
		if !slices.Contains(r.Ecosystems, ecosystem) {
			r.Ecosystems = append(r.Ecosystems, ecosystem)
		}
	}
	for _, one := range result.Packages {
		r.Packages = append(r.Packages, Package{one.Name, one.version(), one.Licenses, result.Target, one.Identifier.PURL})
	}
	if result.Class == "os-pkgs" {
		r.OSPackages += len(result.Packages)
	}
	for kind, found := range map[string][]trivyFinding{
		Vulnerability: result.Vulnerabilities, Misconfiguration: result.Misconfigurations, Secret: result.Secrets,
	} {
		for _, one := range found {
			r.Findings = append(r.Findings, one.as(kind, result.Target))
		}
	}
	for _, one := range result.ExperimentalModifiedFindings {
		r.Suppressed = append(r.Suppressed, Suppressed{one.Finding.as(one.Type, result.Target), one.Statement})
	}
}

func (p trivyPackage) version() string {
	version := p.Version
	if p.Release != "" {
		version += "-" + p.Release
	}
	if p.Epoch > 0 {
		version = fmt.Sprintf("%d:%s", p.Epoch, version)
	}
	return version
}

func (f trivyFinding) as(kind, target string) Finding {
	finding := Finding{Kind: kind, ID: f.ID, Severity: f.Severity, Title: f.Title, Place: target}
	switch kind {
	case Vulnerability:
		finding.ID, finding.Package, finding.Version, finding.Fixed = f.VulnerabilityID, f.PkgName, f.InstalledVersion, f.FixedVersion
		finding.PURL = f.PkgIdentifier.PURL
		finding.About = About{f.Description, f.VendorIDs, f.PrimaryURL, f.References}
		if f.PkgPath != "" {
			finding.Place = f.PkgPath
		}
	case Secret:
		finding.ID, finding.Line = f.RuleID, f.StartLine
	case Misconfiguration:
		finding.Line = f.CauseMetadata.StartLine
		if f.Message != "" {
			finding.Title = f.Message
		}
	case License:
		finding.ID, finding.Package = f.Name, f.PkgName
	}
	if finding.Severity == "" {
		finding.Severity = Unknown
	}
	if finding.Title == "" {
		finding.Title = "without a title"
	}
	return finding
}
