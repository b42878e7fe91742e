package config

import (
	"maps"
	"path"
	"regexp"
	"strings"

	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/scanpolicy"
)

// What can be scanned, and have rules of its own.
const (
	ScanEnvironment = "environment"
	ScanImage       = "image"
	ScanServing     = "serving"
	ScanModel       = "model"
	ScanSource      = "source"
)

var scanTargets = []string{ScanEnvironment, ScanImage, ScanServing, ScanModel, ScanSource}

// maxDatabaseDays is how old a vulnerability database can be allowed to be, for networks that are cut off.
const maxDatabaseDays = 90

// Scan is what the vulnerability scan refuses.
type Scan struct {
	Severity        []string // findings of these stop the gate
	IgnoreUnfixed   bool     // let pass what no version mends
	IgnoreFile      string
	Targets         map[string]ScanRules // what holds for one target in place of the two above
	DeniedLicenses  []string             // SPDX names
	Database        string               // reference of Trivy's vulnerability database in a registry
	MaxDatabaseDays int
	Registries      []string // where images may come from; empty for anywhere
	Unproven        []string // systems and languages whose packages are accepted although nothing proves that the scanner knows them
}

// ScanRules are the rules of one target; nil where the general ones hold.
type ScanRules struct {
	Severity      []string
	IgnoreUnfixed *bool
}

func defaultScan() Scan {
	return Scan{
		Severity:        []string{"HIGH", "CRITICAL"},
		IgnoreUnfixed:   true,
		IgnoreFile:      ".trivyignore.yaml",
		Database:        "mirror.gcr.io/aquasec/trivy-db:2",
		MaxDatabaseDays: 7,
	}
}

// For returns the rules of a target: its own where it has some.
func (s Scan) For(target string) (severity []string, ignoreUnfixed bool) {
	severity, ignoreUnfixed = s.Severity, s.IgnoreUnfixed
	rules := s.Targets[target]
	if rules.Severity != nil {
		severity = rules.Severity
	}
	if rules.IgnoreUnfixed != nil {
		ignoreUnfixed = *rules.IgnoreUnfixed
	}
	return severity, ignoreUnfixed
}

func (s *Scan) read(v value) {
	fields{
		"severity":          into(&s.Severity, severities),
		"ignore-unfixed":    into(&s.IgnoreUnfixed, boolean),
		"ignore-file":       into(&s.IgnoreFile, ignoreFile),
		"targets":           s.readTargets,
		"denied-licenses":   into(&s.DeniedLicenses, list(0, "a list of SPDX names, such as [AGPL-3.0-only]", license)),
		"database":          into(&s.Database, database),
		"max-database-days": into(&s.MaxDatabaseDays, whole(1, maxDatabaseDays)),
		"unproven":          into(&s.Unproven, list(0, "a list of systems and languages, such as [alpine, conda-pkg]", ecosystem)),
		"registries":        into(&s.Registries, list(0, "a list of registries, such as [docker.io, ghcr.io/my-team]", registry)),
	}.read(v)
}

func (s *Scan) readTargets(v value) {
	targets := maps.Clone(s.Targets)
	if targets == nil {
		targets = map[string]ScanRules{}
	}
	choices := fields{}
	for _, target := range scanTargets {
		choices[target] = func(v value) {
			rules := targets[target]
			fields{
				"severity": into(&rules.Severity, severities),
				"ignore-unfixed": func(v value) {
					if ignore, ok := boolean(v); ok {
						rules.IgnoreUnfixed = &ignore
					}
				},
			}.read(v)
			targets[target] = rules
		}
	}
	choices.read(v)
	s.Targets = targets
}

func severities(v value) ([]string, bool) {
	return list(1, "a list such as [HIGH, CRITICAL]", oneOf(scanpolicy.Severities...))(v)
}

// ignoreFile reads the path of a file in YAML: Trivy takes any other for its older form, which has no reasons.
func ignoreFile(v value) (string, bool) {
	return text("a .yaml file inside the project, such as .trivyignore.yaml", func(s string) (string, string) {
		kept, wrong := belowProject(s)
		if extension := path.Ext(kept); wrong == "" && extension != ".yaml" && extension != ".yml" {
			wrong = shown(s) + " is no YAML file"
		}
		return kept, wrong
	})(v)
}

// database reads a reference; its tag is the database's schema, and its content changes every day.
func database(v value) (string, bool) {
	return text("a reference such as registry.example.com/aquasec/trivy-db:2", func(s string) (string, string) {
		if _, err := imageref.Parse(s); err != nil {
			return "", err.Error()
		}
		return s, ""
	})(v)
}

var (
	licenseForm  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.+-]{0,99}$`)
	systemForm   = regexp.MustCompile(`^[a-z][a-z0-9-]{0,49}(?: [A-Za-z0-9._-]{1,49})?$`)
	registryForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?(?:/[a-z0-9][a-z0-9._-]*)*/?$`)
)

func license(v value) (string, bool) {
	return text("an SPDX name, such as AGPL-3.0-only", func(s string) (string, string) {
		if !licenseForm.MatchString(s) {
			return "", shown(s) + " is no name of a license"
		}
		return s, ""
	})(v)
}

func ecosystem(v value) (string, bool) {
	return text("a system or language as a scan's verdict calls it, such as alpine", func(s string) (string, string) {
		if !systemForm.MatchString(s) {
			return "", shown(s) + " is no name of a system or language"
		}
		return s, ""
	})(v)
}

func registry(v value) (string, bool) {
	return text("a registry or a part of one, such as docker.io or ghcr.io/my-team", func(s string) (string, string) {
		if len(s) > maxPath || !registryForm.MatchString(s) {
			return "", shown(s) + " is no registry"
		}
		return strings.TrimSuffix(s, "/"), ""
	})(v)
}
