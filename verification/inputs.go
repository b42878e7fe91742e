// Package verification decides whether a model is what its manifest says: whether a training that is to repeat one has the
// recorded inputs, whether equal bits were promised, and what a difference means.
package verification

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"dagger/tensorflow-ci/lineage"
)

// maxNames is how many names a message lists.
const maxNames = 10

// Difference is an input that is not what it was when the model was made.
type Difference struct {
	What     string   `json:"what"` // source, data, image ROLE, requirements, packages, or a parameter
	Recorded string   `json:"recorded"`
	Now      string   `json:"now"`
	Details  []string `json:"details,omitempty"` // files of the source, or packages
}

func (d Difference) String() string {
	text := fmt.Sprintf("%s differs: recorded %s, now %s", d.What, d.Recorded, d.Now)
	if len(d.Details) == 0 {
		return text
	}
	return text + " (" + listed(d.Details) + ")"
}

// Inputs compares what a training would be made from now with what the manifest records, in the order in which a
// difference explains the most. Packages are compared where both are known: they are, once they are installed.
func Inputs(recorded, now lineage.Manifest) []Difference {
	var found []Difference
	compare := func(what, before, after string, details ...string) {
		if before != after {
			found = append(found, Difference{What: what, Recorded: shown(before), Now: shown(after), Details: details})
		}
	}
	var files []string
	if len(recorded.Source.Entries) > 0 && len(now.Source.Entries) > 0 {
		files = Changes(recorded.Source.Entries, now.Source.Entries)
	}
	compare("source", recorded.Source.Digest, now.Source.Digest, files...)
	compare("data", recorded.Data.Digest, now.Data.Digest)
	for _, role := range slices.Sorted(maps.Keys(union(recorded.Images, now.Images))) {
		before, after := recorded.Images[role], now.Images[role]
		if before.Digest != after.Digest {
			compare("image "+role, pinned(before), pinned(after))
		}
		if before.Platform != "" && after.Platform != "" { // manifests of earlier versions do not say
			compare("platform of "+role, before.Platform, after.Platform)
		}
	}
	compare("requirements", recorded.Requirements.Digest, now.Requirements.Digest)
	if before, after := recorded.Requirements.Installed, now.Requirements.Installed; len(before) > 0 && len(after) > 0 && !slices.Equal(before, after) {
		compare("packages", fmt.Sprintf("%d packages", len(before)), "other ones", Changes(versions(before), versions(after))...)
	}
	compare("train.script", recorded.Parameters.Script, now.Parameters.Script)
	compare("train.args", strings.Join(recorded.Parameters.Args, " "), strings.Join(now.Parameters.Args, " "))
	compare("train.workers", fmt.Sprint(max(1, recorded.Parameters.Workers)), fmt.Sprint(max(1, now.Parameters.Workers)))
	compare("train.seed", fmt.Sprint(recorded.Seed), fmt.Sprint(now.Seed))
	compare("train.reproducible", recorded.Reproducible, now.Reproducible)
	for _, name := range slices.Sorted(maps.Keys(union(recorded.Threads, now.Threads))) {
		compare(name, recorded.Threads[name], now.Threads[name])
	}
	compare("train.gpus", recorded.Device.Kind, now.Device.Kind)
	return found
}

// Changes says what became of each name: added, gone, or changed.
func Changes(before, after map[string]string) []string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(union(before, after))) {
		old, was := before[name]
		value, is := after[name]
		switch {
		case !was:
			found = append(found, name+" was added")
		case !is:
			found = append(found, name+" is gone")
		case old != value:
			found = append(found, name+" was changed")
		}
	}
	return found
}

func union[V any](a, b map[string]V) map[string]V {
	all := maps.Clone(a)
	if all == nil {
		all = map[string]V{}
	}
	maps.Copy(all, b)
	return all
}

func versions(packages []lineage.Package) map[string]string {
	found := map[string]string{}
	for _, installed := range packages {
		found[installed.Name] = installed.Version
	}
	return found
}

func pinned(image lineage.Image) string {
	if image.Digest == "" {
		return ""
	}
	return image.Reference + "@" + image.Digest
}

func shown(value string) string {
	if value == "" {
		return "nothing"
	}
	return value
}

func listed(names []string) string {
	if more := len(names) - maxNames; more > 0 {
		return strings.Join(names[:maxNames], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}
