package report

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html"
	"regexp"
	"strings"
	"testing"
)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

const evaluation = `{
  "task": "binary", "metrics": {"accuracy": 0.925531914893617, "auc": null, "loss": 0.25, "examples": 282},
  "confusion": [[121, 13], [8, 140]],
  "slices": {"age=1": {"metrics": {"accuracy": 0.9356725146198831, "examples": 171}}},
  "gate": {"passed": false, "verdicts": [
    {"metric": "accuracy", "limit": "minimum", "want": 0.95, "got": 0.925531914893617, "by": 0.024468085106383, "passed": false,
     "reason": "accuracy is 0.925532, below the minimum 0.95 by 0.0244681"},
    {"metric": "accuracy", "slice": "age=1", "limit": "minimum", "want": 0.8, "got": 0.9356725146198831, "by": 0.1356725, "passed": true},
    {"metric": "loss", "limit": "max-drop", "want": 0.01, "got": 0.25, "by": null, "passed": true, "reason": "not judged: no baseline model was given"}]},
  "baseline": {"metrics": {"accuracy": 0.9, "loss": 0.2, "auc": 0.9}}
}`

var manifest = `{
  "schemaVersion": 1, "model": "phishing", "canonicalDigest": "` + digest("a") + `", "source": {"digest": "` + digest("b") + `", "files": 3},
  "data": {"path": "data", "digest": "` + digest("c") + `", "files": 1}, "images": {"tensorflow": {"reference": "tf:2.16.2", "digest": "` + digest("d") + `"}},
  "requirements": {"installed": [{"name": "keras", "version": "3.15.1"}]}, "parameters": {"script": "train.py", "args": ["--epochs=50"]},
  "seed": 7, "reproducible": "host", "device": {"kind": "cpu", "processor": {"model": "A"}}, "tools": {"engine": "v0.20.8"}
}`

func whole() Input {
	return Input{
		Evaluation: []byte(evaluation),
		Manifest:   []byte(manifest),
		Steps:      []byte(`[{"name": "train", "verdict": "passed", "started": "2026-01-01T00:00:00.000Z", "seconds": 21.582}]`),
		Scan:       "0 CRITICAL, 1 HIGH; 0 stop the gate, 1 ignored\n",
		Exports: map[string][]byte{"tflite": []byte(`{"format": "tflite", "quantize": "int8", "bytes": 5608, "examples": 282, "maxAbsDiff": 1.2e-7,
			"agreement": 1, "accuracySavedModel": 0.9255, "accuracyExported": 0.9255, "accuracyLost": 0, "gate": {"passed": true, "verdicts": []}}`)},
		Pictures: []byte(`[{"name": "curve-01-loss", "title": "loss", "alt": "loss falls", "light": "<svg id='l'/>", "dark": "<svg id='d'/>"},
			{"name": "roc", "title": "ROC curve", "alt": "a curve", "light": "<svg/>", "dark": "<svg/>"}]`),
		ModelBytes: 56080,
	}
}

func written(t *testing.T, in Input) (page, markdown string) {
	t.Helper()
	report, err := Read(in)
	if err != nil {
		t.Fatal(err)
	}
	text, err := report.HTML()
	if err != nil {
		t.Fatal(err)
	}
	return string(text), report.Markdown()
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q", what, part)
		}
	}
}

func TestPage(t *testing.T) {
	page, _ := written(t, whole())
	contains(t, "the page", page,
		`<p class="verdict bad" id="verdict">the gate stays closed: 1 of 3 limits do not hold</p>`,
		`<dd data-metric="accuracy"><data value="0.925531914893617">0.925532</data></dd>`,
		`<dd data-metric="auc">not finite</dd>`,
		`<span class="open">not judged</span>`, "accuracy is 0.925532, below the minimum 0.95 by 0.0244681",
		`<td class="number">0.05</td><td><span class="bad">worse</span></td>`, `<td class="number">0.0255</td><td><span class="good">better</span></td>`,
		`<td class="number shade-9">121</td>`,
		`<td class="number"><data value="5608">5.5 KiB</data></td><td class="number">10.00 %</td>`,
		`data-copy="`+digest("a")+`"`, "train.py --epochs=50", "tf:2.16.2@"+digest("d"), "keras 3.15.1",
		"1 HIGH; 0 stop the gate", "21.6 s",
		`srcset="data:image/svg&#43;xml;base64,`+base64.StdEncoding.EncodeToString([]byte("<svg id='d'/>")),
		`src="data:image/svg&#43;xml;base64,`+base64.StdEncoding.EncodeToString([]byte("<svg id='l'/>")),
	)
	if strings.Contains(page, "ZgotmplZ") || strings.Contains(page, "Not in this report") {
		t.Error("the page refuses its own content, or says that something is missing")
	}
}

