package lineage

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"dagger/tensorflow-ci/gate"
)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func of[T any](value T) *T { return &value }

func sample() Manifest {
	return Manifest{
		SchemaVersion:   SchemaVersion,
		Model:           "phishing",
		CanonicalDigest: digest("a"),
		WeightsDigest:   digest("b"),
		GraphDigest:     digest("c"),
		Files:           map[string]string{"saved_model.pb": digest("d"), "variables/variables.index": digest("e")},
		Signatures:      json.RawMessage(`{"serving_default": {"outputs": {}, "inputs": {"x": {"shape": [-1, 9]}}}}`),
		ExportedBy:      "keras.Model.export",
		Source: Source{
			Digest: digest("1"), Files: 2, Commit: "0123abc", ProtectedRef: of(false),
			Entries: map[string]string{"train.py": digest("2"), "src/<a>&b.py": digest("3")},
		},
		Data:         Data{Path: "data", Digest: digest("4"), Files: 1},
		Images:       map[string]Image{"tensorflow": {"tensorflow/tensorflow:2.16.2", digest("5"), "linux/amd64"}},
		Requirements: Requirements{"requirements.txt", digest("6"), Packages(map[string]string{"pandas": "2.2.3", "keras": "3.4.1"})},
		Parameters:   Parameters{Script: "train.py", Args: []string{"--epochs", "50"}, Workers: 1},
		Seed:         7,
		Reproducible: "host",
		Threads:      map[string]string{"TF_NUM_INTRAOP_THREADS": "2", "TF_NUM_INTEROP_THREADS": "2"},
		Device:       Device{Kind: "cpu", Processor: Processor{"A CPU", []string{"avx2", "fma"}}},
		Metrics:      map[string]*float64{"accuracy": of(0.9), "auc": nil},
		Gate:         of(gate.Judge([]gate.Rule{{Metric: "accuracy", Minimum: of(0.85)}}, gate.Measured{Metrics: map[string]*float64{"accuracy": of(0.9)}}, nil)),
		Tools:        Tools{Engine: "v0.20.8", Module: "v0.1.0"},
	}
}

func TestRoundTrip(t *testing.T) {
	first, err := sample().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := Read(first)
	if err != nil {
		t.Fatal(err)
	}
	second, err := read.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Errorf("written again it is\n%s\nnot\n%s", second, first)
	}
	read.Signatures, _ = sorted(read.Signatures)
	want := sample()
	want.Signatures, _ = sorted(want.Signatures)
	if !reflect.DeepEqual(read, want) {
		t.Errorf("got  %+v\nwant %+v", read, want)
	}
}

func TestMarshalForm(t *testing.T) {
	text, err := Manifest{
		Model: "m", CanonicalDigest: digest("a"),
		Signatures: json.RawMessage(`{"b":12345678901234567890,"a":"<&>"}`),
		Source:     Source{Digest: digest("b")}, Data: Data{Path: "data", Digest: digest("c")},
		Parameters: Parameters{Script: "train.py"}, Device: Device{Kind: "cpu"},
	}.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	want := `{
  "canonicalDigest": "` + digest("a") + `",
  "data": {
    "digest": "` + digest("c") + `",
    "files": 0,
    "path": "data"
  },
  "device": {
    "kind": "cpu",
    "processor": {
      "model": ""
    }
  },
  "model": "m",
  "parameters": {
    "args": [],
    "script": "train.py"
  },
  "reproducible": "",
  "requirements": {},
  "schemaVersion": 1,
  "seed": 0,
  "signatures": {
    "a": "<&>",
    "b": 12345678901234567890
  },
  "source": {
    "digest": "` + digest("b") + `",
    "files": 0
  },
  "tools": {}
}
`
	if string(text) != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Manifest)
		want   string
	}{
		{"schema", func(m *Manifest) { m.SchemaVersion = 2 }, "schemaVersion is 2, want 1"},
		{"no model", func(m *Manifest) { m.Model = "" }, "model is empty"},
		{"no script", func(m *Manifest) { m.Parameters.Script = "" }, "parameters.script is empty"},
		{"device", func(m *Manifest) { m.Device.Kind = "tpu" }, `device.kind is "tpu", want cpu or gpu`},
		{"no canonical digest", func(m *Manifest) { m.CanonicalDigest = "" }, `canonicalDigest is "", want sha256:`},
		{"weights", func(m *Manifest) { m.WeightsDigest = "abc" }, `weightsDigest is "abc"`},
		{"graph", func(m *Manifest) { m.GraphDigest = strings.ToUpper(digest("a")) }, `graphDigest is "SHA256:AAA`},
		{"no source", func(m *Manifest) { m.Source.Digest = "" }, `source.digest is ""`},
		{"no data", func(m *Manifest) { m.Data = Data{} }, `data.digest is ""`},
		{"image by tag", func(m *Manifest) { m.Images = map[string]Image{"serving": {"x:1", "", ""}} }, `images.serving.digest is ""`},
		{"platform", func(m *Manifest) { m.Images = map[string]Image{"serving": {"x:1", digest("1"), "arm64"}} }, `images.serving.platform is "arm64", want one such as linux/amd64`},
		{"file", func(m *Manifest) { m.Files = map[string]string{"saved_model.pb": "sha256:1"} }, `files.saved_model.pb is "sha256:1"`},
		{"entry", func(m *Manifest) { m.Source.Entries = map[string]string{"a.py": ""} }, `source.entries.a.py is ""`},
		{"requirements", func(m *Manifest) { m.Requirements.Digest = "x" }, `requirements.digest is "x"`},
		{"signatures", func(m *Manifest) { m.Signatures = json.RawMessage(`[1]`) }, "signatures is no JSON object"},
		{"signatures cut short", func(m *Manifest) { m.Signatures = json.RawMessage(`{"a"`) }, "signatures is no JSON object"},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifest := sample()
			test.change(&manifest)
			text, err := manifest.Marshal()
			if err == nil || !strings.HasPrefix(err.Error(), "manifest.json: "+test.want) || text != nil {
				t.Errorf("got %s, %v; want %s", text, err, test.want)
			}
		})
	}
}

