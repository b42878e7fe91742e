package lineage

import (
	"encoding/json"
	"strings"
	"testing"
)

func profile(letter string, rows int) Profile {
	return Profile{
		Digest: digest(letter), Rows: rows, RowsDigest: digest(letter),
		Columns: []Column{{Name: "x", Type: "float", Minimum: of(0.0), Maximum: of(1.0), Mean: of(0.5)}, {Name: "y", Type: "integer"}},
		Labels:  map[string]int{"0": rows / 2, "1": rows - rows/2},
	}
}

func withProfile() Manifest {
	manifest := sample()
	manifest.Data.Profile = map[string]Profile{"data/train.csv": profile("7", 100)}
	manifest.Data.HeldOut = map[string]Profile{"data/held-out.csv": profile("8", 10)}
	return manifest
}

func TestExplain(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*Manifest)
		kind    Kind
		summary string
		detail  string
	}{
		{"a file changed", func(m *Manifest) {
			m.Source.Digest, m.Source.Entries["train.py"] = digest("0"), digest("9")
		}, Code, "1 file changed", "train.py: 222222222222 → 999999999999"},
		{"a file added and one removed", func(m *Manifest) {
			m.Source.Digest = digest("0")
			delete(m.Source.Entries, "train.py")
			m.Source.Entries["other.py"] = digest("9")
		}, Code, "1 file added, 1 removed", "other.py: added, 999999999999"},
		{"code that is not listed", func(m *Manifest) { m.Source.Digest, m.Source.Entries = digest("0"), nil }, Code, "2 files removed", "src/<a>&b.py: removed, was 333333333333"},
		{"rows in another order", func(m *Manifest) {
			swapped := profile("9", 100)
			swapped.RowsDigest = digest("7")
			m.Data.Digest, m.Data.Profile["data/train.csv"] = digest("0"), swapped
		}, TrainData, "100 rows before and after", "data/train.csv: 100 rows (the same rows in another order, or written differently)"},
		{"more rows", func(m *Manifest) { m.Data.Digest, m.Data.Profile["data/train.csv"] = digest("0"), profile("9", 120) },
			TrainData, "100 rows → 120 (+20)", "data/train.csv: 100 rows → 120 rows (+20 rows)"},
		{"another balance", func(m *Manifest) {
			other := profile("9", 100)
			other.Labels = map[string]int{"0": 90, "1": 10}
			m.Data.Digest, m.Data.Profile["data/train.csv"] = digest("0"), other
		}, TrainData, "100 rows before and after", "data/train.csv, label 0: 50 rows (50.0 %) → 90 rows (90.0 %)"},
		{"another column", func(m *Manifest) {
			other := profile("9", 100)
			other.Columns[1].Name = "z"
			m.Data.Digest, m.Data.Profile["data/train.csv"] = digest("0"), other
		}, TrainData, "100 rows before and after", "data/train.csv, column z: added, integer"},
		{"columns in another order", func(m *Manifest) {
			other := profile("9", 100)
			other.Columns[0], other.Columns[1] = other.Columns[1], other.Columns[0]
			m.Data.Digest, m.Data.Profile["data/train.csv"] = digest("0"), other
		}, TrainData, "100 rows before and after", "data/train.csv: the columns stand in another order"},
		{"a file of rows more", func(m *Manifest) { m.Data.Digest, m.Data.Profile["data/more.csv"] = digest("0"), profile("9", 1) },
			TrainData, "100 rows → 101 (+1)", "data/more.csv: added, 1 row"},
		{"data without a profile", func(m *Manifest) { m.Data.Digest, m.Data.Profile = digest("0"), nil },
			TrainData, "the digest differs; a manifest without a profile does not say in which rows", "data/train.csv: removed, was 100 rows"},
		{"a newer version in the bucket", func(m *Manifest) { m.Data.Digest, m.Data.Version = digest("0"), digest("9") }, TrainData, "100 rows before and after", "version: added, 999999999999"},
		{"a package", func(m *Manifest) { m.Requirements.Installed[1].Version = "2.2.4" }, PackageSet, "1 package changed", "pandas: 2.2.3 → 2.2.4"},
		{"requirements that mean the same", func(m *Manifest) { m.Requirements.Digest = digest("9") }, PackageSet, "the requirements are written differently; the same packages were installed", "requirements.txt: 666666666666 → 999999999999"},
		{"a tag that moved", func(m *Manifest) {
			m.Images = map[string]Image{"tensorflow": {"tensorflow/tensorflow:2.16.2", digest("9"), "linux/amd64"}}
		}, ImageUsed, "same tag, another image", "the tag moved to another image"},
		{"another image", func(m *Manifest) {
			m.Images = map[string]Image{"tensorflow": {"tensorflow/tensorflow:2.17.0", digest("9"), "linux/amd64"}}
		}, ImageUsed, "1 image changed", "tensorflow: tensorflow/tensorflow:2.16.2@555555555555 → tensorflow/tensorflow:2.17.0@999999999999"},
		{"another processor", func(m *Manifest) {
			m.Images = map[string]Image{"tensorflow": {"tensorflow/tensorflow:2.16.2", digest("5"), "linux/arm64"}}
		}, ImageUsed, "1 image changed",
			"tensorflow: tensorflow/tensorflow:2.16.2@555555555555 linux/amd64 → tensorflow/tensorflow:2.16.2@555555555555 linux/arm64 (for another kind of processor)"},
		{"an argument", func(m *Manifest) { m.Parameters.Args = []string{"--epochs=60"} }, Arguments, "1 parameter changed", "--epochs: 50 → 60"},
		{"went on from a checkpoint", func(m *Manifest) { m.Parameters.Resumed = true }, Arguments, "1 parameter added", "resumed: added, went on from a checkpoint"},
		{"the seed", func(m *Manifest) { m.Seed = 8 }, Seed, "7 → 8", "seed: 7 → 8"},
		{"the mode", func(m *Manifest) { m.Reproducible = "off" }, Mode, "1 setting changed", "train.reproducible: host → off"},
		{"the threads", func(m *Manifest) { m.Threads = map[string]string{"TF_NUM_INTRAOP_THREADS": "2"} }, Mode, "1 setting removed", "TF_NUM_INTEROP_THREADS: removed, was 2"},
		{"another processor", func(m *Manifest) { m.Device.Processor.Flags = []string{"avx2", "avx512f", "fma"} }, Hardware, "trained on another machine", "instructions: avx2 fma → avx2 avx512f fma"},
		{"another engine", func(m *Manifest) { m.Tools.Engine = "v0.20.9" }, Tooling, "1 version changed", "engine: v0.20.8 → v0.20.9"},
		{"other held-out rows", func(m *Manifest) { m.Data.HeldOut = map[string]Profile{"data/held-out.csv": profile("9", 11)} },
			Judged, "judged on other rows: the metrics cannot be compared; 10 rows → 11 (+1)", "data/held-out.csv: 10 rows → 11 rows (+1 rows)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			after := withProfile()
			test.change(&after)
			after.CanonicalDigest = digest("f")
			explanation := Explain(withProfile(), after)
			if len(explanation.Changes) != 1 || explanation.Changes[0].Kind != test.kind || !strings.HasPrefix(explanation.Changes[0].Summary, test.summary) {
				t.Fatalf("got %+v, want one change of %s: %s", explanation.Changes, test.kind, test.summary)
			}
			for form, text := range map[string]string{"text": explanation.Text(), "Markdown": unescaped(explanation.Markdown())} {
				if !strings.Contains(text, test.detail) {
					t.Errorf("the %s does not say %q:\n%s", form, test.detail, text)
				}
			}
			back := Explain(after, withProfile())
			if len(back.Changes) != 1 || len(back.Changes[0].Details) != len(explanation.Changes[0].Details) {
				t.Fatalf("the other way round: %+v", back.Changes)
			}
			for at, detail := range back.Changes[0].Details {
				if there := explanation.Changes[0].Details[at]; there.Before != detail.After || there.After != detail.Before {
					t.Errorf("the other way round %+v, this way %+v", detail, there)
				}
			}
		})
	}
}

