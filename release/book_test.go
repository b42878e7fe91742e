package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/servingconfig"
)

// act does one word of a script, such as "push a", "canary 10" or "promote b".
func act(ctx context.Context, m *memory, b Book, words string) (string, error) {
	word, rest, _ := strings.Cut(words, " ")
	var number int64
	fmt.Sscan(rest, &number)
	if action, letter, found := strings.Cut(words, " of "); found { // by the model's digest, as a pipeline does it
		_, candidate := model(letter)
		return b.Do(ctx, order(Order{
			Action: Action(action), Digest: candidate.Digest, Percent: 10, FirstTakesAll: true, Approvals: approved(letter, "bea"),
		}), nil)
	}
	switch word {
	case "push":
		return push(ctx, m, b, rest)
	case "deploy-test":
		return b.Do(ctx, order(Order{Action: DeployTest, Version: number}), nil)
	case "canary":
		return b.Do(ctx, order(Order{Action: SetCanary, Percent: int(number)}), nil)
	case "promote":
		return b.Do(ctx, order(Order{Action: Promote, Approvals: approved(rest, "bea")}), nil)
	case "rollback":
		return b.Do(ctx, order(Order{Action: Rollback, Version: number}), nil)
	case "retire":
		return b.Do(ctx, order(Order{Action: Retire, Version: number}), nil)
	}
	return "", fmt.Errorf("no word %q", words)
}

func script(t *testing.T, m *memory, words ...string) {
	t.Helper()
	for _, word := range words {
		if said, err := act(t.Context(), m, book(m), word); err != nil {
			t.Fatalf("%s: %s, %v", word, said, err)
		}
	}
}

