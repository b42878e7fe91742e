package scanpolicy

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// found is the report of a scan that found the canaries of some ecosystems, on a system.
func found(system string, ecosystems ...string) Report {
	report := Report{OS: system}
	for _, ecosystem := range ecosystems {
		if one, known := languages[ecosystem]; known {
			report.Findings = append(report.Findings, Finding{Kind: Vulnerability, ID: one.finding, Package: one.name})
		} else {
			report.Findings = append(report.Findings, Finding{Kind: Vulnerability, ID: "CVE-1", Package: cLibrary})
		}
	}
	return report
}

func TestCanaryBill(t *testing.T) {
	for _, system := range []System{{}, {"debian", "12.15"}, {"ubuntu", "22.04"}, {"alpine", "3.20.1"}} {
		text, err := CanaryBill(system)
		if err != nil {
			t.Fatal(err)
		}
		want := system
		if !slices.Contains(families, system.Family) {
			want = System{}
		}
		if got, err := ReadSystem(text); err != nil || got != want {
			t.Errorf("the canary for %q is of %q (%v)", system, got, err)
		}
		if strings.Contains(string(text), cLibrary) != (want != System{}) {
			t.Errorf("the canary for %q:\n%s", system, text)
		}
		for _, one := range languages {
			if !strings.Contains(string(text), `"purl": "`+one.purl+`"`) {
				t.Errorf("the canary for %q lacks %s", system, one.name)
			}
		}
	}
}

func TestReadSystemRefuses(t *testing.T) {
	for _, bad := range []string{"", "{}", "[]", `{"bomFormat": "SPDX"}`, `{"bomFormat": "CycloneDX", "components": 5}`} {
		if system, err := ReadSystem([]byte(bad)); err == nil {
			t.Errorf("%q was accepted, as %q", bad, system)
		}
	}
}

func TestProve(t *testing.T) {
	proven, err := Prove(found("ubuntu 22.04", "pip", "npm", "libc6"))
	if want := (Proven{"pip": true, "npm": true, "ubuntu 22.04": true}); err != nil || fmt.Sprint(proven) != fmt.Sprint(want) {
		t.Errorf("%v, %v; want %v", proven, err, want)
	}
	for name, report := range map[string]Report{
		"nothing":                         {},
		"all but what every database has": found("debian 12.15", "npm", "go", "cargo", "libc6"),
		"the package of another":          {Findings: []Finding{{Kind: Vulnerability, ID: "CVE-2024-6345", Package: "pip"}}},
		"another finding of the package":  {Findings: []Finding{{Kind: Vulnerability, ID: "CVE-1", Package: "setuptools"}}},
		"no vulnerability":                {Findings: []Finding{{Kind: License, ID: "CVE-2024-6345", Package: "setuptools"}}},
	} {
		if _, err := Prove(report); err == nil || !strings.Contains(err.Error(), "does not find what is known to be there (CVE-2024-6345 in setuptools)") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What was scanned is judged by what was proven about its own ecosystems.
func TestUnproven(t *testing.T) {
	const image = `{"SchemaVersion": 2, "Metadata": {"OS": {"Family": %q, "Name": %q}}, "Results": [
	 {"Target": "image", "Class": "os-pkgs", "Type": %[1]q, "Packages": [{"Name": "libc6"}]},
	 {"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg", "Packages": [{"Name": "six"}]},
	 {"Target": "x", "Class": "lang-pkgs", "Type": %[3]q, "Packages": [{"Name": "x"}]},
	 {"Target": "nothing", "Class": "lang-pkgs", "Type": "jar", "Packages": []}]}`
	onDebian, onUbuntu := found("debian 12.15", "pip", "libc6"), found("ubuntu 22.04", "pip", "libc6")
	for _, test := range []struct {
		name                    string
		family, release, binary string
		canary                  Report
		accepted                []string
		want                    []string // in the reason; none where the gate opens
	}{
		{"Debian, proven", "debian", "12.15", "uv", onDebian, nil, nil},
		{"Ubuntu, proven", "ubuntu", "22.04", "uv", onUbuntu, nil, nil},
		{"Ubuntu, of which the database knows nothing", "ubuntu", "22.04", "uv", found("ubuntu 22.04", "pip"), nil,
			[]string{"knows nothing of ubuntu 22.04 (an outdated libc6, known to be vulnerable, is not found)", "scan.unproven: [ubuntu]"}},
		{"Ubuntu, proven on another release", "ubuntu", "24.04", "uv", onUbuntu, nil, []string{"knows nothing of ubuntu 24.04"}},
		{"Ubuntu, proven on Debian", "ubuntu", "22.04", "uv", onDebian, nil, []string{"knows nothing of ubuntu 22.04"}},
		{"Ubuntu, accepted", "ubuntu", "22.04", "uv", onDebian, []string{"ubuntu"}, nil},
		{"Ubuntu, this release accepted", "ubuntu", "22.04", "uv", onDebian, []string{"ubuntu 22.04"}, nil},
		{"a system without a canary", "alpine", "3.20.1", "uv", found("", "pip"), nil, []string{"packages of alpine 3.20.1, and there is no package known to be vulnerable", "scan.unproven: [alpine]"}},
		{"a system without a canary, accepted", "alpine", "3.20.1", "uv", found("", "pip"), []string{"alpine"}, nil},
		{"Rust, proven", "debian", "12.15", "rustbinary", found("debian 12.15", "pip", "cargo", "libc6"), nil, nil},
		{"Rust, not proven", "debian", "12.15", "rustbinary", onDebian, nil, []string{"knows nothing of cargo (smallvec, known to be vulnerable, is not found)", "scan.unproven: [cargo]"}},
		{"a language without a canary", "debian", "12.15", "conda-pkg", onDebian, nil, []string{"packages of conda-pkg", "scan.unproven: [conda-pkg]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			proven, err := Prove(test.canary)
			if err != nil {
				t.Fatal(err)
			}
			policy := Policy{Severities: []string{"CRITICAL"}, Packages: true, Proven: proven, Unproven: test.accepted}
			verdict := policy.Judge(read(t, fmt.Sprintf(image, test.family, test.release, test.binary)), nil, nil)
			if verdict.Passed() != (test.want == nil) {
				t.Errorf("passed %t: %s", verdict.Passed(), verdict.Reason())
			}
			for _, want := range test.want {
				if !strings.Contains(verdict.Reason(), want) {
					t.Errorf("the reason lacks %q: %s", want, verdict.Reason())
				}
			}
		})
	}
}
