package config

import (
	"slices"
	"testing"
)

func TestScanFor(t *testing.T) {
	scan := defaultScan()
	scan.Targets = map[string]ScanRules{
		ScanServing: {Severity: []string{"CRITICAL"}},
		ScanSource:  {IgnoreUnfixed: of(false)},
	}
	for target, want := range map[string]struct {
		severity []string
		unfixed  bool
	}{
		ScanEnvironment: {[]string{"HIGH", "CRITICAL"}, true},
		ScanServing:     {[]string{"CRITICAL"}, true},
		ScanSource:      {[]string{"HIGH", "CRITICAL"}, false},
	} {
		severity, unfixed := scan.For(target)
		if !slices.Equal(severity, want.severity) || unfixed != want.unfixed {
			t.Errorf("%s: %v, ignore-unfixed %t; want %v, %t", target, severity, unfixed, want.severity, want.unfixed)
		}
	}
}