// shape is a state in short: "1 retired, 2 production, 3 canary 10".
func shape(s State) string {
	var parts []string
	for _, version := range s.Versions {
		part := fmt.Sprintf("%d %s", version.Number, version.Status)
		if version.Status == Canary {
			part += fmt.Sprintf(" %d", s.CanaryPercent)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

func look(t *testing.T, m *memory) State {
	t.Helper()
	state, _, pending, err := book(m).Look(t.Context())
	if err != nil || pending != nil {
		t.Fatalf("state %+v, pending %+v, %v", state, pending, err)
	}
	return state
}

var first = []string{"push a", "deploy-test", "promote a"}

func TestTransitions(t *testing.T) {
	second := slices.Concat(first, []string{"push b", "deploy-test"})
	for _, test := range []struct {
		name   string
		before []string
		action string
		want   string // the shape, or where it holds "refused", a part of the message
	}{
		{"the first push", nil, "push a", "1 pushed"},
		{"the first canary at 10 %", []string{"push a", "deploy-test"}, "canary 10", "refused: nothing is in production that could take the other 90 %"},
		{"the first canary at 100 %", []string{"push a", "deploy-test"}, "canary 100", "1 canary 100"},
		{"the first promotion", []string{"push a", "deploy-test"}, "promote a", "1 production"},
		{"promotion of what was not tested", []string{"push a"}, "promote a", "no version of phishing in test, canary or production is the approved model"},
		{"a canary that was not tested", slices.Concat(first, []string{"push b"}), "canary 10", "no version of phishing is in the test environment"},
		{"a canary", second, "canary 10", "1 production, 2 canary 10"},
		{"a canary with nothing", second, "canary 0", "1 production, 2 canary 0"},
		{"a canary with everything", second, "canary 100", "1 production, 2 canary 100"},
		{"a canary with too much", second, "canary 101", "--percent is 101: want 0 to 100"},
		{"a canary with less than nothing", second, "canary -1", "--percent is -1: want 0 to 100"},
		{"no canary before", second, "promote b", "refused: it was no canary, and version 1 is in production"},
		{"a canary that grows", append(second, "canary 10"), "canary 50", "1 production, 2 canary 50"},
		{"a canary promoted", append(second, "canary 10"), "promote b", "1 retired, 2 production"},
		{"a canary promoted by the word on another", append(second, "canary 10"), "promote a", "refused: bea approved another model"},
		{"a second canary", append(second, "canary 10", "push c", "deploy-test"), "canary 10", "refused: version 2 is the canary"},
		{"another test", append(second, "push c"), "deploy-test", "1 production, 2 pushed, 3 test"},
		{"canary back", append(second, "canary 10"), "rollback", "1 production, 2 rolled-back"},
		{"production back", append(second, "canary 10", "promote b"), "rollback", "1 production, 2 rolled-back"},
		{"production back beside a canary", append(second, "canary 10", "promote b", "push c", "deploy-test", "canary 5"), "rollback 2", "refused: version 3 is the canary beside it"},
		{"production back, a canary first", append(second, "canary 10", "promote b", "push c", "deploy-test", "canary 5"), "rollback", "1 retired, 2 production, 3 rolled-back"},
		{"back from the first", first, "rollback", "refused: there is no version to go back to"},
		{"back twice is once", append(second, "canary 10", "promote b", "rollback"), "rollback", "1 production, 2 rolled-back"},
		{"back further", append(second, "canary 10", "promote b", "push c", "deploy-test", "canary 1", "promote c", "rollback"), "rollback 2", "1 production, 2 rolled-back, 3 rolled-back"},
		{"test back", []string{"push a", "deploy-test"}, "rollback 1", "1 rolled-back"},
		{"pushed back", []string{"push a"}, "rollback 1", "1 rolled-back"},
		{"retired back", append(second, "canary 10", "promote b"), "rollback 1", "refused: it is retired"},
		{"nothing to go back from", []string{"push a"}, "rollback", "no version of phishing is a canary or in production"},
		{"rolled back and tested again", append(second, "canary 10", "rollback"), "deploy-test 2", "1 production, 2 test"},
		{"rolled back is no canary", append(second, "canary 10", "rollback"), "canary 10", "no version of phishing is in the test environment"},
		{"retire production", first, "retire 1", "1 retired"},
		{"retire production beside a canary", append(second, "canary 10"), "retire 1", "refused: version 2 is the canary"},
		{"retire the canary", append(second, "canary 10"), "retire 2", "refused: it is the canary"},
		{"retire a push", []string{"push a"}, "retire 1", "1 retired"},
		{"retire what", []string{"push a"}, "retire", "retire needs a version"},
		{"a version that is not there", []string{"push a"}, "deploy-test 7", "there is no version 7 of phishing"},
		{"the same push", []string{"push a"}, "push a", "1 pushed"},
		{"the same push in production", first, "push a", "1 production"},
		{"the same push under another number", first, "push a as 7", "1 production"},
		{"the first canary of a pipeline", []string{"push a", "deploy-test"}, "canary of a", "1 canary 100"},
		{"the first canary of a pipeline once more", []string{"push a", "deploy-test", "canary of a"}, "canary of a", "1 canary 100"},
		{"a canary of a pipeline", second, "canary of b", "1 production, 2 canary 10"},
		{"a test of what is pushed", append(second, "push c"), "deploy-test of c", "1 production, 2 pushed, 3 test"},
		{"a test of the canary by its digest", append(second, "canary 10"), "deploy-test of b", "1 production, 2 canary 10"},
		{"a test of production by its digest", first, "deploy-test of a", "1 production"},
		{"a test of production by its number", first, "deploy-test 1", "refused: it is production"},
		{"a canary of production by its digest", first, "canary of a", "1 production"},
		{"a promotion of production by its digest", first, "promote of a", "1 production"},
		{"a promotion by another's digest", append(second, "canary 10"), "promote of a", "1 production, 2 canary 10"},
		{"back by the digest", append(second, "canary 10", "promote b"), "rollback of b", "1 production, 2 rolled-back"},
		{"back by the digest twice", append(second, "canary 10", "promote b", "rollback"), "rollback of b", "1 production, 2 rolled-back"},
		{"a test of what was rolled back and pushed again", append(second, "canary 10", "rollback", "push b"), "deploy-test of b", "1 production, 2 rolled-back, 3 test"},
		{"a digest that is not there", first, "deploy-test of c", "no version of phishing is the model sha256:ccc"},
		{"a push of what was retired", append(slices.Clone(first), "retire 1"), "push a", "1 retired, 2 pushed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			script(t, m, test.before...)
			before := m.without(locksFolder)
			said, err := act(t.Context(), m, book(m), test.action)
			if err != nil {
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("refused by %v\nwant %s", err, test.want)
				}
				if !maps.Equal(before, m.without(locksFolder)) {
					t.Error("a refusal changed the store")
				}
			} else if got := shape(look(t, m)); got != test.want {
				t.Errorf("%s: got %s, want %s", said, got, test.want)
			}
			if len(m.objects) != len(m.without(locksFolder)) {
				t.Error("a lock is left")
			}
		})
	}
}

func TestServingFollowsTheState(t *testing.T) {
	m := newMemory()
	script(t, m, first...)
	script(t, m, "push b", "deploy-test", "canary 10")
	held := m.objects[servingconfig.FileName].content
	want := servingconfig.Config{Models: []servingconfig.Model{{
		Name: "phishing", BasePath: "/models/phishing", Versions: []int64{1, 2}, Labels: map[string]int64{"stable": 1, "canary": 2},
	}}}
	if held != want.Render() {
		t.Errorf("got %s, want %s", held, want.Render())
	}
	once := m.without(locksFolder)
	script(t, m, "rollback")
	if strings.Contains(m.objects[servingconfig.FileName].content, "canary") || strings.Contains(m.objects[servingconfig.FileName].content, "versions: 2") {
		t.Errorf("the canary left something behind: %s", m.objects[servingconfig.FileName].content)
	}
	script(t, m, "deploy-test 2", "canary 10")
	for _, name := range []string{servingconfig.FileName, path.Join(testFolder, servingconfig.FileName)} {
		if m.objects[name].content != once[name] {
			t.Errorf("canary, rollback, canary: %s is %s, was %s", name, m.objects[name].content, once[name])
		}
	}
}

// TestOthersModelsStay: models.config is of all models in the store.
func TestOthersModelsStay(t *testing.T) {
	m := newMemory()
	other := servingconfig.Config{Models: []servingconfig.Model{{Name: "digits", BasePath: "/models/digits", Versions: []int64{4}}}}
	m.objects[servingconfig.FileName] = object{other.Render(), start}
	script(t, m, first...)
	script(t, m, "retire 1")
	if got := m.objects[servingconfig.FileName].content; got != other.Render() {
		t.Errorf("got %s, want %s", got, other.Render())
	}
}

func TestTwoPushesWithTimeBetween(t *testing.T) {
	m := newMemory()
	script(t, m, first...)
	script(t, m, "push b", "deploy-test")
	var waits []time.Duration
	var seen []string
	b := book(m)
	b.Settle = 42 * time.Second
	b.Sleep = func(_ context.Context, d time.Duration) error {
		waits, seen = append(waits, d), append(seen, m.objects[servingconfig.FileName].content)
		return nil
	}
	if _, err := act(t.Context(), m, b, "canary 10"); err != nil {
		t.Fatal(err)
	}
	if len(waits) != 1 || waits[0] != b.Settle || !strings.Contains(seen[0], "versions: 2") || strings.Contains(seen[0], "canary") {
		t.Errorf("waits %v, served between the pushes: %s", waits, seen)
	}
}

// consistent is what must hold for whoever reads the store at any moment.
func consistent(m *memory) error {
	for _, name := range []string{servingconfig.FileName, path.Join(testFolder, servingconfig.FileName)} {
		text, there := m.objects[name]
		if !there {
			continue
		}
		config, err := servingconfig.Parse(text.content)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for _, served := range config.Models {
			for _, number := range served.Versions {
				letter := ""
				for at := range 26 {
					candidate := string(rune('a' + at))
					if files, _ := model(candidate); m.objects[versionFolder("phishing", number)+"/saved_model.pb"].content == files["saved_model.pb"] {
						letter = candidate
					}
				}
				files, _ := model(letter)
				for name, content := range files {
					if m.objects[path.Join(versionFolder("phishing", number), name)].content != content {
						return fmt.Errorf("%s serves version %d, whose %s is not whole", name, number, name)
					}
				}
			}
		}
	}
	return nil
}

// TestKilledAtEveryWrite cuts each transition off after each of its writes, lets the lock's lease pass, and repeats it.
func TestKilledAtEveryWrite(t *testing.T) {
	second := slices.Concat(first, []string{"push b", "deploy-test"})
	for _, test := range []struct {
		before []string
		action string
	}{
		{nil, "push a"},
		{[]string{"push a"}, "deploy-test"},
		{[]string{"push a", "deploy-test"}, "promote a"},
		{first, "push b"},
		{append(second, "push c"), "deploy-test"},
		{second, "canary 10"},
		{append(second, "canary 10"), "canary 0"},
		{append(second, "canary 10"), "promote b"},
		{append(second, "canary 10"), "rollback"},
		{append(second, "canary 10", "promote b"), "rollback"},
		{first, "retire 1"},
	} {
		t.Run(test.action+" after "+strings.Join(test.before, " "), func(t *testing.T) {
			origin := newMemory()
			script(t, origin, test.before...)
			whole := origin.clone()
			whole.writes = 0
			script(t, whole, test.action)
			if whole.writes < 4 {
				t.Fatalf("%d writes: what is there to cut?", whole.writes)
			}
			for cut := range whole.writes {
				m := origin.clone()
				m.left = cut
				_, err := act(t.Context(), m, book(m), test.action)
				if cut < whole.writes-1 && !errors.Is(err, errCut) { // the last write is the lock's removal
					t.Fatalf("cut after %d of %d: %v", cut, whole.writes, err)
				}
				if err := consistent(m); err != nil {
					t.Errorf("cut after %d: %v", cut, err)
				}
				killed := m.clone()
				if _, err := act(t.Context(), killed, book(killed), test.action); cut > 0 && !errors.As(err, new(BusyError)) {
					t.Errorf("cut after %d: the lock keeps nobody out: %v", cut, err)
				}
				again := m.clone().pass(2 * Lease)
				script(t, again, test.action)
				if got, want := again.without(locksFolder), whole.without(locksFolder); !maps.Equal(got, want) {
					t.Errorf("cut after %d and repeated, the store holds\n%v\nwant\n%v", cut, got, want)
				}
				// somebody else, who wants something else, finishes it as well
				other := m.clone().pass(2 * Lease)
				script(t, other, "push f")
				if _, err := book(other).History(t.Context()); err != nil {
					t.Errorf("cut after %d, then another: %v", cut, err)
				}
			}
		})
	}
}

// TestRandomSequences asks for anything at any time.
func TestRandomSequences(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 7))
		m := newMemory()
		records := map[string]string{}
		for step := range 80 {
			words := []string{
				"push " + string(rune('a'+random.IntN(6))), "deploy-test", fmt.Sprintf("deploy-test %d", random.IntN(6)),
				fmt.Sprintf("canary %d", random.IntN(5)*25), "promote " + string(rune('a'+random.IntN(6))),
				"rollback", fmt.Sprintf("rollback %d", random.IntN(6)), fmt.Sprintf("retire %d", 1+random.IntN(6)),
			}
			word := words[random.IntN(len(words))]
			before := m.without(locksFolder)
			killed := random.IntN(8) == 0
			if killed {
				m.left = random.IntN(9)
			}
			_, err := act(t.Context(), m, book(m), word)
			if m.left = -1; killed {
				m.pass(2 * Lease)
			} else if err != nil && !maps.Equal(before, m.without(locksFolder)) && before[stateName("phishing")] == m.objects[stateName("phishing")].content {
				t.Fatalf("seed %d, step %d: %s was refused (%v) and changed the store", seed, step, word, err)
			}
			if err := consistent(m); err != nil {
				t.Fatalf("seed %d, step %d, %s: %v", seed, step, word, err)
			}
			for name, content := range records {
				if m.objects[name].content != content {
					t.Fatalf("seed %d, step %d: %s changed %s", seed, step, word, name)
				}
			}
			for name, object := range m.objects {
				if strings.HasPrefix(name, historyFolder("phishing")) {
					records[name] = object.content
				}
			}
			if killed || err != nil {
				continue
			}
			state := look(t, m)
			if err := state.Check(); err != nil {
				t.Fatalf("seed %d, step %d, %s: %v", seed, step, word, err)
			}
			if _, err := book(m).History(t.Context()); err != nil {
				t.Fatalf("seed %d, step %d, %s: %v", seed, step, word, err)
			}
			serves(t, m, state)
			done := m.without(locksFolder)
			_, err = act(t.Context(), m, book(m), word)
			if after := m.without(locksFolder); err != nil || !maps.Equal(done, after) {
				t.Fatalf("seed %d, step %d: %s twice is not once: %v\n%s, then %s", seed, step, word, err, shape(state), shape(look(t, m)))
			}
		}
	}
}

