package bench

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/ci/host"
)

func example() Report {
	met, missed, value := true, false, 0.025
	return Report{
		Machine: Machine{
			Hardware: host.Hardware{Processor: "Processor X", Cores: 2, Memory: 8_000_000_000, Kernel: "6.1.0"},
			Docker:   "20.10.24", Dagger: "v0.20.8", Load: [3]float64{0.5, 1, 2}, Date: time.Date(2026, 11, 25, 2, 3, 4, 0, time.UTC),
		},
		Figures: []Figure{
			{Name: "run", Group: "line", Unit: "s", Median: 123.456, All: []float64{123.456}},
			{Name: "broken", Group: "line", Unit: "s", All: []float64{}, Failed: "no engine"},
		},
		Results: []Result{
			{Name: "run ÷ cold", Group: "line", Value: &value, Goal: atMost(0.03), Met: &met},
			{Name: "speed-up", Group: "scale", Value: &value, Unit: "s", Goal: atLeast(1.8), Met: &missed},
			{Name: "of what failed", Group: "line", Goal: atMost(2)},
		},
	}
}

func TestWrite(t *testing.T) {
	var out strings.Builder
	if err := example().Write(&out); err != nil {
		t.Fatal(err)
	}
	const want = `Processor X, 2 cores, 8.0 GB of memory, Linux 6.1.0, Docker 20.10.24, Dagger v0.20.8
2026-11-25 02:03 UTC, load when it began 0.50 1.00 2.00

GROUP  MEASUREMENT  MEDIAN  RUNS
line   run          123 s   1
line   broken       failed  0

GROUP  RATIO           VALUE     GOAL    MET
line   run ÷ cold      0.0250    ≤ 0.03  yes
scale  speed-up        0.0250 s  ≥ 1.8   no
line   of what failed            ≤ 2     
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestJSON(t *testing.T) {
	text, err := example().JSON()
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Machine struct {
			Processor, Kernel, Docker, Dagger string
			Cores                             int
			Memory                            uint64
			Load                              []float64
			Date                              time.Time
		}
		Measurements []map[string]any
		Ratios       []map[string]any
	}
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	m := read.Machine
	if m.Processor == "" || m.Kernel == "" || m.Docker == "" || m.Dagger == "" || m.Cores != 2 || m.Memory == 0 || len(m.Load) != 3 || m.Date.IsZero() {
		t.Errorf("machine %+v", m)
	}
	if len(read.Measurements) != 2 || read.Measurements[1]["failed"] != "no engine" {
		t.Errorf("measurements %v", read.Measurements)
	}
	first, last := read.Ratios[0], read.Ratios[2]
	if first["met"] != true || first["goal"].(map[string]any)["atMost"] != 0.03 || last["value"] != nil {
		t.Errorf("ratios %v", read.Ratios)
	}
	if _, found := last["met"]; found {
		t.Errorf("what failed has met or missed its goal: %v", last)
	}
}

func TestNumber(t *testing.T) {
	for want, value := range map[string]float64{"0": 0, "0.0251": 0.02512, "1.05": 1.05, "32.5": 32.46, "52.0": 52.04, "52": 52, "100": 100.4, "48468": 48468} {
		if got := number(value); got != want {
			t.Errorf("%v: %q, want %q", value, got, want)
		}
	}
}

func TestReadLoad(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"all well":         {`{"failedRequests": 2, "load": {"wrong": 1, "perSecond": 9.5}, "rollout": {"failure": null, "answeredBefore": 5, "answeredAfter": 6}}`, ""},
		"no rollout":       {`{"rollout": null}`, "rolled nothing out"},
		"a failed one":     {`{"rollout": {"failure": "down"}}`, "down"},
		"one nobody asked": {`{"rollout": {"failure": null, "answeredBefore": 5, "answeredAfter": 0}}`, "0 after it"},
		"no JSON":          {`{`, "report"},
	} {
		figures, err := readLoad([]byte(test.text))
		if test.says == "" {
			if err != nil || figures.FailedRequests != 2 || figures.Load.Wrong != 1 || figures.Load.PerSecond != 9.5 {
				t.Errorf("%s: %+v, %v", name, figures, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestGridOf(t *testing.T) {
	if got := string(gridOf([]int{3, 5})); got != "train.seed: [3, 5]\n" {
		t.Errorf("grid %q", got)
	}
}

func TestSeedsAreGivenOnce(t *testing.T) {
	s := newScale(Place{})
	first, second := s.seeds(3), s.seeds(1)
	if first[0] < 0 || second[0] != first[2]+1 || second[0] >= 1<<32 {
		t.Errorf("seeds %v and %v", first, second)
	}
}

func TestProjectChanges(t *testing.T) {
	p, err := copyProject(filepath.Join("..", ".."), filepath.Join(t.TempDir(), "p"))
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(p.folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	code, requirements := read("train.py"), read("requirements.txt")
	if err := p.changeCode(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read("train.py"); !strings.HasPrefix(got, code) || got == code {
		t.Error("train.py was not changed at its end")
	}
	if read("requirements.txt") != requirements {
		t.Error("a change of code changed the requirements")
	}
	for range 2 {
		before := read("requirements.txt")
		if err := p.changeRequirements(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := read("requirements.txt"); got == before || strings.Count(got, extraPackage+"\n") != 1 || !strings.HasPrefix(got, requirements) {
			t.Errorf("requirements %q", got)
		}
	}
	if err := p.changeAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := read("requirements.txt"); strings.Contains(got, extraPackage) || got == requirements {
		t.Errorf("requirements after all was changed: %q", got)
	}
}
