package dagger

import (
	"strings"
	"testing"
)

func TestExplain(t *testing.T) {
	for _, message := range []string{
		"incompatible engine version v0.18.4",
		`start engine: unexpected status 500: incompatible client version v0.18.4`,
		"failed to load module: module requires dagger v0.22.0, but you have v0.21.8",
	} {
		got := Explain(message)
		if !strings.Contains(got, "v0.21.8 and v0.20.8, which are tested") || strings.Contains(got, "status 500") {
			t.Errorf("%q: got %q", message, got)
		}
	}
	if other := "gate: accuracy is 0.9, want at least 0.95"; Explain(other) != other {
		t.Errorf("another failure is changed: %q", Explain(other))
	}
}
