package main

import (
	"slices"
	"strings"
	"testing"
)

func TestFuzzTargets(t *testing.T) {
	root, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	targets, err := fuzzTargets(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []fuzzTarget{{"config", "FuzzSettings"}, {"imageref", "FuzzParse"}, {"lineage", "FuzzRead"}} {
		if !slices.Contains(targets, want) {
			t.Errorf("%v is not among %v", want, targets)
		}
	}
}

func TestTried(t *testing.T) {
	for log, want := range map[string]string{
		"": "none",
		"fuzz: elapsed: 3s, execs: 100 (33/sec), new interesting: 1\nfuzz: elapsed: 6s, execs: 250 (50/sec), new interesting: 2\nPASS\n": "250",
	} {
		if got := tried(log); got != want {
			t.Errorf("%q: %s, want %s", log, got, want)
		}
	}
}

func TestRanOut(t *testing.T) {
	for log, want := range map[string]bool{
		"--- FAIL: FuzzParse (71.19s)\n    context deadline exceeded\nFAIL\n":                                     true,
		"--- FAIL: FuzzParse (1s)\n  x_test.go:1: context deadline exceeded\n  Failing input written to testdata": false,
		"--- FAIL: FuzzParse (1s)\n  panic: x\n":                                                                  false,
	} {
		if ranOut(log) != want {
			t.Errorf("%q: want %t", log, want)
		}
	}
}

func TestFuzzed(t *testing.T) {
	all := func() []fuzzTarget {
		return []fuzzTarget{{"config", "FuzzParse"}, {"grid", "FuzzParse"}, {"gate", "FuzzJudge"}}
	}
	for _, test := range []struct {
		only []string
		want []fuzzTarget
	}{
		{nil, all()},
		{[]string{"gate/"}, []fuzzTarget{{"gate", "FuzzJudge"}}},
		{[]string{"grid/", "Parse"}, []fuzzTarget{{"config", "FuzzParse"}, {"grid", "FuzzParse"}}},
	} {
		if got, err := fuzzed(all(), test.only); err != nil || !slices.Equal(got, test.want) {
			t.Errorf("--only %q: got %v, %v; want %v", test.only, got, err, test.want)
		}
	}
	_, err := fuzzed(all(), []string{"gate/", "nothing"})
	if err == nil || !strings.Contains(err.Error(), `--only "nothing": no target`) || !strings.Contains(err.Error(), "grid/FuzzParse") {
		t.Errorf("a text that no name holds: got %v", err)
	}
}
