package grid

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dagger/tensorflow-ci/config"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		text  string
		names []string
	}{
		{"train.seed: [7]", []string{"seed=7"}},
		{"train.seed: [7, 8]\ntrain.args.epochs: [1, 2]", []string{
			"seed=7, args.epochs=1", "seed=7, args.epochs=2", "seed=8, args.epochs=1", "seed=8, args.epochs=2",
		}},
		{"train.args.b: [1]\ntrain.args.a: [0.10, 1e-3, true, x]", []string{"args.b=1, args.a=0.10", "args.b=1, args.a=1e-3", "args.b=1, args.a=true", "args.b=1, args.a=x"}},
		{"---\n# three odd texts\ntrain.args.name: ['', 'a b', \"a=b\\n$(id)\"]", []string{`args.name=""`, `args.name="a b"`, `args.name="a=b\n$(id)"`}},
		{"train.args.name: [" + strings.Repeat("x", 61) + "]", []string{`args.name="` + strings.Repeat("x", 60) + `…"`}},
		{"train.args.a: [" + numbers(1000) + "]", nil},
	} {
		cells, err := Parse([]byte(test.text))
		if err != nil {
			t.Errorf("%.60q: %v", test.text, err)
			continue
		}
		if test.names == nil {
			continue
		}
		var names []string
		for _, cell := range cells {
			names = append(names, cell.String())
			if _, err := config.Default().Override(cell.Settings()); err != nil {
				t.Errorf("%.60q: the settings of %s are no settings: %v", test.text, cell, err)
			}
		}
		if !slices.Equal(names, test.names) {
			t.Errorf("%.60q: got %q\nwant %q", test.text, names, test.names)
		}
	}
}

func TestCellsDoNotShareTheirParameters(t *testing.T) {
	cells, err := Parse([]byte("train.args.a: [1]\ntrain.args.b: [1]\ntrain.args.c: [1]\ntrain.args.d: [1, 2]\ntrain.args.e: [1, 2]"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"train.args.a=1", "train.args.b=1", "train.args.c=1", "train.args.d=1", "train.args.e=2"}
	if got := cells[1].Settings(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"", "grid: the file is empty; allowed: a mapping of train.args.NAME"},
		{"# nothing", "grid: the file is empty"},
		{"null", `grid: line 1: "null" is no grid`},
		{"{}", "grid: line 1: a mapping is no grid"},
		{"[1, 2]", "grid: line 1: a list is no grid"},
		{"a: [", "grid: this is not YAML: "},
		{"train.seed: [1]\n---\ntrain.seed: [2]", "grid: a second document begins"},
		{"epochs: [1]", `grid: line 1: "epochs" is no setting of a grid; allowed: a mapping of train.args.NAME and train.seed`},
		{"train: {seed: [1]}", `grid: line 1: "train" is no setting`},
		{"train.workers: [1]", `grid: line 1: "train.workers" is no setting`},
		{"train.args.A: [1]", `grid: line 1: "train.args.A" is no setting`},
		{"train.args.: [1]", `grid: line 1: "train.args." is no setting`},
		{"[a]: [1]", "grid: line 1: a list is no setting"},
		{"<<: [1]", `grid: line 1: "<<" is no setting`},
		{"train.seed: [1]\ntrain.seed: [2]", "grid: line 2: train.seed is there twice"},
		{"train.seed: 7", `grid: line 1: train.seed: "7" is no list`},
		{"train.seed:", `grid: line 1: train.seed: "" is no list`},
		{"train.seed: {a: 1}", "grid: line 1: train.seed: a mapping is no list"},
		{"train.seed: []", "grid: line 1: train.seed: the list is empty"},
		{"train.seed: [1, 2, 1]", `grid: line 1: train.seed: "1" is there twice`},
		{"train.args.a:\n- 1\n- [2]", "grid: line 3: train.args.a: a list is no value"},
		{"train.args.a: [null]", `grid: line 1: train.args.a: "null" is no value`},
		{"train.args.a: [&x 1, *x]", "grid: line 1: train.args.a: the alias *x is no value"},
		{"train.args.a: [\"true\"]", `grid: line 1: train.args.a: the word "true" cannot be passed`},
		{"train.args.a: [" + numbers(1001) + "]", "the grid has 1001 cells; allowed: up to 1000"},
		{"train.args.a: [" + numbers(100) + "]\ntrain.args.b: [" + numbers(11) + "]", "grid: line 2: with the 11 values of train.args.b the grid has 1100 cells"},
		{strings.Repeat("#", 1<<20+1), "grid: the file has 1048577 bytes"},
	} {
		if cells, err := Parse([]byte(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%.60q: got %d cells, %v\nwant %s", test.text, len(cells), err, test.want)
		}
	}
}

func numbers(count int) string {
	texts := make([]string, count)
	for at := range texts {
		texts[at] = fmt.Sprint(at)
	}
	return strings.Join(texts, ", ")
}

// FuzzParse holds that a grid is refused in one line that says what is allowed or where it breaks, or has cells that are
// named in one line each, no two of them alike, and set as many settings each.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"train.seed: [1, 2]\ntrain.args.a: [x, true]", "a: &a [*a]", "? [1]\n: 2", "train.seed: !!binary x", "train.args.a: [\"a\\nb\", 'x=y', \"\\u2028\"]",
		"train.seed: [1, 01, 0x1]", "train.args.a: [1]\ntrain.args.a: [2]", "train.args.a: [\"true\"]", "---\n", "\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		cells, err := Parse([]byte(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "grid: ") || strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("refused with %q", err)
			}
			return
		}
		if len(cells) == 0 || len(cells) > MaxCells {
			t.Errorf("%d cells", len(cells))
		}
		seen := map[string]bool{}
		for _, cell := range cells {
			if strings.ContainsFunc(cell.String(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("%q is more than one line", cell.String())
			}
			settings := cell.Settings()
			if len(settings) != len(cells[0]) || seen[strings.Join(settings, "\x00")] {
				t.Errorf("cell %q sets %q, as another does or not as much", cell, settings)
			}
			seen[strings.Join(settings, "\x00")] = true
			for at, pair := range settings {
				key, value, _ := strings.Cut(pair, "=")
				if key != cell[at].Key || value != cell[at].Value || !keyForm.MatchString(key) {
					t.Errorf("%q sets %q", cell[at], pair)
				}
			}
		}
	})
}
