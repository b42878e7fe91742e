package lineage

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func compareCode(before, after Manifest) *Change {
	if before.Source.Digest == after.Source.Digest {
		return nil
	}
	change := &Change{Kind: Code, Details: compareTexts(before.Source.Entries, after.Source.Entries, short)}
	change.Summary = counted(change.Details, "file", "files")
	if len(change.Details) == 0 {
		change.Summary = "the digest differs, the manifests do not say in which file"
	}
	return change
}

func comparePackages(before, after Manifest) *Change {
	old, new := versions(before.Requirements.Installed), versions(after.Requirements.Installed)
	details := compareTexts(old, new, verbatim)
	switch {
	case len(details) > 0:
		return &Change{Kind: PackageSet, Summary: counted(details, "package", "packages"), Details: details}
	case before.Requirements.Digest != after.Requirements.Digest || before.Requirements.File != after.Requirements.File:
		return &Change{Kind: PackageSet, Summary: "the requirements are written differently; the same packages were installed", Details: []Detail{
			{Name: named(after.Requirements.File, before.Requirements.File), Before: short(before.Requirements.Digest), After: short(after.Requirements.Digest)},
		}}
	}
	return nil
}

func versions(packages []Package) map[string]string {
	of := map[string]string{}
	for _, installed := range packages {
		of[installed.Name] = installed.Version
	}
	return of
}

func compareImages(before, after Manifest) *Change {
	form := func(images map[string]Image) map[string]string {
		of := map[string]string{}
		for role, image := range images {
			of[role] = image.Digest + " " + image.Reference
			if earlier := before.Images[role].Platform; earlier != "" && after.Images[role].Platform != "" {
				of[role] += " " + image.Platform
			}
		}
		return of
	}
	details := compareTexts(form(before.Images), form(after.Images), verbatim)
	if len(details) == 0 {
		return nil
	}
	moved := 0
	for at, detail := range details {
		old, new := before.Images[detail.Name], after.Images[detail.Name]
		if old.Reference == new.Reference && old.Digest != new.Digest {
			moved++
			details[at].Note = "the tag moved to another image"
		}
		details[at].Before, details[at].After = image(old), image(new)
		if old.Digest == new.Digest && old.Platform != new.Platform {
			details[at].Note = "for another kind of processor"
			details[at].Before, details[at].After = image(old)+" "+old.Platform, image(new)+" "+new.Platform
		}
	}
	summary := counted(details, "image", "images")
	if moved == len(details) {
		summary = "same tag, another image"
	}
	return &Change{Kind: ImageUsed, Summary: summary, Details: details}
}

func image(of Image) string {
	if of.Reference == "" {
		return ""
	}
	return of.Reference + "@" + short(of.Digest)
}

func compareParameters(before, after Manifest) *Change {
	form := func(parameters Parameters) map[string]string {
		of := flags(parameters.Args)
		of["script"] = parameters.Script
		of["workers"] = strconv.Itoa(max(1, parameters.Workers))
		if parameters.Resumed {
			of["resumed"] = "went on from a checkpoint"
		}
		return of
	}
	details := compareTexts(form(before.Parameters), form(after.Parameters), verbatim)
	if len(details) == 0 {
		return nil
	}
	return &Change{Kind: Arguments, Summary: counted(details, "parameter", "parameters"), Details: details}
}

// flags are a script's arguments by name: --epochs=5 or --epochs 5, several of one name side by side.
func flags(args []string) map[string]string {
	of := map[string]string{}
	last := ""
	add := func(name, value string) {
		if old, again := of[name]; again && old != "" && value != "" {
			value = old + " " + value
		}
		of[name] = value
	}
	for _, arg := range args {
		switch name, value, assigned := strings.Cut(arg, "="); {
		case strings.HasPrefix(arg, "--") && assigned:
			add(name, value)
			last = ""
		case strings.HasPrefix(arg, "--"):
			add(arg, "given")
			last = arg
		case last != "":
			of[last] = strings.TrimSuffix(of[last], "given") + arg
			last = ""
		default:
			add("arguments", arg)
		}
	}
	return of
}

