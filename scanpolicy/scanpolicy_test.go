package scanpolicy

import (
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// report is an answer of Trivy 0.74.0, cut down to the fields that are read.
const report = `{
 "SchemaVersion": 2, "ArtifactName": "environment", "Metadata": {"OS": {"Family": "debian", "Name": "12.13"}},
 "Results": [
  {"Target": "environment (debian 12.13)", "Class": "os-pkgs", "Type": "debian",
   "Packages": [{"Name": "zlib1g", "Version": "1.2.13.dfsg", "Release": "1", "Epoch": 1, "Licenses": ["Zlib"]}],
   "Vulnerabilities": [
    {"VulnerabilityID": "CVE-2023-45853", "PkgName": "zlib1g", "InstalledVersion": "1:1.2.13.dfsg-1", "Status": "affected", "Severity": "CRITICAL", "Title": "integer overflow"},
    {"VulnerabilityID": "CVE-2024-0001", "PkgName": "zlib1g", "InstalledVersion": "1:1.2.13.dfsg-1", "FixedVersion": "1:1.3", "Severity": "LOW", "Title": "a small one"},
    {"VulnerabilityID": "CVE-2024-0002", "PkgName": "zlib1g", "InstalledVersion": "1:1.2.13.dfsg-1", "FixedVersion": "1:1.3"}]},
  {"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg",
   "Packages": [{"Name": "protobuf", "Version": "4.25.9", "Licenses": ["BSD-3-Clause", "AGPL-3.0-only"]}],
   "Vulnerabilities": [
    {"VulnerabilityID": "CVE-2024-6345", "PkgName": "setuptools", "PkgPath": "usr/local/lib/setuptools/METADATA", "InstalledVersion": "65.5.0", "FixedVersion": "70.0.0", "Severity": "HIGH", "Title": "command injection"}],
   "ExperimentalModifiedFindings": [
    {"Type": "vulnerability", "Status": "ignored", "Statement": "TensorFlow 2.16 needs it", "Source": "/ignore.yaml",
     "Finding": {"VulnerabilityID": "CVE-2026-0994", "PkgName": "protobuf", "InstalledVersion": "4.25.9", "FixedVersion": "6.33.5", "Severity": "HIGH", "Title": "recursion"}}]},
  {"Target": "src/settings.py", "Class": "secret",
   "Secrets": [{"RuleID": "github-pat", "Category": "GitHub", "Severity": "CRITICAL", "Title": "GitHub Personal Access Token", "StartLine": 3, "Match": "TOKEN = \"****\""}]},
  {"Target": "Dockerfile", "Class": "config", "Type": "dockerfile",
   "Misconfigurations": [{"ID": "DS-0002", "Title": "Image user", "Message": "Last USER is root", "Severity": "HIGH", "Status": "FAIL", "CauseMetadata": {"StartLine": 7}}]}
 ]}`

const accepted = `vulnerabilities:
  - id: CVE-2026-0994
    purls: ["pkg:pypi/protobuf"]
    statement: TensorFlow 2.16 needs it
    expired_at: 2027-05-31
`

// proven is what the canary shows on report's system.
var proven = Proven{"pip": true, "debian 12.13": true}

func read(t *testing.T, text string) Report {
	t.Helper()
	report, err := ReadReport([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func ignores(t *testing.T, text string) Ignores {
	t.Helper()
	entries, err := ReadIgnores(".trivyignore.yaml", []byte(text), now)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func lines(findings []Finding) string {
	return strings.Join(described(findings), "\n")
}

func TestJudge(t *testing.T) {
	high := []string{"HIGH", "CRITICAL"}
	tests := []struct {
		name   string
		policy Policy
		stops  []string // ids, the worst first
		passes []string
	}{
		{"high and critical with a fix", Policy{Severities: high, IgnoreUnfixed: true},
			[]string{"github-pat", "DS-0002", "CVE-2024-6345", "CVE-2024-0002"}, []string{"CVE-2023-45853", "CVE-2024-0001"}},
		{"also without a fix", Policy{Severities: high},
			[]string{"github-pat", "CVE-2023-45853", "DS-0002", "CVE-2024-6345", "CVE-2024-0002"}, []string{"CVE-2024-0001"}},
		{"critical alone: a secret and an unknown severity stop all the same", Policy{Severities: []string{"CRITICAL"}, IgnoreUnfixed: true},
			[]string{"github-pat", "CVE-2024-0002"}, []string{"CVE-2023-45853", "DS-0002", "CVE-2024-6345", "CVE-2024-0001"}},
		{"low too", Policy{Severities: []string{"LOW", "MEDIUM", "HIGH", "CRITICAL"}},
			[]string{"github-pat", "CVE-2023-45853", "DS-0002", "CVE-2024-6345", "CVE-2024-0001", "CVE-2024-0002"}, nil},
		{"a denied license, in whatever case", Policy{Severities: []string{"CRITICAL"}, IgnoreUnfixed: true, DeniedLicenses: []string{"agpl-3.0-ONLY"}},
			[]string{"github-pat", "AGPL-3.0-only", "CVE-2024-0002"}, []string{"CVE-2023-45853", "DS-0002", "CVE-2024-6345", "CVE-2024-0001"}},
	}
	ids := func(findings []Finding) string {
		var all []string
		for _, finding := range findings {
			all = append(all, finding.ID)
		}
		return strings.Join(all, " ")
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.policy.Proven = proven
			verdict := test.policy.Judge(read(t, report), ignores(t, accepted), nil)
			if got, want := ids(verdict.Stops), strings.Join(test.stops, " "); got != want {
				t.Errorf("stops %s, want %s", got, want)
			}
			if got, want := ids(verdict.Passes), strings.Join(test.passes, " "); got != want {
				t.Errorf("passes %s, want %s", got, want)
			}
			if verdict.Passed() {
				t.Error("the gate opened")
			}
		})
	}
}

func TestVerdictSays(t *testing.T) {
	policy := Policy{Severities: []string{"HIGH", "CRITICAL"}, IgnoreUnfixed: true, Packages: true, Proven: proven}
	verdict := policy.Judge(read(t, report), append(ignores(t, accepted), Entry{Kind: Vulnerability, ID: "CVE-1", Line: 9}), nil)
	if got, want := verdict.Summary(), "2 CRITICAL, 2 HIGH, 1 LOW, 1 UNKNOWN; 4 stop the gate, 1 ignored"; got != want {
		t.Errorf("summary %q, want %q", got, want)
	}
	for _, want := range []string{
		"setuptools 65.5.0: CVE-2024-6345 HIGH, fixed in 70.0.0 (command injection)",
		"github-pat CRITICAL in src/settings.py:3 (GitHub Personal Access Token)",
		"DS-0002 HIGH in Dockerfile:7 (Last USER is root)",
		"zlib1g 1:1.2.13.dfsg-1: CVE-2024-0002 UNKNOWN, fixed in 1:1.3 (without a title)",
	} {
		if !strings.Contains(verdict.Reason(), want) {
			t.Errorf("the reason lacks %q:\n%s", want, verdict.Reason())
		}
	}
	for _, want := range []string{
		"protobuf 4.25.9: CVE-2026-0994 HIGH, fixed in 6.33.5 (recursion); until 2027-05-31: TensorFlow 2.16 needs it",
		"line 9: CVE-1", "zlib1g 1:1.2.13.dfsg-1: CVE-2023-45853 CRITICAL, no fix",
	} {
		if !strings.Contains(verdict.Text(), want) {
			t.Errorf("the text lacks %q:\n%s", want, verdict.Text())
		}
	}
}

func TestJudgeRefusesToTrust(t *testing.T) {
	images := Policy{Severities: []string{"CRITICAL"}, Packages: true, Proven: proven}
	const empty = `{"SchemaVersion": 2, "Results": []}`
	const python = `{"SchemaVersion": 2, "Results": [{"Target": "Python", "Class": "lang-pkgs", "Type": "python-pkg", "Packages": [{"Name": "six", "Version": "1"}]}]}`
	for name, test := range map[string]struct{ report, want string }{
		"no package":            {empty, "saw no package at all"},
		"no database of dpkg":   {python, "saw 1 packages, but no package database of an operating system"},
		"an ignore out of thin": {report, "left out protobuf 4.25.9: CVE-2026-0994 HIGH"},
	} {
		verdict := images.Judge(read(t, test.report), nil, nil)
		if verdict.Passed() || !strings.Contains(verdict.Reason(), test.want) {
			t.Errorf("%s: passed %t, reason %q; want %q", name, verdict.Passed(), verdict.Reason(), test.want)
		}
	}
	if verdict := (Policy{Severities: []string{"CRITICAL"}}).Judge(read(t, empty), nil, nil); !verdict.Passed() {
		t.Errorf("a directory without packages: %s", verdict.Reason())
	}
}

func TestOutdatedSystem(t *testing.T) {
	old := strings.Replace(report, `"Name": "12.13"`, `"Name": "9.13", "EOSL": true`, 1)
	summary := Policy{Severities: []string{"LOW"}, Proven: proven}.Judge(read(t, old), ignores(t, accepted), nil).Summary()
	if !strings.HasSuffix(summary, "; debian 9.13 gets no security fixes any more, and few of its vulnerabilities are known") {
		t.Errorf("summary %q", summary)
	}
}

func TestNew(t *testing.T) {
	previous, err := ReadPrevious([]byte(`{"bomFormat": "CycloneDX",
	 "components": [{"bom-ref": "a", "name": "setuptools"}, {"bom-ref": "b", "name": "other"}],
	 "vulnerabilities": [{"id": "CVE-2024-6345", "affects": [{"ref": "urn:cdx:1/1#a"}]}, {"id": "CVE-2024-0001", "affects": [{"ref": "b"}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	verdict := Policy{Severities: []string{"HIGH"}}.Judge(read(t, report), ignores(t, accepted), previous)
	for id, want := range map[string]bool{"CVE-2024-6345": false, "CVE-2024-0001": true, "CVE-2023-45853": true} {
		if got := strings.Contains(lines(verdict.New), id); got != want {
			t.Errorf("%s: new %t, want %t", id, got, want)
		}
	}
	if !strings.HasSuffix(verdict.Summary(), ", 3 new") {
		t.Errorf("summary %q", verdict.Summary())
	}
	for _, bad := range []string{"", "{}", `{"bomFormat": "SPDX"}`, "[]"} {
		if _, err := ReadPrevious([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestReadReportRefuses(t *testing.T) {
	for _, bad := range []string{"", "null", "{}", `{"SchemaVersion": 1}`, `{"SchemaVersion": 2, "Results": 5}`, "[", report[:200]} {
		if _, err := ReadReport([]byte(bad)); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func TestReadIgnoresRefuses(t *testing.T) {
	entry := func(keys ...string) string {
		return "vulnerabilities:\n  - " + strings.Join(keys, "\n    ") + "\n"
	}
	const id, why, until = "id: CVE-1", "statement: because", "expired_at: 2027-01-31"
	for _, test := range []struct{ text, want string }{
		{entry(id, until), "x.yaml:2: CVE-1 has no statement"},
		{entry(id, why), "x.yaml:2: CVE-1 has no expired_at"},
		{entry(why, until), "x.yaml:2: the entry has no id"},
		{entry(id, why, "expired_at: 2026-11-24"), "x.yaml:2: CVE-1 was accepted until 2026-11-24, which is over"},
		{entry(id, why, "expired_at: 2099-01-01"), "x.yaml:2: CVE-1 is accepted until 2099-01-01: at most a year"},
		{entry(id, why, "expired_at: soon"), "x.yaml:4: expired_at is no date"},
		{entry(id, why, "expired_at:"), "x.yaml:4: expired_at is no date"},
		{entry(id, `statement: " "`, until), "x.yaml:3: statement is no text"},
		{entry("id: [CVE-1]", why, until), "x.yaml:2: id is no text"},
		{entry(id, why, until, "expires: 2027-01-01"), `x.yaml:5: unknown key "expires"`},
		{entry(id, why, until, id), `x.yaml:5: "id" is there twice`},
		{"licenses:\n  - {id: MIT, statement: a, expired_at: 2027-01-31, paths: [x]}\n", "x.yaml:2: a license is accepted for packages"},
		{entry(id, why, until, "paths: src"), "x.yaml:5: paths is no list"},
		{entry(id, why, until, "purls: []"), "x.yaml:5: purls is no list"},
		{"vulnerabilities: [CVE-1]\n", "x.yaml:1: no mapping with id"},
		{"vulnerabilities: CVE-1\n", "x.yaml:1: vulnerabilities is no list"},
		{"vulnerability: []\n", `x.yaml:1: unknown key "vulnerability"`},
		{"CVE-2024-1\n", "x.yaml:1: no mapping"},
		{entry(id, why, until) + "---\nsecrets: []\n", "x.yaml:5: a second document begins"},
		{"a: [\n", "x.yaml: this is not YAML"},
		{entry("<<: {id: CVE-1}", why, until), `x.yaml:2: unknown key "<<"`},
		{"vulnerabilities:\n  - {&expired_at id: CVE-1, statement: a, *expired_at : 2027-01-31}\n", "x.yaml:2: what stands where a key should"},
		{"? [a]\n: b\n", "x.yaml:1: what stands where a key should"},
		{strings.Repeat("#", maxIgnores+1), "x.yaml: the file has 1048577 bytes"},
		{"secrets: &a []\nlicenses: *a\n", "x.yaml:2: licenses is no list"},
	} {
		if _, err := ReadIgnores("x.yaml", []byte(test.text), now); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v, want %q", test.text, err, test.want)
		}
	}
	if _, err := ReadIgnores("x.yaml", []byte(entry(id)+"  - id: CVE-2\n"), now); err == nil || strings.Count(err.Error(), "x.yaml:") != 2 {
		t.Errorf("two problems: %v", err)
	}
}

func TestReadIgnores(t *testing.T) {
	for _, nothing := range []string{"", "# nothing\n", "vulnerabilities: []\n", "---\n"} {
		if got := ignores(t, nothing); len(got) != 0 {
			t.Errorf("%q: %v", nothing, got)
		}
	}
	got := ignores(t, accepted+"secrets:\n  - {id: github-pat, paths: [tests/*], statement: made up, expired_at: 2027-01-31T00:00:00Z}\n")
	if len(got) != 2 || got[0].Line != 2 || got[1].Kind != Secret || got[1].Until.Year() != 2027 {
		t.Errorf("%+v", got)
	}
}

func TestDatabase(t *testing.T) {
	for _, test := range []struct {
		metadata, want string // empty for a database that will do
	}{
		{`{"Version": 2, "UpdatedAt": "2026-11-24T00:00:00Z"}`, ""},
		{`{"Version": 2, "UpdatedAt": "2026-11-17T13:00:00Z"}`, ""},
		{`{"Version": 2, "UpdatedAt": "2026-11-25T00:00:00Z"}`, ""},
		{`{"Version": 2, "UpdatedAt": "2026-11-17T11:00:00Z"}`, "of 2026-11-17, 7.0 days old, and scan.max-database-days is 7"},
		{`{"Version": 2, "UpdatedAt": "2024-11-24T12:00:00Z"}`, "730.0 days old"},
		{`{"Version": 2, "UpdatedAt": "2027-11-24T12:00:00Z"}`, "which has not come yet"},
		{`{"Version": 2}`, "has no UpdatedAt"},
		{`{"UpdatedAt": 5}`, "cannot be read"},
		{``, "cannot be read"},
	} {
		database, err := ReadDatabase([]byte(test.metadata))
		if err == nil {
			err = database.Fresh(now, 7*24*time.Hour)
		}
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.metadata, err, test.want)
		}
	}
}

// What Trivy 0.74.0 writes, each seen.
func TestFault(t *testing.T) {
	const (
		fatal = "2026-11-24T12:00:00Z\tFATAL\tFatal error\trun error: "
		oci   = fatal + "init error: DB error: failed to download vulnerability DB: OCI artifact error: failed to download vulnerability DB: failed to download artifact from r.example/trivy-db:2: OCI "
	)
	for _, test := range []struct {
		status       int
		stderr, want string
	}{
		{2, "panic: runtime error\n\ngoroutine 1 [running]:\nmain.main()\n", "crashed (status 2): the vulnerability database is damaged"},
		{1, oci + "repository error: 1 error occurred:\n\t* GET http://r.example/v2/trivy-db/manifests/2: MANIFEST_UNKNOWN: manifest unknown; map[Tag:2]\n\n\n", missingDatabase},
		{1, "INFO x\n" + oci + "repository error: 1 error occurred:\n\t* Get \"https://r.example/v2/\": dial tcp 127.0.0.1:1: connect: connection refused\n", lostRegistry},
		{1, oci + "repository error: 1 error occurred:\n\t* Get \"https://r.example/v2/\": dial tcp: lookup r.example on 10.0.0.1:53: no such host\n", lostRegistry},
		{1, oci + "repository error: UNAUTHORIZED: authentication required\n", closedRegistry},
		{1, oci + "artifact must be a single layer\n", otherArtifact},
		{1, oci + "repository error: something new\n", noDownload},
		{1, fatal + "init error: DB error: error in vulnerability DB initialize: failed to open db: invalid database\n", damagedDatabase},
		{1, fatal + "init error: DB error: database error: --skip-db-update cannot be specified on the first run\n", noDatabase},
		{1, fatal + "sbom scan error: scan error: scan failed: failed analysis: SBOM decode error: unknown scanning is not yet supported", noList},
		{1, fatal + "rootfs scan error: scan error: scan failed: failed analysis: analyze with traversal: walk dir error: unknown error with /scan/x: lstat /scan/x: no such file or directory", noImage},
		{1, "something\nelse\n", "status 1)\n  else"},
		{137, "", "status 137)\n  it said nothing"},
	} {
		err := Fault(test.status, test.stderr)
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "goroutine") {
			t.Errorf("%d %q: %v, want %q", test.status, test.stderr, err, test.want)
		}
	}
}
