package drill

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAllHaveNames(t *testing.T) {
	seen := map[string]bool{}
	for _, one := range All() {
		if one.Name == "" || one.Fault == "" || one.run == nil || strings.ContainsAny(one.Name, " ,") || seen[one.Name] {
			t.Errorf("%+v", one)
		}
		seen[one.Name] = true
	}
}

func TestSelect(t *testing.T) {
	all := []Drill{{Name: "a"}, {Name: "b"}, {Name: "c"}}
	for _, test := range []struct {
		only []string
		want string
		err  string
	}{
		{nil, "a b c", ""},
		{[]string{"c", "a"}, "a c", ""},
		{[]string{"d"}, "", "--only d: want some of a, b, c"},
	} {
		selected, err := Select(all, test.only)
		var names []string
		for _, one := range selected {
			names = append(names, one.Name)
		}
		if got := strings.Join(names, " "); got != test.want || (err == nil) != (test.err == "") || err != nil && err.Error() != test.err {
			t.Errorf("%v: %q, %v", test.only, got, err)
		}
	}
}

// scripted is a drill that ends in a given way.
func scripted(name string, account Account, err error) Drill {
	return Drill{Name: name, Fault: "fault " + name, run: func(context.Context, *Site) (Account, error) { return account, err }}
}

func TestRunAndTable(t *testing.T) {
	drills := []Drill{
		scripted("good", Account{"error: it broke: do this\nand that", 1500 * time.Millisecond}, nil),
		scripted("bad", Account{Saw: "error: " + strings.Repeat("é", 200)}, errors.New("the model is another\none")),
		scripted("absent", Account{}, fmt.Errorf("a disk: %w", notDone{"no loop devices"})),
	}
	results := Run(t.Context(), nil, drills, io.Discard)
	var out bytes.Buffer
	if err := Table(&out, results); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"fault good    it broke: do this ", " yes                        1.5\n", "é… ", " NO: the model is another   -\n", "fault absent ", " not done: no loop devices  -\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, out.String())
		}
	}
	if err := Err(results); err == nil || err.Error() != "1 of 3 drills ended wrongly: bad; the lines above say how" {
		t.Error(err)
	}
	if err := Err(results[2:]); err != nil {
		t.Error(err)
	}
	text, err := JSON(results)
	if err != nil || !strings.Contains(string(text), `"saw": "error: it broke: do this\nand that"`) || !strings.Contains(string(text), `"seconds": 1.5`) {
		t.Errorf("%v\n%s", err, text)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stopped := Drill{Name: "b", run: func(context.Context, *Site) (Account, error) { cancel(); return Account{}, ctx.Err() }}
	if results := Run(ctx, nil, []Drill{scripted("a", Account{}, nil), stopped, scripted("c", Account{}, nil)}, io.Discard); len(results) != 1 {
		t.Errorf("%+v", results)
	}
}

func TestClear(t *testing.T) {
	for _, test := range []struct {
		message      string
		status, want int
		says         string
		refused      string
	}{
		{"error: the engine stopped: ci up", 1, 1, "ci up", ""},
		{"interrupted: go on", 130, 130, "interrupted", ""},
		{"", 0, 0, "", ""},
		{"error: x", 0, 1, "x", "exit status 0, want 1"},
		{"error: x", 1, 0, "", "exit status 1, want 0"},
		{"error: x", 1, 1, "y", `lacks "y"`},
		{"x", 1, 1, "x", "does not begin"},
		{"error: x\n\ngoroutine 1 [running]:", 1, 1, "x", `holds "goroutine "`},
		{"error: panic: nil", 1, 1, "", `holds "panic: "`},
	} {
		err := clear(test.message, test.status, test.want, []string{test.says})
		if (err == nil) != (test.refused == "") || err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%q: %v, want %q", test.message, err, test.refused)
		}
	}
}

