package scanpolicy

import (
	"strings"
	"testing"
)

func TestDeniedBy(t *testing.T) {
	denied := []string{"AGPL-3.0", "GPL-3.0-only", "SSPL-1.0"}
	for _, test := range []struct{ licenses, want string }{ // lists are separated by |
		{"MIT", ""},
		{"AGPL-3.0", "AGPL-3.0"},
		{"agpl-3.0-only", "agpl-3.0-only"},
		{"AGPL-3.0-or-later", "AGPL-3.0-or-later"},
		{"AGPL-3.0+", "AGPL-3.0+"},
		{"AGPL-3.0-linking", ""},
		{"LGPL-3.0-only", ""},
		{"GPL-3.0-or-later", ""},
		{"GPL-3.0", ""},
		{"MIT|SSPL-1.0", "SSPL-1.0"},
		{"MIT OR AGPL-3.0-only", ""},
		{"AGPL-3.0-only OR MIT", ""},
		{"AGPL-3.0-only OR SSPL-1.0", "AGPL-3.0-only|SSPL-1.0"},
		{"AGPL-3.0-only OR SSPL-1.0 OR MIT", ""},
		{"MIT AND AGPL-3.0-only", "AGPL-3.0-only"},
		{"MIT OR BSD-3-Clause AND AGPL-3.0-only", ""},
		{"(MIT OR BSD-3-Clause) AND AGPL-3.0-only", "AGPL-3.0-only"},
		{"MIT AND (Apache-2.0 OR AGPL-3.0-only)", ""},
		{"GPL-3.0-only WITH Classpath-exception-2.0", "GPL-3.0-only"},
		{"GPL-3.0-only WITH Classpath-exception-2.0 OR MIT", ""},
		{"MIT, AGPL-3.0", "AGPL-3.0"},
		{"MIT/AGPL-3.0", "AGPL-3.0"},
		{"MIT or AGPL-3.0", "AGPL-3.0"},
		{"MIT) AND AGPL-3.0", "AGPL-3.0"},
		{"MIT OR", ""},
		{"OR AGPL-3.0", ""},
		{"AND AND AGPL-3.0", "AGPL-3.0"},
		{"AGPL-3.0 WITH", "AGPL-3.0"},
		{strings.Repeat("(", 100_000) + "MIT OR SSPL-1.0", "SSPL-1.0"},
		{"", ""},
		{"()", ""},
	} {
		if got := strings.Join(deniedBy(strings.Split(test.licenses, "|"), denied), "|"); got != test.want {
			t.Errorf("%.80q: denied %q, want %q", test.licenses, got, test.want)
		}
	}
}

// A denied license is accepted as everything else is: by name, with a reason and a last day.
func TestAcceptedLicense(t *testing.T) {
	const packages = `{"SchemaVersion": 2, "Results": [{"Target": "Python", "Class": "lang-pkgs", "Type": "pip", "Packages": [
	 {"Name": "a", "Version": "1", "Licenses": ["SSPL-1.0"], "Identifier": {"PURL": "pkg:pypi/a@1?x=y"}},
	 {"Name": "b", "Version": "2", "Licenses": ["SSPL-1.0"], "Identifier": {"PURL": "pkg:pypi/b@2"}}]}]}`
	for name, test := range map[string]struct{ entry, stops string }{
		"nothing":             {``, "a b"},
		"all of them":         {`{id: sspl-1.0, statement: we sell nothing, expired_at: 2027-01-31}`, ""},
		"another license":     {`{id: AGPL-3.0, statement: we sell nothing, expired_at: 2027-01-31}`, "a b"},
		"one package":         {`{id: SSPL-1.0, purls: ["pkg:pypi/a"], statement: we sell nothing, expired_at: 2027-01-31}`, "b"},
		"one version":         {`{id: SSPL-1.0, purls: ["pkg:pypi/b@2"], statement: we sell nothing, expired_at: 2027-01-31}`, "a"},
		"another version":     {`{id: SSPL-1.0, purls: ["pkg:pypi/b@3", "pkg:pypi/a@"], statement: we sell nothing, expired_at: 2027-01-31}`, "b"},
		"the start of a name": {`{id: SSPL-1.0, purls: ["pkg:pypi/"], statement: we sell nothing, expired_at: 2027-01-31}`, "a b"},
	} {
		text := ""
		if test.entry != "" {
			text = "licenses:\n  - " + test.entry + "\n"
		}
		policy := Policy{Severities: []string{"CRITICAL"}, DeniedLicenses: []string{"SSPL-1.0"}, Proven: proven}
		verdict := policy.Judge(read(t, packages), ignores(t, text), nil)
		var stops []string
		for _, one := range verdict.Stops {
			stops = append(stops, one.Package)
		}
		if got := strings.Join(stops, " "); got != test.stops || len(verdict.Ignored) != 2-len(stops) {
			t.Errorf("%s: %q stop, %d are ignored; want %q", name, got, len(verdict.Ignored), test.stops)
		}
		if unused := test.stops == "a b" && test.entry != ""; unused != (len(verdict.Unused) == 1) {
			t.Errorf("%s: %d entries are unused", name, len(verdict.Unused))
		}
	}
}
