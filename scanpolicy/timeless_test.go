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
	for _, text := range []string{"", "[]", "7", "{", "null"} {
		if _, err := Timeless([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func TestJoined(t *testing.T) {
	for _, test := range []struct{ report, rules, want string }{
		{`{"Results": [{"Target": "a", "Class": "secret", "Secrets": [{"RuleID": "s"}]}], "SchemaVersion": 2}`,
			`{"Results": [{"Target": "a", "Class": "lang-pkgs"}, {"Target": "b", "Class": "config", "Misconfigurations": [{"ID": "m"}]}], "SchemaVersion": 2}`,
			`{"Results":[{"Target":"a","Class":"secret","Secrets":[{"RuleID":"s"}]},{"Target":"b","Class":"config","Misconfigurations":[{"ID":"m"}]}],"SchemaVersion":2}`},
		{`{"SchemaVersion": 2}`, `{"Results": [{"Class": "config"}]}`, `{"Results":[{"Class":"config"}],"SchemaVersion":2}`},
		{`{"SchemaVersion": 2, "Results": [{"Class": "lang-pkgs"}]}`, `{}`, `{"Results":[{"Class":"lang-pkgs"}],"SchemaVersion":2}`},
		{`{}`, `{}`, `{"Results":null}`},
	} {
		got, err := Joined([]byte(test.report), []byte(test.rules))
		if err != nil || string(got) != test.want {
			t.Errorf("%s with %s: got %s (%v), want %s", test.report, test.rules, got, err, test.want)
		}
	}
	for _, text := range []string{"", "[]", "null", `{"Results": {}}`, `{"Results": [7]}`} {
		if _, err := Joined([]byte(text), []byte("{}")); err == nil {
			t.Errorf("%q was accepted", text)
		}
		if _, err := Joined([]byte("{}"), []byte(text)); err == nil {
			t.Errorf("%q was accepted as a report of misconfigurations", text)
		}
	}
}
