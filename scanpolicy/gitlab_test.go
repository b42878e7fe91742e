package scanpolicy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestGitLab(t *testing.T) {
	found := read(t, report)
	found.Findings[0].Title = strings.Repeat("é", 300)
	found.Findings[1].Title = "a bell \a, a zero \x00, a tag \U000e0001 and bytes \xff"
	found.Findings[1].About = About{Description: "why", Advisories: []string{"DSA-1", "", "CVE-2024-0001"}, Page: "javascript:alert(1)",
		References: []string{"https://example.com/1", "see there", "ftp://example.com/2"}}
	text, err := GitLab(found, "environment", now, now.Add(90*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	var written gitLabReport
	if err := json.Unmarshal(text, &written); err != nil {
		t.Fatal(err)
	}
	if written.Scan.StartTime != "2026-11-24T12:00:00" || written.Scan.EndTime != "2026-11-24T12:01:30" || written.Scan.Scanner.Version != "Unknown" {
		t.Errorf("scan %+v", written.Scan)
	}
	if len(written.Vulnerabilities) != 4 {
		t.Fatalf("%d vulnerabilities, want 4: neither the secret nor the Dockerfile", len(written.Vulnerabilities))
	}
	long := written.Vulnerabilities[0]
	if utf8.RuneCountInString(long.Name) != gitLabName || !strings.HasSuffix(long.Name, "é…") || long.Description != strings.Repeat("é", 300) {
		t.Errorf("a long title is written as %q, described as %q", long.Name, long.Description)
	}
	second := written.Vulnerabilities[1]
	if got, _ := json.Marshal(second.Identifiers); string(got) != `[{"type":"cve","name":"CVE-2024-0001","value":"CVE-2024-0001"},{"type":"dsa","name":"DSA-1","value":"DSA-1"}]` {
		t.Errorf("identifiers %s", got)
	}
	if len(second.Links) != 2 || second.Description != "why" || second.Severity != "Low" || second.Solution != "Upgrade zlib1g to 1:1.3" {
		t.Errorf("%+v", second)
	}
	if third := written.Vulnerabilities[2]; third.Severity != "Unknown" || third.Location.Image != "environment" || third.Location.OperatingSystem != "debian 12.13" {
		t.Errorf("%+v", third)
	}
	numbers := map[string]bool{}
	for _, one := range written.Vulnerabilities {
		numbers[one.ID] = true
	}
	if len(numbers) != len(written.Vulnerabilities) {
		t.Errorf("%d numbers for %d findings", len(numbers), len(written.Vulnerabilities))
	}
}

func TestGitLabOfNothing(t *testing.T) {
	text, err := GitLab(Report{}, "", now, now)
	if err != nil || !strings.Contains(string(text), `"vulnerabilities": []`) || strings.Contains(string(text), "null") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestIdentifier(t *testing.T) {
	for name, want := range map[string]string{"CVE-2024-1": "cve", "GHSA-a-b-c": "ghsa", "USN-1-1": "usn", "RUSTSEC-2021-0003": "rustsec", "": "trivy", "123": "trivy"} {
		got := identifier(name, "")
		if got.Type != want || got.Name == "" || got.Value == "" || got.URL != "" {
			t.Errorf("%q: %+v, want the type %s", name, got, want)
		}
	}
}