// The browser is to refuse everything but the page's own style and script.
func TestPageNeedsNothingElse(t *testing.T) {
	page, _ := written(t, whole())
	policy := html.UnescapeString(regexp.MustCompile(`Content-Security-Policy" content="([^"]*)"`).FindStringSubmatch(page)[1])
	for _, element := range []string{"style", "script"} {
		text := regexp.MustCompile(`(?s)<` + element + `>(.*?)</` + element + `>`).FindStringSubmatch(page)[1]
		sum := sha256.Sum256([]byte(text))
		contains(t, "the policy", policy, element+"-src 'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	contains(t, "the policy", policy, "default-src 'none'")
	for _, outside := range []string{"http:", "https:", "<link rel=\"style", " style=", "onclick", "@import", "url("} {
		if strings.Contains(page, outside) {
			t.Errorf("the page holds %q", outside)
		}
	}
}

func TestSameInputSameBytes(t *testing.T) {
	page, markdown := written(t, whole())
	for range 20 {
		if again, text := written(t, whole()); again != page || text != markdown {
			t.Fatal("two reports of the same input differ")
		}
	}
	if strings.Contains(page, "2026-01-01") {
		t.Error("the page holds a date")
	}
}

func TestNamesAreData(t *testing.T) {
	const attack = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)> @all #1 [x](http://y) | a ` + "`b`"
	quoted := strings.ReplaceAll(attack, `"`, `\"`)
	in := whole()
	in.Evaluation = []byte(strings.NewReplacer("age=1", quoted, "below", quoted).Replace(evaluation))
	in.Manifest = []byte(strings.NewReplacer("phishing", quoted, "--epochs", quoted, "keras", quoted).Replace(manifest))
	in.Scan, in.Steps = attack, []byte(`[{"name": "`+quoted+`", "verdict": "`+quoted+`"}]`)
	in.Exports = map[string][]byte{"x": []byte(`{"format": "` + quoted + `", "quantize": "` + quoted + `"}`)}
	in.Pictures = []byte(`[{"name": "curve-1", "title": "` + quoted + `", "alt": "` + quoted + `", "light": "` + quoted + `", "dark": "` + quoted + `"}]`)
	page, markdown := written(t, in)
	if strings.Count(page, "<script") != 1 || strings.Contains(page, "<img src=x") {
		t.Error("a name became part of the page")
	}
	for _, line := range strings.Split(markdown, "\n") {
		outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(line, "")
		for _, live := range []string{"<script", "<img", "@all", "#1 ", "`", " [x]("} {
			if strings.Contains(outside, live) {
				t.Errorf("%q is live in the line %q", live, line)
			}
		}
	}
}

func TestMarkdown(t *testing.T) {
	_, markdown := written(t, whole())
	contains(t, "the text", markdown,
		"## ❌ `phishing`: the gate stays closed: 1 of 3 limits do not hold\n",
		"| `accuracy` | 0.925532 | 0.9 | 0.0255 | better |\n",
		"| `accuracy in slice age=1` | minimum 0.8 | 0.935673 | ✅ holds |\n",
		"| `tflite, quantize int8` | 5.5 KiB | 10.00 % | 92.55 % | 0.00 % | 1.2e-07 |\n",
		"![a curve](roc.png)\n",
		"| model (canonical digest) | `"+digest("a")+"` |\n",
	)
}

func TestLeastInput(t *testing.T) {
	page, markdown := written(t, Input{Evaluation: []byte(`{"task": "regression", "metrics": {"rmse": 1.5}, "slices": {}}`)})
	contains(t, "the page", page, "not judged: the gate has no limits", "training curves (no TensorBoard events", "the lineage (no manifest.json)",
		"a scan", "exports", "a comparison (no --baseline)")
	if strings.Contains(page, `id="gate"`) || strings.Contains(page, "ROC") {
		t.Error("the page has a section without content")
	}
	contains(t, "the text", markdown, "## ➖ `model`", "| `rmse` | 1.5 |")
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Input)
		want   string
	}{
		"no evaluation":       {func(in *Input) { in.Evaluation = nil }, "evaluation.json cannot be read"},
		"no metrics":          {func(in *Input) { in.Evaluation = []byte("{}") }, "evaluation.json holds no metrics"},
		"two documents":       {func(in *Input) { in.Evaluation = []byte(evaluation + "{}") }, "something follows its JSON"},
		"another manifest":    {func(in *Input) { in.Manifest = []byte("{}") }, "manifest.json has no schemaVersion"},
		"steps of no form":    {func(in *Input) { in.Steps = []byte("{}") }, "steps.json cannot be read"},
		"pictures cut off":    {func(in *Input) { in.Pictures = []byte("[") }, "pictures.json cannot be read"},
		"an export's figures": {func(in *Input) { in.Exports["tflite"] = []byte("7") }, "the report of the export tflite cannot be read"},
	} {
		in := whole()
		test.change(&in)
		if _, err := Read(in); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func TestFigures(t *testing.T) {
	of := func(value float64) *float64 { return &value }
	for _, test := range []struct {
		figure            Figure
		trend, difference string
	}{
		{Figure{Name: "accuracy", Value: of(0.9), Baseline: of(0.8)}, "better", "0.1"},
		{Figure{Name: "accuracy", Value: of(0.8), Baseline: of(0.8)}, "equal", "0"},
		{Figure{Name: "rmse", Value: of(3), Baseline: of(2)}, "worse", "1"},
		{Figure{Name: "examples", Value: of(3), Baseline: of(2)}, "", "1"},
		{Figure{Name: "auc", Value: nil, Baseline: of(2)}, "", "–"},
	} {
		if trend, difference := test.figure.Trend(), test.figure.Difference(); trend != test.trend || difference != test.difference {
			t.Errorf("%+v: got %q and %q, want %q and %q", test.figure, trend, difference, test.trend, test.difference)
		}
	}
	for bytes, want := range map[int]string{0: "0 B", 1023: "1023 B", 1536: "1.5 KiB", 5 << 20: "5.0 MiB", 3 << 40: "3072.0 GiB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d bytes: got %s, want %s", bytes, got, want)
		}
	}
	if got := fmt.Sprint(shade([]int{0, 0}, 0), shade([]int{1, 9}, 9), shade([]int{4, 0}, 4)); got != "0 9 10" {
		t.Errorf("shades: got %s", got)
	}
}