// A manifest of the time before platforms were recorded reads as it did, and nothing is known to differ from it.
func TestReadWithoutPlatform(t *testing.T) {
	now := sample()
	text, err := now.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	earlier := strings.Replace(string(text), `,
      "platform": "linux/amd64"`, "", 1)
	if earlier == string(text) {
		t.Fatalf("the manifest records no platform: %s", text)
	}
	read, err := Read([]byte(earlier))
	if err != nil {
		t.Fatal(err)
	}
	if change := compareImages(read, now); change != nil {
		t.Errorf("got %+v, want no difference", change)
	}
}

func TestReadRefuses(t *testing.T) {
	good, err := sample().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) string {
		text := strings.Replace(string(good), old, new, 1)
		if text == string(good) {
			t.Fatalf("%q is not in the sample", old)
		}
		return text
	}
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "manifest.json is no manifest: unexpected end of JSON input"},
		{"no object", "[]", "manifest.json is no manifest: "},
		{"null", "null", "manifest.json has no schemaVersion"},
		{"not JSON", "version: 1", "manifest.json is no manifest: "},
		{"no schema", "{}", "manifest.json has no schemaVersion"},
		{"newer", `{"schemaVersion": 2, "new": {}}`, "manifest.json has schemaVersion 2, and this version of the line reads 1"},
		{"schema as text", `{"schemaVersion": "1"}`, "manifest.json is no manifest: "},
		{"unknown key", with(`"model":`, `"extra": 1, "model":`), `manifest.json: json: unknown field "extra"`},
		{"unknown key below", with(`"commit":`, `"branch": "main", "commit":`), `manifest.json: json: unknown field "branch"`},
		{"wrong type", with(`"seed": 7`, `"seed": "7"`), "manifest.json: json: cannot unmarshal string"},
		{"cut short", string(good[:len(good)/2]), "manifest.json is no manifest: unexpected end of JSON input"},
		{"something more", string(good) + "{}", "manifest.json is no manifest: invalid character '{' after top-level value"},
		{"bad digest", with(digest("a"), "sha256:a"), `manifest.json: canonicalDigest is "sha256:a"`},
		{"long digest", with(digest("a"), strings.Repeat("x", 10_000)), `manifest.json: canonicalDigest is "xxx`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Read([]byte(test.text))
			if err == nil {
				t.Fatalf("got %+v, want a refusal", got)
			}
			if !strings.HasPrefix(err.Error(), test.want) || len(err.Error()) > 300 {
				t.Errorf("got  %s\nwant %s", err, test.want)
			}
		})
	}
}

func TestCheckReportsAll(t *testing.T) {
	_, err := Manifest{}.Marshal()
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"model is empty", "parameters.script", "device.kind", "canonicalDigest", "source.digest", "data.digest"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}

func TestPackages(t *testing.T) {
	got := Packages(map[string]string{"b": "2", "a": "1", "B": "3"})
	if want := []Package{{"B", "3"}, {"a", "1"}, {"b", "2"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
