package grid

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func of(value float64) *float64 { return &value }

func cell(epochs string) Cell { return Cell{{"train.args.epochs", epochs}} }

var table = Table{
	{Cell: cell("1"), Metrics: map[string]*float64{"accuracy": of(0.7), "loss": of(0.6)}, Digest: "sha256:0123456789abcdef", Gate: "accuracy is 0.7,\nbelow"},
	{Cell: cell("10"), Metrics: map[string]*float64{"accuracy": of(0.9), "loss": of(0.3)}, Digest: "sha256:aa"},
	{Cell: cell("a|b\n"), Err: errors.New("training: train.py exited with status 2\nIts last output: <x>")},
	{Cell: cell("20"), Metrics: map[string]*float64{"accuracy": of(0.9), "loss": of(0.2)}, Digest: "sha256:bb"},
	{Cell: cell("30"), Metrics: map[string]*float64{"accuracy": nil, "loss": of(0.9)}, Digest: "sha256:cc"},
}

func TestBest(t *testing.T) {
	failed := Table{{Err: errors.New("x")}, {Err: errors.New("y")}}
	for _, test := range []struct {
		table  Table
		metric string
		want   int
		err    string
	}{
		{table, "accuracy", 1, ""},
		{table, "loss", 3, ""},
		{table, "auc", 0, `"auc" was not measured; measured: accuracy, loss`},
		{failed, "accuracy", 0, "no cell has a model: all 2 failed"},
		{table[:1], "accuracy", 0, "no cell has a finite accuracy and holds its gate (0 of 1 failed)"},
		{table[4:], "accuracy", 0, "no cell has a finite accuracy"},
	} {
		got, err := test.table.Best(test.metric)
		if got != test.want || (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) {
			t.Errorf("%s of %d: got %d, %v, want %d, %s", test.metric, len(test.table), got, err, test.want, test.err)
		}
	}
}

func TestErr(t *testing.T) {
	want := "1 of 5 cells failed:\n  cell 3 (args.epochs=\"a|b\\n\"): training: train.py exited with status 2"
	if err := table.Err(); err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	if err := table[:2].Err(); err != nil {
		t.Error(err)
	}
}

func TestMarkdown(t *testing.T) {
	const want = `| cell | args.epochs | accuracy | loss | model | verdict |
| --- | --- | --- | --- | --- | --- |
| 1 | 1 | 0.7 | 0.6 | 0123456789ab | stopped: accuracy is 0.7, |
| **2** | 10 | 0.9 | 0.3 | aa | passed, best accuracy |
| 3 | "a\|b\\n" |  |  |  | failed: training: train.py exited with status 2 |
| 4 | 20 | 0.9 | 0.2 | bb | passed |
| 5 | 30 | not finite | 0.9 | cc | passed |
`
	if got := table.Markdown("accuracy"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := table.Markdown("loss"); !strings.HasPrefix(got, "| cell | args.epochs | loss | accuracy |") {
		t.Errorf("got %s", got)
	}
}

func TestJSON(t *testing.T) {
	text, err := table.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Cell            int
		Parameters      map[string]string
		Metrics         map[string]*float64
		CanonicalDigest string
		Passed          bool
		Reason, Error   string
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(table) || rows[1].Parameters["train.args.epochs"] != "10" || *rows[1].Metrics["loss"] != 0.3 || !rows[1].Passed {
		t.Errorf("got %s", text)
	}
	if rows[0].Passed || rows[0].Reason == "" || rows[2].Passed || !strings.Contains(rows[2].Error, "last output") || rows[2].Cell != 3 {
		t.Errorf("got %s", text)
	}
}
