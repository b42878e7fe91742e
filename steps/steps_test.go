package steps

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

var began = time.Date(2026, 1, 2, 3, 5, 0, 900_000, time.UTC)

const (
	earlier = "2026-01-02T03:04:59.999Z"
	during  = "2026-01-02T03:05:00.000Z" // within the millisecond in which the run began: not before it
)

func TestWhy(t *testing.T) {
	inputs := Inputs{"train.py": "a", "data": "b", "train.seed": "7"}
	with := func(name, value string) Inputs {
		other := Inputs{"train.py": "a", "data": "b", "train.seed": "7"}
		if other[name] = value; value == "" {
			delete(other, name)
		}
		return other
	}
	many := Inputs{"a": "1", "b": "1", "c": "1", "d": "1", "e": "1"}
	for _, test := range []struct {
		name     string
		started  string
		previous []Step
		cached   bool
		want     string
	}{
		{"first run", during, nil, false, "no earlier run to compare with"},
		{"first run of this folder", earlier, nil, true, "an earlier run had the same inputs"},
		{"a run of another step", during, []Step{{Name: "test", Inputs: inputs}}, false, "no earlier run to compare with"},
		{"a run that did not record its inputs", during, []Step{{Name: "train"}}, false, "no earlier run to compare with"},
		{"nothing changed", earlier, []Step{{Name: "train", Inputs: inputs}}, true, "nothing changed"},
		{"a file changed", during, []Step{{Name: "train", Inputs: with("train.py", "z")}}, false, "train.py changed"},
		{"a file added", during, []Step{{Name: "train", Inputs: with("train.py", "")}}, false, "train.py added"},
		{"a file removed", during, []Step{{Name: "train", Inputs: with("old.py", "z")}}, false, "old.py removed"},
		{"changed back", earlier, []Step{{Name: "train", Inputs: with("train.py", "z"), Started: during}}, true, "train.py changed, and an earlier run had the same inputs"},
		{"changed without effect", earlier, []Step{{Name: "train", Inputs: with("train.py", "z"), Started: earlier}}, true, "train.py changed, to the same effect"},
		{"a cache that was emptied", during, []Step{{Name: "train", Inputs: inputs}}, false, "nothing changed; this engine no longer has the result"},
		{"many", during, []Step{{Name: "train", Inputs: many}}, false, "data added, train.py added, train.seed added, a removed and 4 more"},
	} {
		step, err := New("train", "passed", Record{Started: test.started, Seconds: 1.5}, inputs, began, test.previous)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if step.Cached != test.cached || step.Why != test.want {
			t.Errorf("%s: cached %v, why %q; want %v, %q", test.name, step.Cached, step.Why, test.cached, test.want)
		}
	}
}

func TestStepWithoutInputs(t *testing.T) {
	step, err := New("scan", "passed", Record{Started: during, Seconds: 1}, nil, began, nil)
	if err != nil || step.Cached || step.Why != "" {
		t.Errorf("got %+v, %v", step, err)
	}
}

func TestBadRecords(t *testing.T) {
	said := Record{Started: "2026-01-02T03:04:05.000Z", Said: []string{"numpy 2 is locked", "keras 3 is locked"}}
	if step, err := New("install", "passed", said, nil, began, nil); err != nil || step.Verdict != "passed; numpy 2 is locked; keras 3 is locked" {
		t.Errorf("a step that said something: %q, %v", step.Verdict, err)
	}
	if _, err := New("train", "passed", Record{Started: "yesterday", Seconds: 1}, nil, began, nil); err == nil || !strings.Contains(err.Error(), `started is "yesterday"`) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"", "{}", `[{"name": 1}]`, "null\x00"} {
		if _, err := Read([]byte(text)); err == nil || !strings.HasPrefix(err.Error(), "reports/steps.json is no record") {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestChanged(t *testing.T) {
	got := Changed(Inputs{"a": "1", "b": "1", "gone": "1", LinePrograms: "1"}, Inputs{"a": "2", "b": "1", "new": "1", LinePrograms: "2"})
	if want := []string{"a changed", "new added", "gone removed", "the line's programs changed"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
