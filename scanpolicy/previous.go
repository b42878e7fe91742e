package scanpolicy

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Previous is what an earlier bill of materials already said.
type Previous struct {
	known map[string]bool
}

// ReadPrevious reads a CycloneDX bill of materials with its vulnerabilities, such as an earlier sbom.cdx.json.
func ReadPrevious(text []byte) (*Previous, error) {
	var read struct {
		BOMFormat  string
		Components []struct {
			Ref  string `json:"bom-ref"`
			Name string
		}
		Vulnerabilities []struct {
			ID      string
			Affects []struct{ Ref string }
		}
	}
	if err := json.Unmarshal(text, &read); err != nil {
		return nil, fmt.Errorf("the previous bill of materials is no JSON: %w", err)
	}
	if read.BOMFormat != "CycloneDX" {
		return nil, fmt.Errorf("the previous bill of materials is no CycloneDX file (bomFormat is %q): give the sbom.cdx.json of an earlier scan", read.BOMFormat)
	}
	names := map[string]string{}
	for _, component := range read.Components {
		names[component.Ref] = component.Name
	}
	previous := &Previous{known: map[string]bool{}}
	for _, vulnerability := range read.Vulnerabilities {
		for _, affected := range vulnerability.Affects {
			// A reference into another bill is a link whose last part is the reference itself.
			ref := affected.Ref[strings.LastIndexByte(affected.Ref, '#')+1:]
			previous.known[vulnerability.ID+" "+names[ref]] = true
		}
	}
	return previous, nil
}

// has tells whether the same was found in the same package, of whatever version; only vulnerabilities are in a bill.
func (p *Previous) has(finding Finding) bool {
	return finding.Kind != Vulnerability || p.known[finding.ID+" "+finding.Package]
}
