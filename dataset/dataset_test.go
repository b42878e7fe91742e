package dataset

import (
	"strings"
	"testing"
)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func TestLock(t *testing.T) {
	lock := Lock{"data": digest("a"), "data/held-out.csv": digest("b")}
	text, err := lock.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := ReadLock([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		now  Lock
		want []string
	}{
		{"as locked", Lock{"data": digest("a"), "data/held-out.csv": digest("b")}, nil},
		{"fewer than locked", Lock{"data": digest("a")}, nil},
		{"changed", Lock{"data": digest("c"), "data/held-out.csv": digest("b")}, []string{"data changed under the same name: it is " + digest("c"), "says " + digest("a")}},
		{"both changed", Lock{"data": digest("c"), "data/held-out.csv": digest("c")}, []string{"data changed", "data/held-out.csv changed"}},
		{"not named", Lock{"s3://bucket/rows": digest("a")}, []string{"data.lock does not name s3://bucket/rows; it names data, data/held-out.csv"}},
	} {
		err := read.Check(test.now)
		if (err == nil) != (test.want == nil) {
			t.Errorf("%s: got %v", test.name, err)
		}
		for _, want := range test.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", test.name, err, want)
			}
		}
	}
}

func TestReadLockRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "want a JSON object",
		"null":             "want a JSON object",
		"[]":               "want a JSON object",
		`{"data": 1}`:      "want a JSON object",
		`{"data": "md5:"}`: `the digest of "data" is "md5:"`,
		`{"data": "` + strings.ToUpper(digest("a")) + `"}`: "want sha256:",
	} {
		if _, err := ReadLock([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestReport(t *testing.T) {
	report, err := ReadReport([]byte(`{"files": 2, "rows": 9, "violations": [
  {"file": "data/a.csv", "column": "age", "rule": "less_than(9)", "rows": 7, "first": [1, 2, 5], "example": "12"},
  {"file": "data/a.csv", "column": "age", "rule": "no value may be missing", "rows": 1, "first": [4], "example": "nothing"},
  {"file": "data/b.csv", "column": "", "rule": "the file is missing", "rows": 0, "first": [], "example": ""},
  {"file": "data/c.npz", "column": "x", "rule": "the type is int8", "rows": 0, "first": [], "example": "int16"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `data/a.csv, column age: less_than(9): broken by 7 rows: 1, 2, 5, …; the first is 12
data/a.csv, column age: no value may be missing: broken by 1 row: 4; the first is nothing
data/b.csv: the file is missing
data/c.npz, column x: the type is int8: it is int16`
	if got := report.Reason(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := report.Summary(); got != "9 rows in 2 files, 4 rules of data-schema.yaml do not hold" {
		t.Errorf("got %q", got)
	}
	if good := (Report{Files: 1, Rows: 3}); good.Reason() != "" || good.Summary() != "3 rows in 1 file fit data-schema.yaml" {
		t.Errorf("got %q, %q", good.Reason(), good.Summary())
	}
	many := Report{Violations: make([]Violation, 100)}
	if lines := strings.Count(many.Reason(), "\n"); lines != 20 || !strings.HasSuffix(many.Reason(), "and 80 more") {
		t.Errorf("%d lines: %s", lines, many.Reason())
	}
	if _, err := ReadReport([]byte("{")); err == nil {
		t.Error("half a report was read")
	}
}
