package servingconfig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Steps are the configs to push one after the other, so that a server which runs from comes to run to; none when it does
// already. Between two pushes, wait until every version that the first lists is available.
//
// A server refuses a label for a version that is not loaded yet, and one push that loads and labels is refused for as long as
// it is there. So the versions are loaded first, with the labels where they were; then the labels move; and last the versions
// go that nobody is sent to any more. A step that would change nothing is left out: moving a label between versions that
// both stay takes two pushes, moving it back one.
func Steps(from, to Config) ([]Config, error) {
	if err := from.Validate(); err != nil {
		return nil, fmt.Errorf("the present config: %w", err)
	}
	if err := to.Validate(); err != nil {
		return nil, fmt.Errorf("the wanted config: %w", err)
	}
	if err := movable(from, to); err != nil {
		return nil, err
	}
	loaded := union(from, to)
	var steps []Config
	at := from
	for _, next := range []Config{loaded.labelled(from), loaded.labelled(to), to} {
		if !next.Equal(at) {
			steps = append(steps, next)
			at = next
		}
	}
	return steps, nil
}

// movable refuses what no server can do while it runs: it keeps a loaded version when only the place changes, and what is
// the newest is for the server to say.
func movable(from, to Config) error {
	for _, before := range from.Models {
		after, found := to.model(before.Name)
		switch {
		case !found:
		case strings.TrimSuffix(before.BasePath, "/") != strings.TrimSuffix(after.BasePath, "/"):
			return fmt.Errorf("model %s lies in %s and is to lie in %s: a running server keeps the versions that it has loaded; give the model another name, or remove it first",
				before.Name, shown(before.BasePath), shown(after.BasePath))
		case (len(before.Versions) == 0) != (len(after.Versions) == 0):
			return fmt.Errorf("model %s has named versions on one side and on the other the newest alone: name them on both", before.Name)
		}
	}
	return nil
}

// union has the models and versions of both, and no labels.
func union(from, to Config) Config {
	var both Config
	for _, model := range from.Models {
		after, _ := to.model(model.Name)
		versions := slices.Concat(model.Versions, after.Versions)
		slices.Sort(versions)
		both.Models = append(both.Models, Model{Name: model.Name, BasePath: model.BasePath, Versions: slices.Compact(versions)})
	}
	for _, model := range to.Models {
		if _, found := from.model(model.Name); !found {
			both.Models = append(both.Models, Model{Name: model.Name, BasePath: model.BasePath, Versions: slices.Clone(model.Versions)})
		}
	}
	return both
}

// labelled is the config with the labels of another.
func (c Config) labelled(other Config) Config {
	var with Config
	for _, model := range c.Models {
		named, _ := other.model(model.Name)
		model.Labels = maps.Clone(named.Labels)
		with.Models = append(with.Models, model)
	}
	return with
}

func (c Config) model(name string) (Model, bool) {
	for _, model := range c.Models {
		if model.Name == name {
			return model, true
		}
	}
	return Model{}, false
}

// Equal tells whether a server serves the same by both; the order of models and versions says nothing to it.
func (c Config) Equal(other Config) bool {
	return c.normal().Render() == other.normal().Render()
}

func (c Config) normal() Config {
	models := slices.Clone(c.Models)
	for at := range models {
		models[at].BasePath = strings.TrimSuffix(models[at].BasePath, "/")
	}
	slices.SortFunc(models, func(a, b Model) int { return strings.Compare(a.Name, b.Name) })
	return Config{Models: models}
}
