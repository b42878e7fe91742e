package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed testdata/gitlab-container-scanning.schema.json
var gitLabSchema []byte

// gitLabTakes wants a report that GitLab would show, not only one that is JSON.
func gitLabTakes(report []byte) error {
	schema, err := jsonschema.UnmarshalJSON(bytes.NewReader(gitLabSchema))
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("gitlab.json", schema); err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	compiled, err := compiler.Compile("gitlab.json")
	if err != nil {
		return fmt.Errorf("the schema: %w", err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(report))
	if err != nil {
		return fmt.Errorf("the report is no JSON: %w", err)
	}
	return compiled.Validate(value)
}

// gitLabReport checks a report with vulnerabilities, and that the same check refuses it when it is broken in any of the
// ways for which GitLab drops a report.
func gitLabReport(report []byte) error {
	if err := gitLabTakes(report); err != nil {
		return err
	}
	for name, spoil := range map[string]func(report, finding map[string]any){
		"no version":             func(report, _ map[string]any) { delete(report, "version") },
		"another version":        func(report, _ map[string]any) { report["version"] = "15" },
		"no scan":                func(report, _ map[string]any) { delete(report, "scan") },
		"a time with a zone":     func(report, _ map[string]any) { report["scan"].(map[string]any)["end_time"] = "2026-11-24T12:00:00Z" },
		"no list of findings":    func(report, _ map[string]any) { report["vulnerabilities"] = nil },
		"a finding by no name":   func(_, finding map[string]any) { finding["identifiers"] = []any{} },
		"a finding without id":   func(_, finding map[string]any) { delete(finding, "id") },
		"a finding nowhere":      func(_, finding map[string]any) { delete(finding, "location") },
		"a severity in capitals": func(_, finding map[string]any) { finding["severity"] = "HIGH" },
		"a name that is too long": func(_, finding map[string]any) {
			finding["name"] = strings.Repeat("x", 256)
		},
		"a link to nowhere": func(_, finding map[string]any) {
			finding["links"] = []any{map[string]any{"url": "see there"}}
		},
	} {
		var spoiled map[string]any
		if err := json.Unmarshal(report, &spoiled); err != nil {
			return err
		}
		findings, _ := spoiled["vulnerabilities"].([]any)
		if len(findings) == 0 {
			return fmt.Errorf("the report has no finding by which to try the check")
		}
		spoil(spoiled, findings[0].(map[string]any))
		text, err := json.Marshal(spoiled)
		if err != nil {
			return err
		}
		if gitLabTakes(text) == nil {
			return fmt.Errorf("a report with %s passes the check as well", name)
		}
	}
	return nil
}
