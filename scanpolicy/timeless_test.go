package scanpolicy

import (
	"bytes"
	"testing"
)

func TestTimeless(t *testing.T) {
	first, err := Timeless([]byte(`{"SchemaVersion": 2, "ReportID": "1", "CreatedAt": "2026-11-24T10:00:00Z", "Results": [{"Target": "a"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Timeless([]byte(`{"CreatedAt": "2026-11-25T10:00:00Z", "ReportID": "2", "Results": [{"Target": "a"}], "SchemaVersion": 2}`))
	if err != nil || !bytes.Equal(first, second) {
		t.Errorf("two scans that found the same differ: %s, %s (%v)", first, second, err)
	}
	other, err := Timeless([]byte(`{"SchemaVersion": 2, "Results": [{"Target": "b"}]}`))
	if err != nil || bytes.Equal(first, other) {
		t.Errorf("two scans that found different things are equal (%v)", err)
	}
	for _, text := range []string{"", "[]", "7", "{"} {
		if _, err := Timeless([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
