package lineage

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Profile is what is known of one file of rows without keeping a row of it, as scripts/dataprofile.py writes it.
type Profile struct {
	Digest     string         `json:"digest"`     // of the file's bytes
	Rows       int            `json:"rows"`       // without the header
	RowsDigest string         `json:"rowsDigest"` // equal for the same rows in whatever order
	Columns    []Column       `json:"columns"`    // in the order of the file
	Labels     map[string]int `json:"labels,omitempty"`
}

// Column is a column of a table (.csv), or a named array (.npz).
type Column struct {
	Name    string   `json:"name"`
	Type    string   `json:"type"`            // integer, float or text; the dtype of an array
	Shape   []int    `json:"shape,omitempty"` // of an array's row; none for one value a row
	Missing int      `json:"missing,omitempty"`
	Minimum *float64 `json:"minimum,omitempty"` // of numbers that are finite
	Maximum *float64 `json:"maximum,omitempty"`
	Mean    *float64 `json:"mean,omitempty"`
}

// ReadProfiles decodes what scripts/dataprofile.py says of each file, by its path in the project.
func ReadProfiles(text []byte) (map[string]Profile, error) {
	var profiles map[string]Profile
	if err := json.Unmarshal(text, &profiles); err != nil {
		return nil, fmt.Errorf("the profile of the data: %w", err)
	}
	return profiles, nil
}

// checkProfiles reports digests that are none.
func (d Data) checkProfiles(digest func(key, value string, required bool)) {
	of := func(key string, profile Profile) {
		digest(key+".digest", profile.Digest, true)
		digest(key+".rowsDigest", profile.RowsDigest, true)
	}
	for _, path := range slices.Sorted(maps.Keys(d.Profile)) {
		of("data.profile."+path, d.Profile[path])
	}
	for _, path := range slices.Sorted(maps.Keys(d.HeldOut)) {
		of("data.heldOut."+path, d.HeldOut[path])
	}
}