func TestPhases(t *testing.T) {
	const log = `8   : load workspace: .
87  : ┆ withNewFile /line/install.py (
87  : ┆ ┆ contents: "Using Python\n1 : withExec python3 /line/pytests.py\n| Epoch 10/50"
88  : ┆ withExec python3 /line/install.py --requirements /line/project/requirements.txt
`
	for _, test := range []struct {
		phase phase
		line  string
	}{
		{installing, "139 : ┆ ┆ [0.5s] | Using Python 3.11.2 environment at: /usr"},
		{tests, "155 : ┆ withExec python3 /line/pytests.py --out /out"},
		{training, "246 : ┆ [4.0s] | Epoch 10/50"},
		{exporting, "261 : ┆ withExec python3 /line/step.py --name tflite --record /out/run.json"},
	} {
		if test.phase.line.MatchString(log) {
			t.Errorf("%s is found too early", test.phase.name)
		}
		if !test.phase.line.MatchString(log + test.line + "\n") {
			t.Errorf("%s is not found", test.phase.name)
		}
	}
	if !loading.line.MatchString(log) {
		t.Error("load is not found")
	}
}

func TestWhole(t *testing.T) {
	parent := t.TempDir()
	out := filepath.Join(parent, "out")
	if err := whole(out, "nothing"); err != nil {
		t.Error(err)
	}
	if err := os.MkdirAll(filepath.Join(out, "model"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := whole(out, "nothing"); err == nil {
		t.Error("a result that was not there is no change")
	}
	before, err := tree(out)
	if err != nil {
		t.Fatal(err)
	}
	if err := whole(out, before); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(filepath.Join(parent, ".out.unfinished-1"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := whole(out, before); err == nil || !strings.Contains(err.Error(), "unfinished") {
		t.Errorf("what is left beside the result: %v", err)
	}
	if err := os.WriteFile(filepath.Join(out, "model", "half"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if after, _ := tree(out); after == before {
		t.Error("a new file does not change the digest")
	}
}

func TestLook(t *testing.T) {
	out := t.TempDir()
	files := map[string]string{
		"manifest.json": `{"canonicalDigest": "sha256:1"}`, "metrics.json": `{"accuracy": 1}`, "reports/steps.json": `[]`, "logs/train/events.1": "",
	}
	for name, text := range files {
		path := filepath.Join(out, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made, err := look(out)
	if err != nil || made.digest != "sha256:1" || strings.Join(made.files, " ") != "manifest.json metrics.json reports/steps.json" {
		t.Errorf("%+v, %v", made, err)
	}
	site := &Site{digest: "sha256:1", files: made.files}
	if err := site.right(made); err != nil {
		t.Error(err)
	}
	if err := site.right(outcome{"sha256:2", made.files}); err == nil {
		t.Error("another model is right")
	}
	if err := site.right(outcome{"sha256:1", made.files[1:]}); err == nil {
		t.Error("a result with a file less is right")
	}
	for name := range files {
		if err := os.Rename(filepath.Join(out, name), filepath.Join(out, "away")); err != nil {
			t.Fatal(err)
		}
		if _, err := look(out); err == nil {
			t.Errorf("without %s", name)
		}
		if err := os.Rename(filepath.Join(out, "away"), filepath.Join(out, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHang(t *testing.T) {
	program, err := start(t.TempDir(), nil, "sleep", "60")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := program.wait(t.Context(), 100*time.Millisecond); err == nil || !strings.Contains(err.Error(), "it hangs") || program.running() {
		t.Errorf("a program that hangs: %v", err)
	}
}

func TestGoneOn(t *testing.T) {
	const right = `{"canonicalDigest": "sha256:1", "parameters": {"resumed": true}}`
	if err := goneOn(right, "sha256:1"); err != nil {
		t.Error(err)
	}
	for text, want := range map[string]string{
		right: "the model is sha256:1", `{"canonicalDigest": "sha256:2", "parameters": {}}`: "began at the beginning", "": "the manifest",
	} {
		if err := goneOn(text, "sha256:2"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
