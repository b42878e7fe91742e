package scanpolicy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// gitLabVersion is that of the report's schema. GitLab looks at a report by the schema of the version that it names.
const gitLabVersion = "15.0.7"

// The longest texts, in characters, that GitLab takes.
const (
	gitLabName        = 255
	gitLabDescription = 1048576
	gitLabSolution    = 7000
)

// The parts of GitLab's container scanning report that are written.
type (
	gitLabReport struct {
		Version         string          `json:"version"`
		Scan            gitLabScan      `json:"scan"`
		Vulnerabilities []gitLabFinding `json:"vulnerabilities"`
		Remediations    []struct{}      `json:"remediations"`
	}
	gitLabScan struct {
		Analyzer  gitLabTool `json:"analyzer"`
		Scanner   gitLabTool `json:"scanner"`
		Type      string     `json:"type"`
		StartTime string     `json:"start_time"`
		EndTime   string     `json:"end_time"`
		Status    string     `json:"status"`
	}
	gitLabTool struct {
		ID      string       `json:"id"`
		Name    string       `json:"name"`
		URL     string       `json:"url,omitempty"`
		Vendor  gitLabVendor `json:"vendor"`
		Version string       `json:"version"`
	}
	gitLabVendor struct {
		Name string `json:"name"`
	}
	gitLabFinding struct {
		ID          string             `json:"id"`
		Name        string             `json:"name"`
		Description string             `json:"description"`
		Severity    string             `json:"severity"`
		Solution    string             `json:"solution"`
		Identifiers []gitLabIdentifier `json:"identifiers"`
		Links       []gitLabLink       `json:"links"`
		Location    gitLabLocation     `json:"location"`
	}
	gitLabIdentifier struct {
		Type  string `json:"type"`
		Name  string `json:"name"`
		Value string `json:"value"`
		URL   string `json:"url,omitempty"`
	}
	gitLabLink struct {
		URL string `json:"url"`
	}
	gitLabLocation struct {
		Dependency      gitLabDependency `json:"dependency"`
		OperatingSystem string           `json:"operating_system"`
		Image           string           `json:"image"`
	}
	gitLabDependency struct {
		Package gitLabPackage `json:"package"`
		Version string        `json:"version"`
	}
	gitLabPackage struct {
		Name string `json:"name"`
	}
)

// GitLab is a report in the form that GitLab shows in its merge requests and dashboards, for the vulnerabilities in an
// image. Trivy's own template writes texts that are too long for GitLab, and some that are no JSON.
func GitLab(report Report, image string, began, ended time.Time) ([]byte, error) {
	trivy := gitLabTool{
		ID: "trivy", Name: "Trivy", URL: "https://trivy.dev", Vendor: gitLabVendor{"Aqua Security"}, Version: orUnknown(report.Trivy),
	}
	written := gitLabReport{
		Version: gitLabVersion,
		Scan: gitLabScan{
			Analyzer: trivy, Scanner: trivy, Type: "container_scanning", Status: "success",
			StartTime: began.UTC().Format("2006-01-02T15:04:05"), EndTime: ended.UTC().Format("2006-01-02T15:04:05"),
		},
		Vulnerabilities: []gitLabFinding{},
		Remediations:    []struct{}{},
	}
	for _, finding := range report.Findings {
		if finding.Kind == Vulnerability {
			written.Vulnerabilities = append(written.Vulnerabilities, finding.gitLab(orUnknown(report.OS), orUnknown(image)))
		}
	}
	return json.MarshalIndent(written, "", "  ")
}

func (f Finding) gitLab(system, image string) gitLabFinding {
	solution := "No version without it is published"
	if f.Fixed != "" {
		solution = "Upgrade " + f.Package + " to " + f.Fixed
	}
	description := f.About.Description
	if description == "" {
		description = f.Title
	}
	written := gitLabFinding{
		ID:          f.number(),
		Name:        shortened(f.Title, gitLabName),
		Description: shortened(description, gitLabDescription),
		Severity:    gitLabSeverity(f.Severity),
		Solution:    shortened(solution, gitLabSolution),
		Identifiers: []gitLabIdentifier{identifier(f.ID, f.About.Page)},
		Links:       []gitLabLink{},
		Location:    gitLabLocation{gitLabDependency{gitLabPackage{f.Package}, f.Version}, system, image},
	}
	for _, other := range f.About.Advisories {
		if other != "" && other != f.ID {
			written.Identifiers = append(written.Identifiers, identifier(other, ""))
		}
	}
	for _, address := range f.About.References {
		if webAddress.MatchString(address) {
			written.Links = append(written.Links, gitLabLink{address})
		}
	}
	return written
}

// number is the same for the same finding in each scan, and that of no other finding.
func (f Finding) number() string {
	sum := sha256.Sum256([]byte(strings.Join([]string{f.ID, f.Package, f.Version, f.Place, f.PURL}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

var (
	webAddress = regexp.MustCompile(`^(https?|ftp)://.+`)
	// advisoryKind is how the name of an advisory begins, which GitLab knows as its type: CVE, GHSA, USN, DSA, DLA, RUSTSEC.
	advisoryKind = regexp.MustCompile(`^[A-Za-z]+`)
)

func identifier(name, page string) gitLabIdentifier {
	kind := strings.ToLower(advisoryKind.FindString(name))
	if kind == "" {
		kind = "trivy"
	}
	if !webAddress.MatchString(page) {
		page = ""
	}
	name = orUnknown(name)
	return gitLabIdentifier{Type: kind, Name: name, Value: name, URL: page}
}

// gitLabSeverity is Trivy's word in GitLab's writing; every other is Unknown.
func gitLabSeverity(severity string) string {
	switch severity {
	case "LOW":
		return "Low"
	case "MEDIUM":
		return "Medium"
	case "HIGH":
		return "High"
	case "CRITICAL":
		return "Critical"
	}
	return "Unknown"
}

// shortened cuts a text to so many characters, and says that it did.
func shortened(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

func orUnknown(text string) string {
	if text == "" {
		return "Unknown"
	}
	return text
}
