package scanpolicy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzReadIgnores holds that an ignore file is refused with the file and the line of each problem, or has entries that
// each say what, why and until when.
func FuzzReadIgnores(f *testing.F) {
	for _, seed := range []string{
		accepted, "", "---\n", "secrets:\n  - {id: a, paths: [x], statement: y, expired_at: 2027-01-31}\n", "vulnerabilities: [CVE-1]\n", "a: [\n", "? [a]\n: b\n",
		"vulnerabilities:\n  - {<<: {id: x}}\n", "vulnerabilities: &a [*a]\n", "licenses:\n- {&expired_at id: x, statement: y, *expired_at : z}\n",
		"misconfigurations:\n  - id: x\n    statement: !!binary aGk=\n    expired_at: 2027-01-31T00:00:00Z\n", "\xff", "secrets: 5\nsecrets: 6\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, err := ReadIgnores("x.yaml", text, now)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "x.yaml:") || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }) {
					t.Errorf("a problem without its place, or unfit for a log: %q", line)
				}
			}
			return
		}
		for _, entry := range entries {
			if entry.ID == "" || strings.TrimSpace(entry.Statement) == "" || entry.Line < 1 || entry.Until.Before(now) || entry.Until.After(now.Add(farthest)) {
				t.Errorf("accepted %+v", entry)
			}
			if !slices.Contains([]string{Vulnerability, Misconfiguration, Secret, License}, entry.Kind) {
				t.Errorf("an entry of the kind %q", entry.Kind)
			}
			if found, ok := entries.find(Suppressed{Finding{Kind: entry.Kind, ID: entry.ID}, entry.Statement}); !ok || found.Statement != entry.Statement {
				t.Errorf("%+v does not account for its own finding", entry)
			}
		}
	})
}

