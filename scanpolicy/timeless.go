package scanpolicy

import (
	"encoding/json"
	"fmt"
)

// fields is Trivy's JSON report with its parts as they are.
type fields map[string]json.RawMessage

func readFields(report []byte) (fields, error) {
	var read fields
	if err := json.Unmarshal(report, &read); err != nil {
		return nil, fmt.Errorf("the scanner's report is no JSON object: %w", err)
	}
	if read == nil {
		return nil, fmt.Errorf("the scanner's report is no JSON object: %.20s", report)
	}
	return read, nil
}

// Timeless is Trivy's JSON report without the moment and the number of the scan: two scans that find the same are then
// equal, and what is made from the one need not be made again from the other.
func Timeless(report []byte) ([]byte, error) {
	read, err := readFields(report)
	if err != nil {
		return nil, err
	}
	delete(read, "CreatedAt")
	delete(read, "ReportID")
	return json.MarshalIndent(read, "", "  ")
}

// Joined is Trivy's JSON report of a folder with another report's misconfigurations: two scans that look for different things
// are then one. What else the other report lists, such as packages, the first has too.
func Joined(report, misconfigurations []byte) ([]byte, error) {
	joined, err := readFields(report)
	if err != nil {
		return nil, err
	}
	other, err := readFields(misconfigurations)
	if err != nil {
		return nil, err
	}
	found, err := joined.results(func(class string) bool { return class != configuration })
	if err != nil {
		return nil, err
	}
	more, err := other.results(func(class string) bool { return class == configuration })
	if err != nil {
		return nil, err
	}
	if joined["Results"], err = json.Marshal(append(found, more...)); err != nil {
		return nil, err
	}
	return json.Marshal(joined)
}

// configuration is Trivy's class of a result with misconfigurations.
const configuration = "config"

// results are those results of a report whose class is wanted, as they are.
func (f fields) results(wanted func(class string) bool) ([]json.RawMessage, error) {
	text, present := f["Results"]
	if !present {
		return nil, nil
	}
	var all, kept []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("the scanner's report has no list of results: %w", err)
	}
	for _, result := range all {
		var kind struct{ Class string }
		if err := json.Unmarshal(result, &kind); err != nil {
			return nil, fmt.Errorf("the scanner's report has a result that is none: %w", err)
		}
		if wanted(kind.Class) {
			kept = append(kept, result)
		}
	}
	return kept, nil
}
