package verification

import (
	"encoding/json"
	"strings"
	"testing"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/lineage"
)

func output(t *testing.T) Output {
	t.Helper()
	manifest := recorded()
	manifest.Model, manifest.WeightsDigest, manifest.GraphDigest = "phishing", digest("b"), digest("c")
	manifest.Files = map[string]string{"saved_model.pb": digest("d")}
	manifest.Metrics = map[string]*float64{"accuracy": of(0.9), "auc": nil}
	text, err := manifest.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	read, err := lineage.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	return Output{
		Manifest: text, CanonicalDigest: digest("a"), WeightsDigest: digest("b"), GraphDigest: digest("c"),
		Files: map[string]string{"saved_model.pb": digest("d")}, Others: map[string]string{"exports/tflite/model.tflite": digest("e")},
		Metrics: map[string]*float64{"accuracy": of(0.9), "auc": nil},
		Signed: &attest.Verified{CanonicalDigest: digest("a"), Manifest: read, Subjects: []attest.Subject{
			{Name: "model", Digest: digest("a")}, {Name: "image", Digest: digest("f")},
			{Name: "model/saved_model.pb", Digest: digest("d")}, {Name: "exports/tflite/model.tflite", Digest: digest("e")},
		}},
	}
}

func TestOutput(t *testing.T) {
	replace := func(old, new string) func(*Output) {
		return func(o *Output) {
			text := strings.Replace(string(o.Manifest), old, new, 1)
			if text == string(o.Manifest) {
				panic(old + " is not in the manifest")
			}
			o.Manifest = []byte(text)
		}
	}
	unsigned := func(change func(*Output)) func(*Output) {
		return func(o *Output) { change(o); o.Signed = nil }
	}
	for _, test := range []struct {
		name   string
		change func(*Output)
		want   []string
	}{
		{"as it was", func(*Output) {}, nil},
		{"without a signature", unsigned(func(*Output) {}), nil},
		{"no metrics beside it", func(o *Output) { o.Metrics = nil }, nil},
		{"a flipped digit of the digest", unsigned(replace(`"canonicalDigest": "sha256:a`, `"canonicalDigest": "sha256:9`)),
			[]string{"the model is " + digest("a") + ", and manifest.json says sha256:9", "weights and graph are as recorded"}},
		{"a flipped digit of a metric", unsigned(replace(`"accuracy": 0.9`, `"accuracy": 0.8`)), []string{"metrics.json and the metrics in manifest.json are not the same"}},
		{"a flipped digit that only the signature knows", replace(`"seed": 7`, `"seed": 8`), []string{"manifest.json is not the one that was signed"}},
		{"a flipped digit that nothing knows", unsigned(replace(`"seed": 7`, `"seed": 8`)), nil},
		{"a blank more", func(o *Output) { o.Manifest = append(o.Manifest, ' ') }, []string{"manifest.json is not the one that was signed"}},
		{"no manifest", func(o *Output) { o.Manifest = []byte("{}") }, []string{"manifest.json has no schemaVersion"}},
		{"1 ulp", func(o *Output) {
			o.CanonicalDigest, o.WeightsDigest, o.Files = digest("0"), digest("1"), map[string]string{"saved_model.pb": digest("2")}
		}, []string{": other weights", "saved_model.pb was changed"}},
		{"another graph", func(o *Output) { o.CanonicalDigest, o.GraphDigest = digest("0"), digest("1") }, []string{": other graph or signatures"}},
		{"another model", func(o *Output) {
			o.CanonicalDigest, o.WeightsDigest, o.GraphDigest = digest("0"), digest("1"), digest("2")
		},
			[]string{": other weights and other graph or signatures"}},
		{"a file added", func(o *Output) { o.Files["assets.extra/run.sh"] = digest("0") }, []string{"assets.extra/run.sh was added"}},
		{"a file removed", func(o *Output) { o.Files = nil }, []string{"saved_model.pb is gone"}},
		{"an export changed", func(o *Output) { o.Others["exports/tflite/model.tflite"] = digest("0") }, []string{"exports/tflite/model.tflite was changed"}},
		{"an export added", func(o *Output) { o.Others["exports/onnx/model.onnx"] = digest("0") }, []string{"exports/onnx/model.onnx was added"}},
		{"an export removed", func(o *Output) { o.Others = nil }, []string{"exports/tflite/model.tflite is gone"}},
		{"the signature of another model", func(o *Output) {
			o.Signed.CanonicalDigest = digest("0")
			o.Signed.Manifest.CanonicalDigest = digest("0")
		}, []string{"manifest.json is not the one that was signed, which is about the model " + digest("0")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			of := output(t)
			test.change(&of)
			_, wrong := of.Check()
			if len(test.want) == 0 && len(wrong) > 0 {
				t.Errorf("got %q", wrong)
			}
			for _, part := range test.want {
				if !strings.Contains(strings.Join(wrong, "\n"), part) {
					t.Errorf("it does not say %q: %q", part, wrong)
				}
			}
		})
	}
}

func TestSubjects(t *testing.T) {
	if got := output(t).Subjects(); len(got) != 1 || got[0] != (attest.Subject{Name: "exports/tflite/model.tflite", Digest: digest("e")}) {
		t.Errorf("got %v", got)
	}
	if text, err := json.Marshal(Verdict{}); err != nil || !strings.Contains(string(text), `"passed":false`) {
		t.Errorf("got %s, %v", text, err)
	}
}