// serves wants models.config to be what the state asks for.
func serves(t *testing.T, m *memory, state State) {
	t.Helper()
	want, _ := state.Serving("/models")
	config := servingconfig.Config{}
	if text, there := m.objects[servingconfig.FileName]; there {
		var err error
		if config, err = servingconfig.Parse(text.content); err != nil {
			t.Fatal(err)
		}
	}
	if len(config.Models) == 0 {
		config.Models = []servingconfig.Model{{Name: "phishing", BasePath: "/models/phishing", Labels: map[string]int64{}}}
	}
	if got := config.Models[0]; !reflect.DeepEqual(got.Labels, want.Labels) || len(got.Versions) != len(want.Versions) {
		t.Fatalf("served is %+v, wanted %+v", got, want)
	}
}

func TestDamageBehindOurBack(t *testing.T) {
	second := slices.Concat(first, []string{"push b", "deploy-test"})
	for _, test := range []struct {
		name   string
		before []string
		damage func(m *memory)
		action string
		want   string // "" for success
	}{
		{"a file gone before the canary", second, func(m *memory) { delete(m.objects, "phishing/2/saved_model.pb") }, "canary 10", "saved_model.pb is gone"},
		{"a file changed before the promotion", append(second, "canary 10"), func(m *memory) { m.objects["phishing/2/saved_model.pb"] = object{"graph x", start} }, "promote b", "saved_model.pb has another content"},
		{"a file added before the test", []string{"push a"}, func(m *memory) { m.objects["phishing/1/x"] = object{"x", start} }, "deploy-test", "x was added"},
		{"the version to go back to is gone", append(second, "canary 10", "promote b"), func(m *memory) { delete(m.objects, "phishing/1/saved_model.pb") }, "rollback", "the files of version 1 in the store are not those that were pushed: saved_model.pb is gone"},
		{"the attestation gone", second, func(m *memory) { delete(m.objects, "phishing/lineage/2/attestation.json") }, "canary 10", "it has no attestation in the store"},
		{"the attestation forged", second, func(m *memory) { m.objects["phishing/lineage/2/attestation.json"] = object{"x", start} }, "canary 10", "the signature does not fit"},
		{"the attestation of another", second, func(m *memory) {
			m.objects["phishing/lineage/2/attestation.json"] = m.objects["phishing/lineage/1/attestation.json"]
		}, "canary 10", "its attestation is of another model"},
		{"a gate that did not pass", second, func(m *memory) {
			_, b := model("b")
			m.objects["phishing/lineage/2/attestation.json"] = object{b.Digest + " failed", start}
		}, "canary 10", "its gate did not pass"},
		{"a record gone", second, func(m *memory) { delete(m.objects, "phishing/history/0002.json") }, "canary 10", "the history has lost 0002.json"},
		{"the last record gone", second, func(m *memory) { delete(m.objects, "phishing/history/0005.json") }, "canary 10", "the history has lost 0005.json"},
		{"a record gone does not stop a rollback", append(second, "canary 10"), func(m *memory) { delete(m.objects, "phishing/history/0002.json") }, "rollback", ""},
		{"the state gone, the history says it", second, func(m *memory) { delete(m.objects, "phishing/state.json") }, "canary 10", ""},
		{"state and record gone", second, func(m *memory) {
			delete(m.objects, "phishing/state.json")
			delete(m.objects, "phishing/history/0001.json")
		}, "rollback", "the history has lost 0001.json"},
		{"an older state", append(second, "canary 10"), func(m *memory) {
			records, _ := book(m).History(context.Background())
			state, _ := Fold("phishing", records[:2])
			m.objects["phishing/state.json"] = object{string(encode(state)), start}
		}, "canary 20", ""},
		{"nonsense for a state", second, func(m *memory) { m.objects["phishing/state.json"] = object{"<html>", start} }, "canary 10", "phishing/state.json cannot be read"},
		{"a state of another model", second, func(m *memory) {
			m.objects["phishing/state.json"] = object{strings.Replace(m.objects["phishing/state.json"].content, `"phishing"`, `"digits"`, 1), start}
		}, "canary 10", `is of the model "digits"`},
		{"nonsense for a config", second, func(m *memory) { m.objects["models.config"] = object{"<html>", start} }, "canary 10", "models.config cannot be read"},
		{"a push puts back what is damaged", second, func(m *memory) { delete(m.objects, "phishing/2/saved_model.pb") }, "push b", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newMemory()
			script(t, m, test.before...)
			test.damage(m)
			before := m.without(locksFolder)
			said, err := act(t.Context(), m, book(m), test.action)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want == "":
				if err := consistent(m); err != nil {
					t.Error(err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("got %s, %v, want %s", said, err, test.want)
			case !maps.Equal(before, m.without(locksFolder)):
				t.Error("a refusal changed the store")
			}
		})
	}
}