func compareSeed(before, after Manifest) *Change {
	if before.Seed == after.Seed {
		return nil
	}
	old, new := strconv.Itoa(before.Seed), strconv.Itoa(after.Seed)
	return &Change{Kind: Seed, Summary: old + " → " + new, Details: []Detail{{Name: "seed", Before: old, After: new}}}
}

func compareMode(before, after Manifest) *Change {
	form := func(m Manifest) map[string]string {
		of := maps.Clone(m.Threads)
		if of == nil {
			of = map[string]string{}
		}
		of["train.reproducible"] = m.Reproducible
		return of
	}
	details := compareTexts(form(before), form(after), verbatim)
	if len(details) == 0 {
		return nil
	}
	return &Change{Kind: Mode, Summary: counted(details, "setting", "settings"), Details: details}
}

func compareHardware(before, after Manifest) *Change {
	form := func(device Device) map[string]string {
		return map[string]string{
			"device": device.Kind, "cards": strings.Join(device.Names, ", "),
			"processor": device.Processor.Model, "instructions": strings.Join(device.Processor.Flags, " "),
		}
	}
	details := compareTexts(form(before.Device), form(after.Device), verbatim)
	if len(details) == 0 {
		return nil
	}
	return &Change{Kind: Hardware, Summary: "trained on another machine: bits are equal on one class of processor only", Details: details}
}

func compareTools(before, after Manifest) *Change {
	form := func(m Manifest) map[string]string {
		return map[string]string{"engine": m.Tools.Engine, "module": m.Tools.Module, "exported by": m.ExportedBy}
	}
	details := compareTexts(form(before), form(after), verbatim)
	if len(details) == 0 {
		return nil
	}
	return &Change{Kind: Tooling, Summary: counted(details, "version", "versions"), Details: details}
}

// compareTexts lists what was added, removed and changed, by name.
func compareTexts(before, after map[string]string, form func(string) string) []Detail {
	names := maps.Clone(before)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, after)
	var details []Detail
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if before[name] != after[name] {
			details = append(details, Detail{Name: name, Before: form(before[name]), After: form(after[name])})
		}
	}
	return details
}

// counted says how many details were changed, added and removed: "2 files changed, 1 added".
func counted(details []Detail, one, many string) string {
	var changed, added, removed int
	for _, detail := range details {
		switch {
		case detail.Before == "":
			added++
		case detail.After == "":
			removed++
		default:
			changed++
		}
	}
	var parts []string
	for _, part := range []struct {
		count int
		verb  string
	}{{changed, "changed"}, {added, "added"}, {removed, "removed"}} {
		if part.count == 0 {
			continue
		}
		if len(parts) > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.count, part.verb))
			continue
		}
		noun := many
		if part.count == 1 {
			noun = one
		}
		parts = append(parts, fmt.Sprintf("%d %s %s", part.count, noun, part.verb))
	}
	return strings.Join(parts, ", ")
}

func verbatim(text string) string { return text }

// short is a digest that a person can compare: enough of it to tell two apart.
func short(digest string) string {
	const shown = 12
	if hex, found := strings.CutPrefix(digest, "sha256:"); found && len(hex) > shown {
		return hex[:shown]
	}
	return digest
}

func named(names ...string) string {
	for _, name := range names {
		if name != "" {
			return name
		}
	}
	return "none"
}

func compareMetrics(before, after map[string]*float64) []Metric {
	names := map[string]bool{}
	for name := range before {
		names[name] = true
	}
	for name := range after {
		names[name] = true
	}
	metrics := []Metric{}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		metrics = append(metrics, Metric{Name: name, Before: before[name], After: after[name]})
	}
	return metrics
}
