package scanpolicy

import (
	"encoding/json"
	"fmt"
)

// Timeless is Trivy's JSON report without the moment and the number of the scan: two scans that find the same are then
// equal, and what is made from the one need not be made again from the other.
func Timeless(report []byte) ([]byte, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(report, &fields); err != nil {
		return nil, fmt.Errorf("the scanner's report is no JSON object: %w", err)
	}
	delete(fields, "CreatedAt")
	delete(fields, "ReportID")
	return json.MarshalIndent(fields, "", "  ")
}