// FuzzReadReport holds that what is read from a scanner can be judged, that the verdict accounts for every finding, and
// that whatever the scanner says, GitLab gets a report in its form.
func FuzzReadReport(f *testing.F) {
	for _, seed := range []string{
		report, `{"SchemaVersion": 2}`, `{"SchemaVersion": 2, "Results": [{"Class": "os-pkgs", "Packages": [{}]}]}`, "null", "[]",
		`{"SchemaVersion": 2, "Results": [{"Class": "lang-pkgs", "Type": "pip", "Packages": [{"Name": "a", "Licenses": ["(((", "MIT OR AGPL-3.0-only"]}],
		  "Vulnerabilities": [{"VulnerabilityID": "GHSA-1", "Severity": "odd", "Title": "\u0000", "References": ["https://x", ""], "VendorIDs": [""]}]}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := ReadReport(text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "the scanner's report ") {
				t.Errorf("refused with %q", err)
			}
			return
		}
		policy := Policy{Severities: []string{"HIGH"}, IgnoreUnfixed: true, DeniedLicenses: []string{"AGPL-3.0"}, Packages: true, Proven: proven}
		verdict := policy.Judge(read, nil, nil)
		denied := len(policy.denied(read))
		if len(verdict.Stops)+len(verdict.Passes)+len(verdict.Ignored) != len(read.Findings)+denied {
			t.Errorf("%d stop and %d pass, of %d found and %d denied", len(verdict.Stops), len(verdict.Passes), len(read.Findings), denied)
		}
		if len(read.Suppressed) > 0 && verdict.Passed() {
			t.Error("something was left out, and no entry accounts for it")
		}
		if (len(read.Packages) == 0 || read.OSPackages == 0) && verdict.Passed() {
			t.Error("nothing was looked at, and the gate opened")
		}
		for _, ecosystem := range read.Ecosystems {
			if !proven[ecosystem] && verdict.Passed() {
				t.Errorf("nothing proves %q, and the gate opened", ecosystem)
			}
		}
		if verdict.Passed() != (verdict.Reason() == "") {
			t.Errorf("passed %t, for the reason %q", verdict.Passed(), verdict.Reason())
		}
		_, _ = verdict.Summary(), verdict.Text()
		gitLabTakes(t, read)
	})
}

// gitLabTakes holds a report against what GitLab refuses.
func gitLabTakes(t *testing.T, read Report) {
	t.Helper()
	text, err := GitLab(read, "", now, now)
	if err != nil {
		t.Fatal(err)
	}
	var written gitLabReport
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	severities := []string{"Unknown", "Low", "Medium", "High", "Critical"}
	for _, one := range written.Vulnerabilities {
		if one.ID == "" || utf8.RuneCountInString(one.Name) > gitLabName || utf8.RuneCountInString(one.Description) > gitLabDescription ||
			!slices.Contains(severities, one.Severity) || len(one.Identifiers) == 0 || one.Location.Image == "" || one.Location.OperatingSystem == "" {
			t.Errorf("GitLab refuses %+v", one)
		}
		for _, by := range one.Identifiers {
			if by.Type == "" || by.Name == "" || by.Value == "" || by.URL != "" && !webAddress.MatchString(by.URL) {
				t.Errorf("GitLab refuses %+v", by)
			}
		}
		for _, link := range one.Links {
			if !webAddress.MatchString(link.URL) {
				t.Errorf("GitLab refuses %q", link.URL)
			}
		}
	}
}

// FuzzDeniedBy holds that a license which is denied by itself is denied with anything beside it, however that is written,
// and that nothing is denied that is not there.
func FuzzDeniedBy(f *testing.F) {
	for _, seed := range []string{"MIT", "(MIT OR BSD-3-Clause) AND ISC", ")", "((", "OR", "AND WITH", "GPL-3.0-only WITH x OR (", "a,b;c/d", "AGPL-3.0+ OR AGPL-3.0-only"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, license string) {
		denied := []string{"AGPL-3.0"}
		found := deniedBy([]string{license}, denied)
		for _, name := range found {
			if !meant(denied[0], name) || !strings.Contains(license, name) {
				t.Errorf("%q is denied for %q", license, name)
			}
		}
		if with := deniedBy([]string{license, "AGPL-3.0-only"}, denied); !slices.Contains(with, "AGPL-3.0-only") {
			t.Errorf("beside %q, AGPL-3.0-only is let pass: %q", license, with)
		}
		if !strings.Contains(license, "OR") && strings.Count(license, "(") < deepest {
			if with := deniedBy([]string{"AGPL-3.0-only AND " + license}, denied); !slices.Contains(with, "AGPL-3.0-only") {
				t.Errorf("with AND %q, AGPL-3.0-only is let pass: %q", license, with)
			}
		}
		if either := deniedBy([]string{"MIT OR AGPL-3.0-only"}, denied); len(either) > 0 {
			t.Errorf("an alternative is denied: %q", either)
		}
	})
}

// FuzzFault holds that a message is one that a person can read, whatever the scanner says.
func FuzzFault(f *testing.F) {
	f.Add(1, "2026-11-24T12:00:00Z\tFATAL\tFatal error\trun error: init error: DB error: \xff")
	f.Add(2, "panic: \ngoroutine 1 [running]:")
	f.Add(137, strings.Repeat("é", 1000))
	f.Fuzz(func(t *testing.T, status int, stderr string) {
		said := Fault(status, stderr).Error()
		if !strings.HasPrefix(said, "the scanner ") || !utf8.ValidString(said) || len(said) > 1000 || strings.Contains(said, "goroutine ") {
			t.Errorf("%q", said)
		}
	})
}

// FuzzBills holds that the bills of materials that come from outside are read or refused in words.
func FuzzBills(f *testing.F) {
	bill, err := CanaryBill(System{"ubuntu", "22.04"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(bill)
	f.Add([]byte(`{"bomFormat": "CycloneDX", "components": [{"bom-ref": "a", "name": "b"}], "vulnerabilities": [{"id": "CVE-1", "affects": [{"ref": "#a"}, {"ref": "#"}]}]}`))
	f.Add([]byte(`{"Version": 2, "UpdatedAt": "2026-11-24T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, err := range []error{
			func() error { _, err := ReadSystem(text); return err }(),
			func() error { _, err := ReadPrevious(text); return err }(),
			func() error { _, err := ReadDatabase(text); return err }(),
		} {
			if err != nil && !strings.HasPrefix(err.Error(), "the ") {
				t.Errorf("refused with %q", err)
			}
		}
		timeless, err := Timeless(text)
		if err != nil {
			return
		}
		again, err := Timeless(timeless)
		if err != nil || string(again) != string(timeless) {
			t.Errorf("without its time it is %s, and once more %s (%v)", timeless, again, err)
		}
	})
}
