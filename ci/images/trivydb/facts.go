package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/aquasecurity/trivy-db/pkg/types"
	cvss "github.com/pandatix/go-cvss/31"
)

// advisory is one vulnerability, as a published record states it.
type advisory struct {
	ID         string                    `json:"id"`
	Title      string                    `json:"title"`
	Record     string                    `json:"record"`               // address of the record
	Severity   map[types.SourceID]string `json:"severity,omitempty"`   // by who rated it; nobody: unknown
	CVSS       map[types.SourceID]string `json:"cvss,omitempty"`       // vectors of version 3.1
	References []string                  `json:"references,omitempty"` // beside the record
	Affected   []affected                `json:"affected"`
}

// affected is one package that has the vulnerability.
type affected struct {
	Ecosystem string `json:"ecosystem"`
	Package   string `json:"package"` // of pip: the normalized name; of a system: the source package
	// Advisory is the ecosystem's own number for it: GHSA-..., DSA-..., USN-...
	Advisory string `json:"advisory,omitempty"`
	// Vulnerable are version ranges, Patched the version that ends each (packages of a language).
	Vulnerable []string `json:"vulnerable,omitempty"`
	Patched    []string `json:"patched,omitempty"`
	// Fixed is the first version without it; where there is none, Status says what the system means to do.
	Fixed  string `json:"fixed,omitempty"`
	Status string `json:"status,omitempty"`
}

// ecosystem is where the scanner looks for a package's advisories.
type ecosystem struct {
	bucket string
	source types.DataSource
	check  func(affected) error
}

var ecosystems = map[string]ecosystem{
	"pip":          github("pip", checkPip),
	"npm":          github("npm", checkLanguage),
	"go":           github("go", checkLanguage),
	"cargo":        github("cargo", checkLanguage),
	"debian 12":    system("debian 12", "debian", "Debian Security Tracker", "https://salsa.debian.org/security-tracker-team/security-tracker"),
	"ubuntu 22.04": system("ubuntu 22.04", "ubuntu", "Ubuntu CVE Tracker", "https://git.launchpad.net/ubuntu-cve-tracker"),
}

// github is a language's part of the GitHub Advisory Database.
func github(language string, check func(affected) error) ecosystem {
	name := "GitHub Security Advisory " + language
	return ecosystem{
		bucket: language + "::" + name,
		source: types.DataSource{ID: "ghsa", Name: name, URL: "https://github.com/advisories?query=type%3Areviewed+ecosystem%3A" + language},
		check:  check,
	}
}

// system is one release of a Linux distribution.
func system(release string, id types.SourceID, name, address string) ecosystem {
	return ecosystem{bucket: release, source: types.DataSource{ID: id, Name: name, URL: address}, check: checkSystem}
}

// read reads a list of facts; every mistake in it is named, since one that is left out is a vulnerability not found.
func read(text []byte) ([]advisory, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var facts []advisory
	if err := decoder.Decode(&facts); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("something follows the list")
	}
	var errs []error
	seen := map[string]bool{}
	for i, fact := range facts {
		if err := fact.check(); err != nil {
			errs = append(errs, fmt.Errorf("advisory %d (%s): %w", i+1, fact.ID, err))
		}
		if seen[fact.ID] {
			errs = append(errs, fmt.Errorf("advisory %d: %s is there twice", i+1, fact.ID))
		}
		seen[fact.ID] = true
	}
	return facts, errors.Join(errs...)
}

func (a advisory) check() error {
	switch {
	case a.ID == "" || a.Title == "":
		return errors.New("id and title are needed")
	case !strings.HasPrefix(a.Record, "https://"):
		return fmt.Errorf("record %q: the https address of the published record is needed", a.Record)
	case len(a.Affected) == 0:
		return errors.New("no package is affected")
	}
	for by, severity := range a.Severity {
		if _, err := types.NewSeverity(severity); err != nil {
			return fmt.Errorf("severity of %s: %q; want one of %q", by, severity, types.SeverityNames)
		}
	}
	for by, vector := range a.CVSS {
		if _, err := cvss.ParseVector(vector); err != nil {
			return fmt.Errorf("cvss of %s: %q: %w", by, vector, err)
		}
	}
	for _, where := range a.Affected {
		known, ok := ecosystems[where.Ecosystem]
		if !ok {
			return fmt.Errorf("ecosystem %q: want one of %q", where.Ecosystem, slices.Sorted(maps.Keys(ecosystems)))
		}
		if err := known.check(where); err != nil {
			return fmt.Errorf("package %q of %s: %w", where.Package, where.Ecosystem, err)
		}
	}
	return nil
}

// normalized is how the scanner asks for a Python package, however its author writes the name.
var normalized = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

func checkPip(a affected) error {
	if !normalized.MatchString(a.Package) {
		return errors.New("want the normalized name: small letters, - for _ and .")
	}
	return checkLanguage(a)
}

func checkLanguage(a affected) error {
	switch {
	case a.Package == "":
		return errors.New("want the package's name")
	case len(a.Vulnerable) == 0:
		return errors.New("vulnerable: no range of versions")
	case a.Fixed != "" || a.Status != "":
		return errors.New("fixed and status are a system's: use vulnerable and patched")
	}
	return nil
}

// undecided are the words of Trivy for a package without a fixed version.
var undecided = []string{"affected", "will_not_fix", "fix_deferred", "end_of_life"}

func checkSystem(a affected) error {
	switch {
	case a.Package == "":
		return errors.New("want the source package's name")
	case len(a.Vulnerable) > 0 || len(a.Patched) > 0:
		return errors.New("vulnerable and patched are a language's: use fixed or status")
	case (a.Fixed == "") == (a.Status == ""):
		return errors.New("want either fixed or status")
	case a.Status != "" && !slices.Contains(undecided, a.Status):
		return fmt.Errorf("status %q: want one of %q", a.Status, undecided)
	}
	return nil
}

// without leaves one system (all its releases) or language out, and what then affects nothing.
func without(facts []advisory, name string) ([]advisory, error) {
	var kept []advisory
	left := 0
	for _, fact := range facts {
		affected := slices.DeleteFunc(slices.Clone(fact.Affected), func(a affected) bool {
			family, _, _ := strings.Cut(a.Ecosystem, " ")
			return family == name
		})
		left += len(fact.Affected) - len(affected)
		if fact.Affected = affected; len(affected) > 0 {
			kept = append(kept, fact)
		}
	}
	if left == 0 {
		return nil, fmt.Errorf("--without %s: no fact is about it", name)
	}
	return kept, nil
}
