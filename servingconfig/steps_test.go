package servingconfig

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// server is what TensorFlow Serving makes of the configs that are pushed to it, as server_core.cc has it: labels are looked
// at first, against the versions that are available before the push, and one that fails stops all of it.
type server struct {
	loaded map[string]map[int64]bool
	labels map[string]map[string]int64
}

func (s *server) push(t *testing.T, text string) {
	t.Helper()
	config, err := Parse(text)
	if err != nil {
		t.Fatalf("the server cannot read its config: %v\n%s", err, text)
	}
	labels := map[string]map[string]int64{}
	for _, model := range config.Models {
		labels[model.Name] = map[string]int64{}
		for label, version := range model.Labels {
			if !s.loaded[model.Name][version] {
				t.Fatalf("FAILED_PRECONDITION: label %s of model %s to version %d, which is not available\n%s", label, model.Name, version, text)
			}
			labels[model.Name][label] = version
		}
	}
	loaded := map[string]map[int64]bool{}
	for _, model := range config.Models {
		loaded[model.Name] = map[int64]bool{}
		for _, version := range model.Versions {
			loaded[model.Name][version] = true
		}
	}
	for name, of := range s.labels { // a request may have looked its label up just before this push
		for label, version := range of {
			if !loaded[name][version] {
				t.Fatalf("version %d of model %s is unloaded while label %s still led to it", version, name, label)
			}
		}
	}
	s.loaded, s.labels = loaded, labels
}

// run pushes what leads from a state to another.
func (s *server) run(t *testing.T, from, to Config) {
	t.Helper()
	steps, err := Steps(from, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range steps {
		s.push(t, step.Render())
	}
}

func models(versions []int64, labels map[string]int64) Config {
	return Config{Models: []Model{{Name: "m", BasePath: "/models/m", Versions: versions, Labels: labels}}}
}

var (
	first      = models([]int64{1}, map[string]int64{Stable: 1})
	canary     = models([]int64{1, 2}, map[string]int64{Stable: 1, Canary: 2})
	promoted   = models([]int64{1, 2}, map[string]int64{Stable: 2})
	onlySecond = models([]int64{2}, map[string]int64{Stable: 2})
)

func TestSteps(t *testing.T) {
	for _, test := range []struct {
		name     string
		from, to Config
		want     []Config
	}{
		{"nothing to do", canary, canary, nil},
		{"the same, in another order", canary, models([]int64{2, 1}, map[string]int64{Stable: 1, Canary: 2}), nil},
		{"the first version", Config{}, first, []Config{models([]int64{1}, nil), first}},
		{"a canary", first, canary, []Config{models([]int64{1, 2}, map[string]int64{Stable: 1}), canary}},
		{"promote, the old one stays", canary, promoted, []Config{promoted}},
		{"promote, the old one goes", canary, onlySecond, []Config{promoted, onlySecond}},
		{"stable straight to a new version", first, promoted, []Config{models([]int64{1, 2}, map[string]int64{Stable: 1}), promoted}},
		{"stable moves and the old one goes", first, onlySecond, []Config{models([]int64{1, 2}, map[string]int64{Stable: 1}), promoted, onlySecond}},
		{"roll the canary back", canary, first, []Config{models([]int64{1, 2}, map[string]int64{Stable: 1}), first}},
		{"the last model goes", first, Config{}, []Config{models([]int64{1}, nil), {}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Steps(test.from, test.to)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != len(test.want) {
				t.Fatalf("%d pushes, want %d:\n%s", len(got), len(test.want), text(got))
			}
			for at := range got {
				if !got[at].Equal(test.want[at]) {
					t.Errorf("push %d:\n%s\nwant:\n%s", at+1, got[at].Render(), test.want[at].Render())
				}
			}
		})
	}
}

func TestStepsRefuse(t *testing.T) {
	elsewhere := models([]int64{1}, nil)
	elsewhere.Models[0].BasePath = "/other"
	for name, test := range map[string]struct {
		from, to Config
		want     string
	}{
		"another place":           {first, elsewhere, "keeps the versions that it has loaded"},
		"from named to newest":    {first, models(nil, nil), "name them on both"},
		"from newest to named":    {models(nil, nil), first, "name them on both"},
		"a present that is wrong": {models([]int64{0}, nil), first, "the present config: models.config: "},
		"a wish that is wrong":    {first, models([]int64{1}, map[string]int64{Canary: 2}), "the wanted config: models.config: "},
	} {
		if _, err := Steps(test.from, test.to); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, test.want)
		}
	}
}

// TestCanaryTwice: canary → roll back → canary ends where the first canary did, and rolling back where it began.
func TestCanaryTwice(t *testing.T) {
	at := &server{}
	at.run(t, Config{}, first)
	began := fmt.Sprint(at)
	for range 3 {
		at.run(t, first, canary)
		at.run(t, canary, first)
		if now := fmt.Sprint(at); now != began {
			t.Fatalf("after a canary that was rolled back: %s, before it: %s", now, began)
		}
	}
}

// TestStepsAreAccepted walks between states at random: the server accepts each push, no label loses its version under a
// request, and the last push leaves exactly what was wanted. Every state between two pushes is as good a beginning: a
// caller that was killed there reads where it stands and goes on.
func TestStepsAreAccepted(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	for range 2000 {
		at, now := &server{}, Config{}
		for range 4 {
			wanted := anyConfig(random)
			steps, err := Steps(now, wanted)
			if err != nil {
				t.Fatal(err)
			}
			if len(steps) > 0 {
				cut := random.IntN(len(steps) + 1) // how many pushes it lived to make
				for _, step := range steps[:cut] {
					at.push(t, step.Render())
					now = step
				}
				steps, err = Steps(now, wanted)
				if err != nil {
					t.Fatal(err)
				}
			}
			for _, step := range steps {
				at.push(t, step.Render())
			}
			now = wanted
			want := &server{loaded: map[string]map[int64]bool{}, labels: map[string]map[string]int64{}}
			for _, model := range wanted.Models {
				want.loaded[model.Name], want.labels[model.Name] = map[int64]bool{}, map[string]int64{}
				for _, version := range model.Versions {
					want.loaded[model.Name][version] = true
				}
				for label, version := range model.Labels {
					want.labels[model.Name][label] = version
				}
			}
			if fmt.Sprint(at) != fmt.Sprint(want) {
				t.Fatalf("the server has %v, want %v", at, want)
			}
		}
	}
}

func anyConfig(random *rand.Rand) Config {
	var config Config
	for _, name := range []string{"a", "b"} {
		if random.IntN(4) == 0 {
			continue
		}
		model := Model{Name: name, BasePath: "/models/" + name, Labels: map[string]int64{}}
		for _, version := range random.Perm(4)[:1+random.IntN(3)] {
			model.Versions = append(model.Versions, int64(version+1))
		}
		for _, label := range []string{Stable, Canary, "x"} {
			if random.IntN(2) == 0 {
				model.Labels[label] = model.Versions[random.IntN(len(model.Versions))]
			}
		}
		config.Models = append(config.Models, model)
	}
	return config
}

func text(configs []Config) string {
	var all []string
	for _, config := range configs {
		all = append(all, config.Render())
	}
	return strings.Join(all, "---\n")
}
