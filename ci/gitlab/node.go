package gitlab

import (
	"iter"
	"slices"

	"gopkg.in/yaml.v3"
)

// entriesOf goes over the keys of a mapping, in the order of the file.
func entriesOf(mapping *yaml.Node) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(*yaml.Node, *yaml.Node) bool) {
		if mapping == nil || mapping.Kind != yaml.MappingNode {
			return
		}
		for at := 0; at+1 < len(mapping.Content); at += 2 {
			if !yield(mapping.Content[at], mapping.Content[at+1]) {
				return
			}
		}
	}
}

// child is the value of a key; nil where there is none.
func child(mapping *yaml.Node, key string) *yaml.Node {
	for name, value := range entriesOf(mapping) {
		if name.Value == key {
			return value
		}
	}
	return nil
}

// pairs are the keys of a mapping with their values.
func pairs(mapping *yaml.Node) map[string]*yaml.Node {
	found := map[string]*yaml.Node{}
	for name, value := range entriesOf(mapping) {
		found[name.Value] = value
	}
	return found
}

// set gives a key of a mapping a value, in its place or at the end; nil takes the key away.
func set(mapping *yaml.Node, key string, value *yaml.Node) {
	for at := 0; at+1 < len(mapping.Content); at += 2 {
		switch {
		case mapping.Content[at].Value != key:
		case value == nil:
			mapping.Content = slices.Delete(mapping.Content, at, at+2)
			return
		default:
			mapping.Content[at+1] = value
			return
		}
	}
	if value != nil {
		mapping.Content = append(mapping.Content, scalar(key), value)
	}
}

func scalar(text string) *yaml.Node {
	node := &yaml.Node{}
	node.SetString(text)
	return node
}

// merge puts one mapping over another, as GitLab does: mappings key by key, all else as a whole.
func merge(under, over *yaml.Node) *yaml.Node {
	if under == nil || under.Kind != yaml.MappingNode || over.Kind != yaml.MappingNode {
		return over
	}
	merged := *under
	merged.Content = slices.Clone(under.Content)
	for name, value := range entriesOf(over) {
		set(&merged, name.Value, merge(child(under, name.Value), value))
	}
	return &merged
}