func unescaped(text string) string {
	text = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&#64;", "@", `\`, "").Replace(text)
	return strings.ReplaceAll(text, "&amp;", "&")
}

func TestVerdict(t *testing.T) {
	all := func(m *Manifest) {
		m.Source.Digest, m.Data.Digest, m.Seed = digest("0"), digest("0"), 8
		m.Device.Kind, m.Tools.Engine = "gpu", "v1"
	}
	for _, test := range []struct {
		name   string
		change func(*Manifest)
		model  string
		want   string
	}{
		{"nothing", func(*Manifest) {}, "a", "Nothing changed: it is the same model, made from the same inputs."},
		{"same model, another engine", func(m *Manifest) { m.Tools.Engine = "v1" }, "a", "It is the same model; what made it did not change."},
		{"same model, other code", func(m *Manifest) { m.Source.Digest = digest("0") }, "a", "It is the same model, although this changed: code."},
		{"several causes, the heaviest first", all, "f", "The model changed, and so did what made it: code, data, seed and hardware."},
		{"no cause", func(*Manifest) {}, "f", "The model changed, and no recorded input did: the training reads something that is not recorded"},
	} {
		after := withProfile()
		test.change(&after)
		after.CanonicalDigest = digest(test.model)
		if got := Explain(withProfile(), after).Verdict; !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	for _, mode := range []string{"off", "seeded"} {
		before := withProfile()
		before.Reproducible = mode
		after := before
		after.CanonicalDigest = digest("f")
		if got := Explain(before, after).Verdict; !strings.Contains(got, "train.reproducible is "+mode) {
			t.Errorf("mode %s: %q", mode, got)
		}
	}
}

func TestExplainMetrics(t *testing.T) {
	after := withProfile()
	after.Metrics = map[string]*float64{"accuracy": of(0.8), "loss": of(1.5)}
	text := Explain(withProfile(), after).Text()
	for _, want := range []string{"accuracy  0.9     0.8    -0.1", "auc       none    none", "loss      none    1.5"} {
		if !strings.Contains(text, want) {
			t.Errorf("no line %q in\n%s", want, text)
		}
	}
}

func TestExplainJSON(t *testing.T) {
	after := withProfile()
	after.Seed, after.CanonicalDigest = 8, digest("f")
	text, err := Explain(withProfile(), after).JSON()
	if err != nil {
		t.Fatal(err)
	}
	var read Explanation
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	if read.Same || len(read.Changes) != 1 || read.Changes[0].Kind != Seed || read.Comparable == nil || !*read.Comparable {
		t.Errorf("got %s", text)
	}
}

// What a project names its files is data: it stays on its line, and is no markup.
func TestExplainHostileNames(t *testing.T) {
	after := withProfile()
	after.Source.Digest = digest("0")
	after.Source.Entries["a|b`\n# <script>alert(1)</script> @all\x1b[31m"] = digest("9")
	explanation := Explain(withProfile(), after)
	for _, text := range []string{explanation.Text(), explanation.Markdown()} {
		if strings.Contains(text, "\x1b") || strings.Contains(text, "\n# ") {
			t.Errorf("control characters or markup of a name came through:\n%q", text)
		}
	}
	if text := explanation.Markdown(); strings.Contains(text, "<script>") || strings.Contains(text, "@all") {
		t.Errorf("markup of a name came through:\n%s", text)
	}
}

func TestExplainLongLists(t *testing.T) {
	after := withProfile()
	after.Source.Digest = digest("0")
	for name := range 500 {
		after.Source.Entries[strings.Repeat("a", name+1)] = digest("9")
	}
	explanation := Explain(withProfile(), after)
	if lines := strings.Count(explanation.Text(), "\n"); lines > 40 {
		t.Errorf("a page has %d lines", lines)
	}
	if !strings.Contains(explanation.Text(), "… and 488 more") || len(explanation.Changes[0].Details) != 500 {
		t.Errorf("got %d details and\n%s", len(explanation.Changes[0].Details), explanation.Text())
	}
}

func TestWithRows(t *testing.T) {
	found := []RowChange{{File: "data/train.csv", Changed: 1, Moved: 2, Notes: []string{"row 17: y 0 → 1"}}}
	after := withProfile()
	after.Data.Digest = digest("0")
	after.Data.Profile = map[string]Profile{"data/train.csv": profile("9", 100)}
	explained := Explain(withProfile(), after).WithRows(found)
	if change := explained.Changes[0]; change.Summary != "1 row changed, 2 rows moved" || change.Details[1].String() != "data/train.csv: row 17: y 0 → 1" {
		t.Errorf("got %+v", change)
	}
	if same := Explain(withProfile(), withProfile()).WithRows(nil); len(same.Changes) != 0 {
		t.Errorf("no difference, and yet %+v", same.Changes)
	}
	strange := Explain(withProfile(), withProfile()).WithRows(found)
	if len(strange.Changes) != 1 || !strings.Contains(strange.Changes[0].Summary, "not the data that these models were trained on") {
		t.Errorf("data that differ though the manifests do not: %+v", strange.Changes)
	}
}

func TestPredictions(t *testing.T) {
	const header = "row,label,prediction,output\n"
	const before = header + "1,0,0,0.1\n2,1,0,0.4\n3,1,1,0.9\n4,0,1,0.6\n"
	for _, test := range []struct{ name, after, want, first string }{
		{"none flips", strings.Replace(before, "0.1", "0.125", 1), "predictions: none of 4 rows flips; the largest difference of an output is 0.025", ""},
		{"one each way", header + "1,0,1,0.7\n2,1,1,0.6\n3,1,1,0.9\n4,0,1,0.6\n", "predictions: 2 of 4 rows flip, 1 to right, 1 to wrong; the largest difference of an output is 0.6", "row 1 (label 0): 0 → 1"},
		{"fewer rows", header + "1,0,0,0.1\n", "predictions were not compared: the held-out rows are not the same: 4 before, 1 after", ""},
		{"other labels", strings.Replace(before, "2,1,0", "2,0,0", 1), "predictions were not compared: the held-out rows are not the same: row 2 differs", ""},
	} {
		explained, err := Explain(withProfile(), withProfile()).WithPredictions([]byte(before), []byte(test.after))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := explained.Predictions.String(); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
		if !strings.Contains(explained.Text(), test.first) {
			t.Errorf("%s: no %q in\n%s", test.name, test.first, explained.Text())
		}
	}
	for _, bad := range []struct{ name, text, want string }{
		{"empty", "", "reports/predictions.csv after: it is empty"},
		{"another file", "a,b\n1,2\n", "it was not made by a run"},
		{"no number", header + "1,0,0,much\n", `row 1, output is "much", not a number`},
		{"cut short", header + "1,0\n", "wrong number of fields"},
	} {
		if _, err := Explain(sample(), sample()).WithPredictions([]byte(before), []byte(bad.text)); err == nil || !strings.Contains(err.Error(), bad.want) {
			t.Errorf("%s: got %v, want %q", bad.name, err, bad.want)
		}
	}
}

func TestProfilesAreChecked(t *testing.T) {
	manifest := withProfile()
	broken := profile("7", 1)
	broken.RowsDigest = "sha256:1"
	manifest.Data.Profile["data/train.csv"] = broken
	if _, err := manifest.Marshal(); err == nil || !strings.Contains(err.Error(), "data.profile.data/train.csv.rowsDigest") {
		t.Errorf("got %v", err)
	}
}
