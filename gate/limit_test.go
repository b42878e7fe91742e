package gate

import (
	"math"
	"strings"
	"testing"
)

func TestLimit(t *testing.T) {
	for _, test := range []struct {
		text            string
		lowest, highest float64
		want            float64
		says            string // of an error; empty for none
	}{
		{"1e-7", 0, 1, 1e-7, ""},
		{"0", 0, math.Inf(1), 0, ""},
		{"1", 0, 1, 1, ""},
		{"1.5", 0, 1, 0, `--most is "1.5": want a number from 0 to 1, such as 0.5`},
		{"-0.1", 0, math.Inf(1), 0, `--most is "-0.1": want a number from 0 up, such as 0.5`},
		{"0.0001", 0.001, 1e6, 0, "from 0.001 to 1e+06"},
		{"NaN", 0, math.Inf(1), 0, `"NaN"`},
		{"Inf", 0, math.Inf(1), 0, `"Inf"`},
		{"1e999", 0, math.Inf(1), 0, `"1e999"`},
		{"a\n$(id)", 0, 1, 0, `"a\n$(id)"`},
		{strings.Repeat("9", 10_000), 0, 1, 0, `"999`},
	} {
		got, err := Limit("most", test.text, test.lowest, test.highest, "0.5")
		switch {
		case test.says == "" && (err != nil || *got != test.want):
			t.Errorf("%q: got %v, %v, want %g", test.text, got, err, test.want)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || len(err.Error()) > 200):
			t.Errorf("%q: got the error %v, want one that says %s", test.text, err, test.says)
		}
	}
	if got, err := Limit("most", "", 0, 1, "0.5"); got != nil || err != nil {
		t.Errorf("no limit: got %v, %v", got, err)
	}
}
