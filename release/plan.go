package release

import (
	"fmt"
	"path"
	"strings"
	"time"

	"dagger/tensorflow-ci/servingconfig"
)

// Write is one step of a plan: an object that is written whole.
type Write struct {
	Name    string
	Content []byte
	// Settle is how long those who read the object before this one need, before this one is written: a server loads a
	// version before a label can point at it.
	Settle time.Duration
}

// Serving is the part of models.config that a state asks for, in production: the stable version and the canary.
func (s State) Serving(base string) (servingconfig.Model, bool) {
	model := servingconfig.Model{Name: s.Model, BasePath: strings.TrimRight(base, "/") + "/" + s.Model, Labels: map[string]int64{}}
	for _, role := range []struct {
		status Status
		label  string
	}{{Production, servingconfig.Stable}, {Canary, servingconfig.Canary}} {
		if version, found := s.Holder(role.status); found {
			model.Versions = append(model.Versions, version.Number)
			model.Labels[role.label] = version.Number
		}
	}
	return model, len(model.Versions) > 0
}

// Testing is the part of models.config that a state asks for in the test environment.
func (s State) Testing(base string) (servingconfig.Model, bool) {
	version, found := s.Holder(Test)
	return servingconfig.Model{Name: s.Model, BasePath: strings.TrimRight(base, "/") + "/" + s.Model, Versions: []int64{version.Number}}, found
}

// with is a config with one model replaced, added or left out.
func with(config servingconfig.Config, name string, model servingconfig.Model, wanted bool) servingconfig.Config {
	var changed servingconfig.Config
	for _, other := range config.Models {
		switch {
		case other.Name != name:
			changed.Models = append(changed.Models, other)
		case wanted:
			changed.Models = append(changed.Models, model)
			wanted = false
		}
	}
	if wanted {
		changed.Models = append(changed.Models, model)
	}
	return changed
}

// Configs are what servers read: production's and the test environment's models.config.
type Configs struct {
	Production, Test servingconfig.Config
}

// Plan lists the writes of a transition in their order: the record, then what serves, then the state, which is the
// pointer. before says what serves now; after a kill at any place the plan is made anew from what is there then.
//
// The record itself is no part of the plan of one that was written already.
func Plan(after State, record Record, written bool, now Configs, base string, settle time.Duration) ([]Write, error) {
	var writes []Write
	if !written {
		writes = append(writes, Write{Name: path.Join(historyFolder(after.Model), historyName(record.Sequence)), Content: encode(record)})
	}
	production, serves := after.Serving(base)
	test, tests := after.Testing(base)
	for _, target := range []struct {
		name      string
		from, to  servingconfig.Config
		twoPushes bool
	}{
		{path.Join(testFolder, servingconfig.FileName), now.Test, with(now.Test, after.Model, test, tests), false},
		{servingconfig.FileName, now.Production, with(now.Production, after.Model, production, serves), true},
	} {
		steps, err := servingconfig.Steps(target.from, target.to)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", target.name, err)
		}
		for at, step := range steps {
			write := Write{Name: target.name, Content: []byte(step.Render())}
			if at > 0 && target.twoPushes {
				write.Settle = settle
			}
			writes = append(writes, write)
		}
	}
	return append(writes, Write{Name: stateName(after.Model), Content: encode(after)}), nil
}
