package scanpolicy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// canary is a package that is known to be vulnerable.
type canary struct {
	name    string
	version string
	purl    string
	finding string // what must be found in it; empty where anything will do
}

// languages have one canary each: a database that finds it has the advisories of that language.
var languages = map[string]canary{
	"pip":   {"setuptools", "65.5.0", "pkg:pypi/setuptools@65.5.0", "CVE-2024-6345"},
	"npm":   {"lodash", "4.17.20", "pkg:npm/lodash@4.17.20", "CVE-2021-23337"},
	"go":    {"golang.org/x/text", "v0.3.7", "pkg:golang/golang.org/x/text@v0.3.7", "CVE-2022-32149"},
	"cargo": {"smallvec", "1.6.0", "pkg:cargo/smallvec@1.6.0", "CVE-2021-25900"},
}

// always is the language whose canary every database must know: without it there is no database at all.
const always = "pip"

// families are the Linux distributions that have a canary. A database has advisories for each release by itself, so the
// canary is of the release that is scanned: its C library in a version below all others, which every release has had to
// mend.
var families = []string{"debian", "ubuntu"}

const (
	cLibrary       = "libc6"
	cLibrarySource = "glibc"
	oldest         = "0"
)

// System is a release of a Linux distribution, such as debian 12.15; empty where there is none.
type System struct {
	Family  string // as Trivy calls it
	Release string
}

// String is the system's name, or nothing.
func (s System) String() string {
	return strings.TrimSpace(s.Family + " " + s.Release)
}

// ReadSystem finds the system in the bill of materials that Trivy makes of an image.
func ReadSystem(bill []byte) (System, error) {
	var read struct {
		BOMFormat  string
		Components []struct{ Type, Name, Version string }
	}
	if err := json.Unmarshal(bill, &read); err != nil {
		return System{}, fmt.Errorf("the list of what is installed is no JSON: %w", err)
	}
	if read.BOMFormat != "CycloneDX" {
		return System{}, fmt.Errorf("the list of what is installed is no CycloneDX file (bomFormat is %q): use the image of another Trivy version", read.BOMFormat)
	}
	for _, component := range read.Components {
		if component.Type == "operating-system" {
			return System{component.Name, component.Version}, nil
		}
	}
	return System{}, nil
}

// The parts of a CycloneDX bill that Trivy reads.
type (
	bill struct {
		Format       string       `json:"bomFormat"`
		Spec         string       `json:"specVersion"`
		Version      int          `json:"version"`
		Metadata     metadata     `json:"metadata"`
		Components   []component  `json:"components"`
		Dependencies []dependency `json:"dependencies"`
	}
	metadata struct {
		Component component `json:"component"`
	}
	component struct {
		Ref        string     `json:"bom-ref"`
		Type       string     `json:"type"`
		Name       string     `json:"name"`
		Version    string     `json:"version,omitempty"`
		PURL       string     `json:"purl,omitempty"`
		Properties []property `json:"properties,omitempty"`
	}
	property struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	dependency struct {
		Ref string   `json:"ref"`
		On  []string `json:"dependsOn"`
	}
)

// CanaryBill is a bill of materials of packages that are known to be vulnerable: one for each language, and one for the
// system, where it has one.
func CanaryBill(system System) ([]byte, error) {
	root := component{Ref: "canary", Type: "container", Name: "canary"}
	made := bill{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: metadata{root}}
	top := dependency{Ref: root.Ref}
	for _, language := range slices.Sorted(maps.Keys(languages)) {
		one := languages[language]
		made.Components = append(made.Components, component{Ref: one.purl, Type: "library", Name: one.name, Version: one.version, PURL: one.purl})
		top.On = append(top.On, one.purl)
	}
	if slices.Contains(families, system.Family) {
		library := component{
			Ref: "library", Type: "library", Name: cLibrary, Version: oldest,
			PURL: "pkg:deb/" + system.Family + "/" + cLibrary + "@" + oldest,
			Properties: []property{
				{"aquasecurity:trivy:PkgType", system.Family},
				{"aquasecurity:trivy:SrcName", cLibrarySource},
				{"aquasecurity:trivy:SrcVersion", oldest},
			},
		}
		made.Components = append(made.Components, component{Ref: "system", Type: "operating-system", Name: system.Family, Version: system.Release}, library)
		made.Dependencies = append(made.Dependencies, dependency{"system", []string{library.Ref}})
		top.On = append(top.On, "system")
	}
	made.Dependencies = append(made.Dependencies, top)
	return json.MarshalIndent(made, "", "  ")
}

// Proven are the ecosystems in which the scanner has found what is known to be there.
type Proven map[string]bool

// Prove reads the scan of a canary's bill, and refuses a scanner that finds nothing where every database has something.
func Prove(report Report) (Proven, error) {
	proven := Proven{}
	for _, finding := range report.Findings {
		if finding.Kind != Vulnerability {
			continue
		}
		for language, one := range languages {
			if finding.ID == one.finding && finding.Package == one.name {
				proven[language] = true
			}
		}
		if finding.Package == cLibrary && report.OS != "" {
			proven[report.OS] = true
		}
	}
	if !proven[always] {
		return nil, fmt.Errorf("the scanner does not find what is known to be there (%s in %s): its vulnerability database is empty or incomplete; renew the copy that scan.database names",
			languages[always].finding, languages[always].name)
	}
	return proven, nil
}

// unproven says why a report's findings in one of its ecosystems mean nothing; accepted are ecosystems whose silence the
// project takes for an answer.
func (p Proven) unproven(report Report, accepted []string) []string {
	var reasons []string
	for _, ecosystem := range report.Ecosystems {
		family, _, _ := strings.Cut(ecosystem, " ")
		if p[ecosystem] || slices.Contains(accepted, ecosystem) || slices.Contains(accepted, family) {
			continue
		}
		known, isLanguage := languages[ecosystem]
		looked := known.name
		if !isLanguage {
			looked = "an outdated " + cLibrary
		}
		switch {
		case isLanguage || slices.Contains(families, family):
			reasons = append(reasons, fmt.Sprintf("the vulnerability database knows nothing of %s (%s, known to be vulnerable, is not found), which what was scanned has: "+
				"no findings mean nothing; renew the copy that scan.database names, or accept it with scan.unproven: [%s]", ecosystem, looked, family))
		default:
			reasons = append(reasons, fmt.Sprintf("what was scanned has packages of %s, and there is no package known to be vulnerable by which to prove that the scanner finds any of them: "+
				"no findings mean nothing; leave them out, or accept it with scan.unproven: [%s]", ecosystem, family))
		}
	}
	return reasons
}
