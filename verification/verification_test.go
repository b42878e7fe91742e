package verification

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"dagger/tensorflow-ci/lineage"
)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func of[T any](value T) *T { return &value }

func recorded() lineage.Manifest {
	return lineage.Manifest{
		CanonicalDigest: digest("a"),
		Source:          lineage.Source{Digest: digest("1"), Entries: map[string]string{"train.py": digest("2"), "model.py": digest("3")}},
		Data:            lineage.Data{Digest: digest("4")},
		Images:          map[string]lineage.Image{"tensorflow": {Reference: "tensorflow/tensorflow:2.16.2", Digest: digest("5"), Platform: "linux/amd64"}},
		Requirements:    lineage.Requirements{Digest: digest("6"), Installed: []lineage.Package{{Name: "keras", Version: "3.4.1"}}},
		Parameters:      lineage.Parameters{Script: "train.py", Args: []string{"--epochs=50"}},
		Seed:            7,
		Reproducible:    "host",
		Threads:         map[string]string{"TF_NUM_INTRAOP_THREADS": "2"},
		Device:          lineage.Device{Kind: "cpu", Processor: lineage.Processor{Model: "A CPU", Flags: []string{"avx2", "fma"}}},
	}
}

func TestInputs(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*lineage.Manifest)
		want   []string
	}{
		{"nothing", func(*lineage.Manifest) {}, nil},
		{"source", func(m *lineage.Manifest) {
			m.Source.Digest = digest("b")
			m.Source.Entries = map[string]string{"train.py": digest("9"), "new.py": digest("3")}
		}, []string{"source differs: recorded " + digest("1") + ", now " + digest("b") + " (model.py is gone, new.py was added, train.py was changed)"}},
		{"data", func(m *lineage.Manifest) { m.Data.Digest = digest("b") }, []string{"data differs: recorded " + digest("4") + ", now " + digest("b")}},
		{"image", func(m *lineage.Manifest) {
			m.Images = map[string]lineage.Image{"tensorflow": {Reference: "tensorflow/tensorflow:2.16.2", Digest: digest("b")}}
		}, []string{"image tensorflow differs: recorded tensorflow/tensorflow:2.16.2@" + digest("5") + ", now tensorflow/tensorflow:2.16.2@" + digest("b")}},
		{"another name for the same image", func(m *lineage.Manifest) {
			m.Images = map[string]lineage.Image{"tensorflow": {Reference: "mirror/tensorflow:2.16.2", Digest: digest("5")}}
		}, nil},
		{"another processor", func(m *lineage.Manifest) {
			m.Images = map[string]lineage.Image{"tensorflow": {Reference: "tensorflow/tensorflow:2.16.2", Digest: digest("5"), Platform: "linux/arm64"}}
		}, []string{"platform of tensorflow differs: recorded linux/amd64, now linux/arm64"}},
		{"another role", func(m *lineage.Manifest) { m.Images = nil },
			[]string{"image tensorflow differs: recorded tensorflow/tensorflow:2.16.2@" + digest("5") + ", now nothing"}},
		{"requirements", func(m *lineage.Manifest) { m.Requirements.Digest = "" }, []string{"requirements differs: recorded " + digest("6") + ", now nothing"}},
		{"packages", func(m *lineage.Manifest) {
			m.Requirements.Installed = []lineage.Package{{Name: "keras", Version: "3.4.2"}}
		},
			[]string{"packages differs: recorded 1 packages, now other ones (keras was changed)"}},
		{"packages are not known yet", func(m *lineage.Manifest) { m.Requirements.Installed = nil }, nil},
		{"script", func(m *lineage.Manifest) { m.Parameters.Script = "fit.py" }, []string{"train.script differs: recorded train.py, now fit.py"}},
		{"arguments", func(m *lineage.Manifest) { m.Parameters.Args = nil }, []string{"train.args differs: recorded --epochs=50, now nothing"}},
		{"workers", func(m *lineage.Manifest) { m.Parameters.Workers = 2 }, []string{"train.workers differs: recorded 1, now 2"}},
		{"one worker is one", func(m *lineage.Manifest) { m.Parameters.Workers = 1 }, nil},
		{"seed", func(m *lineage.Manifest) { m.Seed = 0 }, []string{"train.seed differs: recorded 7, now 0"}},
		{"mode", func(m *lineage.Manifest) { m.Reproducible = "off" }, []string{"train.reproducible differs: recorded host, now off"}},
		{"threads", func(m *lineage.Manifest) { m.Threads = map[string]string{"TF_NUM_INTRAOP_THREADS": "4"} },
			[]string{"TF_NUM_INTRAOP_THREADS differs: recorded 2, now 4"}},
		{"device", func(m *lineage.Manifest) { m.Device.Kind = "gpu" }, []string{"train.gpus differs: recorded cpu, now gpu"}},
		{"several, in order", func(m *lineage.Manifest) { m.Seed, m.Data.Digest = 8, digest("b") },
			[]string{"data differs: recorded " + digest("4") + ", now " + digest("b"), "train.seed differs: recorded 7, now 8"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := recorded()
			test.change(&now)
			var got []string
			for _, difference := range Inputs(recorded(), now) {
				got = append(got, difference.String())
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestManyChangesAreCut(t *testing.T) {
	after := map[string]string{}
	for letter := 'a'; letter <= 'z'; letter++ {
		after[string(letter)] = "x"
	}
	text := Difference{What: "source", Recorded: "x", Now: "y", Details: Changes(nil, after)}.String()
	if !strings.Contains(text, "j was added and 16 more") {
		t.Error(text)
	}
}

func TestPromised(t *testing.T) {
	for _, test := range []struct {
		name   string
		was    func(*lineage.Manifest)
		is     func(*lineage.Manifest)
		want   bool
		reason string
	}{
		{"the same", nil, nil, true, ""},
		{"portable", func(m *lineage.Manifest) { m.Reproducible = "portable" }, nil, true, ""},
		{"off", func(m *lineage.Manifest) { m.Reproducible = "off" }, nil, false, "promises nothing"},
		{"seeded", func(m *lineage.Manifest) { m.Reproducible = "seeded" }, nil, false, "train.reproducible is seeded"},
		{"GPU", func(m *lineage.Manifest) { m.Device.Kind = "gpu" }, nil, false, "on GPUs"},
		{"resumed", func(m *lineage.Manifest) { m.Parameters.Resumed = true }, nil, false, "went on from a checkpoint"},
		{"another processor", nil, func(m *lineage.Manifest) { m.Device.Processor.Model = "B CPU" }, false, "another class of processor (A CPU avx2 fma; here B CPU avx2 fma)"},
		{"other instructions", nil, func(m *lineage.Manifest) { m.Device.Processor.Flags = []string{"avx2"} }, false, "here A CPU avx2)"},
		{"portable on another processor", func(m *lineage.Manifest) { m.Reproducible = "portable" },
			func(m *lineage.Manifest) { m.Device.Processor.Model = "B CPU" }, false, "another class of processor"},
	} {
		t.Run(test.name, func(t *testing.T) {
			was, is := recorded(), recorded()
			for change, manifest := range map[*func(*lineage.Manifest)]*lineage.Manifest{&test.was: &was, &test.is: &is} {
				if *change != nil {
					(*change)(manifest)
				}
			}
			got, reason := Promised(was, is)
			if got != test.want || !strings.Contains(reason, test.reason) {
				t.Errorf("got %v, %q", got, reason)
			}
		})
	}
}

func drift() Comparison {
	return Comparison{
		Weights: Weights{
			Variables: 8, Different: 3, MaxAbsDiff: of(1.42e-5), MaxUlps: of(230.0),
			First: &Variable{Name: "dense/kernel", Dtype: "float32", Shape: []int{64, 3}, Index: []int{0, 1}, Before: "0.1", After: "0.10000001", Ulps: of(1.0), Count: 4},
		},
		Predictions: &Predictions{Examples: 360, MaxAbsDiff: of(2e-6), Flipped: of(0)},
	}
}

func TestJudge(t *testing.T) {
	limits := Limits{Predictions: of(1e-4)}
	other := func(m *lineage.Manifest) { m.CanonicalDigest = digest("b") }
	elsewhere := func(m *lineage.Manifest) { other(m); m.Device.Processor.Model = "B CPU" }
	for _, test := range []struct {
		name   string
		now    func(*lineage.Manifest)
		found  func(*Comparison)
		limits Limits
		want   bool
		said   []string
	}{
		{"identical", nil, nil, limits, true, []string{"identical: trained again from the recorded inputs, the model is " + digest("a")}},
		{"identical elsewhere", func(m *lineage.Manifest) { m.Device.Processor.Model = "B CPU" }, nil, limits, true, []string{"more than was promised"}},
		{"differs where equal bits are promised", other, nil, limits, false, []string{
			"differs: recorded is " + digest("a") + ", trained again it is " + digest("b"),
			"first dense/kernel [64 3] float32 at [0 1]: 0.1, then 0.10000001 (1 ulp)",
			"3 of 8 variables differ, by up to 1.42e-05 (230 ulp)", "off by up to 2e-06, 0 decided otherwise", "equal bits are promised here",
		}},
		{"within tolerance", elsewhere, nil, limits, true, []string{"not identical, within tolerance", "promote the recorded bytes"}},
		{"answers out of tolerance", elsewhere, nil, Limits{Predictions: of(1e-6)}, false, []string{"answers differ by up to 2e-06, the limit is 1e-06"}},
		{"weights out of tolerance", elsewhere, nil, Limits{Weights: of(1e-6)}, false, []string{"weights differ by up to 1.42e-05, the limit is 1e-06"}},
		{"weights that are no numbers", elsewhere, func(c *Comparison) { c.Weights.MaxAbsDiff = nil }, Limits{Weights: of(1e-6)}, false, []string{"no finite number"}},
		{"not a number is in no limit", elsewhere, func(c *Comparison) { c.Predictions.MaxAbsDiff = of(math.NaN()) }, limits, false, []string{"answers differ by up to NaN"}},
		{"a row flipped", elsewhere, func(c *Comparison) { c.Predictions.Flipped = of(1) }, limits, false, []string{"1 of 360 rows are decided otherwise, the limit is 0"}},
		{"a row may flip", elsewhere, func(c *Comparison) { c.Predictions.Flipped = of(1) }, Limits{Predictions: of(1e-4), Flipped: 1}, true, nil},
		{"a regression flips no row", elsewhere, func(c *Comparison) { c.Predictions.Flipped = nil }, limits, true, nil},
		{"no rows to compare", elsewhere, func(c *Comparison) { c.Predictions = nil }, limits, false, []string{"no held-out rows"}},
		{"another graph", elsewhere, func(c *Comparison) { c.Graph.Different = []string{"serving_default"} }, limits, false,
			[]string{"signature serving_default computes something else", "for which there is no tolerance"}},
		{"a signature less", elsewhere, func(c *Comparison) { c.Graph.Missing = []string{"serve"} }, limits, false, []string{"only the recorded model has serve"}},
		{"a signature more", elsewhere, func(c *Comparison) { c.Graph.Added = []string{"serve"} }, limits, false, []string{"only the new model has serve"}},
		{"other assets", elsewhere, func(c *Comparison) { c.Assets = true }, limits, false, []string{"assets/ differ", "no tolerance"}},
		{"other variables", elsewhere, func(c *Comparison) { c.Weights.Added = []string{"bias"} }, limits, false, []string{"only the new model has bias", "not have the same variables"}},
		{"variables less", elsewhere, func(c *Comparison) { c.Weights.Missing = []string{"bias"} }, limits, false, []string{"only the recorded model has bias"}},
		{"other tables", elsewhere, func(c *Comparison) { c.Weights.State = true }, limits, false, []string{"their tables differ"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			now, found := recorded(), drift()
			if test.now != nil {
				test.now(&now)
			}
			if test.found != nil {
				test.found(&found)
			}
			verdict := Judge(recorded(), now, &found, test.limits)
			if verdict.Passed != test.want {
				t.Errorf("passed is %v: %s", verdict.Passed, verdict.Summary)
			}
			for _, part := range test.said {
				if !strings.Contains(verdict.Summary, part) {
					t.Errorf("it does not say %q:\n%s", part, verdict.Summary)
				}
			}
			if verdict.Identical != (verdict.Comparison == nil) {
				t.Errorf("identical %v with the comparison %v", verdict.Identical, verdict.Comparison)
			}
		})
	}
}

func TestJudgeWithoutTheModel(t *testing.T) {
	now := recorded()
	now.CanonicalDigest = digest("b")
	if verdict := Judge(recorded(), now, nil, Limits{}); verdict.Passed || !strings.Contains(verdict.Summary, "the recorded model itself was not given") {
		t.Errorf("got %+v", verdict)
	}
}

func TestNothingFound(t *testing.T) {
	if said := (Comparison{}).String(); said != "their digests differ, and no difference was found" {
		t.Error(said)
	}
}