func TestUnsignedIsRefusedUntilItIsSigned(t *testing.T) {
	m := newMemory()
	files, candidate := model("a")
	m.model = files
	if _, err := book(m).Do(t.Context(), order(Order{Action: Push, Candidate: candidate}), nil); err != nil {
		t.Fatal(err)
	}
	script(t, m, "deploy-test")
	if _, err := act(t.Context(), m, book(m), "promote a"); err == nil || !strings.Contains(err.Error(), "no attestation") {
		t.Fatalf("got %v", err)
	}
	keyless := book(m)
	keyless.Verify = nil
	if _, err := act(t.Context(), m, keyless, "promote a"); err == nil || !strings.Contains(err.Error(), "give --public-key") {
		t.Fatalf("got %v", err)
	}
	script(t, m, "push a", "promote a")
}

func TestHistoryThatWasChangedByHand(t *testing.T) {
	m := newMemory()
	script(t, m, first...)
	name := "phishing/history/0003.json"
	for _, change := range []struct{ old, new, want string }{
		{`"to": "production"`, `"to": "retired"`, "is not what the history leads to"},
		{`"sequence": 3`, `"sequence": 4`, "cannot follow"},
		{`"by": "ann"`, `"by": ""`, "does not say who"},
		{`{`, ``, "cannot be read"},
	} {
		changed := m.clone()
		text := strings.Replace(m.objects[name].content, change.old, change.new, 1)
		if text == m.objects[name].content {
			t.Fatalf("%s is not there", change.old)
		}
		changed.objects[name] = object{text, start}
		if _, err := book(changed).History(t.Context()); err == nil || !strings.Contains(err.Error(), change.want) {
			t.Errorf("%s: got %v, want %s", change.new, err, change.want)
		}
	}
}
