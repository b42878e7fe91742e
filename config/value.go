package config

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// value is a part of the settings on its way into a [Config]: where it stands, under which key, and who hears of problems.
type value struct {
	*yaml.Node
	key      string
	line     int  // of its key in the file
	flag     bool // it came from --set, where all values are plain text
	problems *problems
}

// refuse reports what is wrong with the value.
func (v value) refuse(what, allowed string) {
	v.problems.add(v.line, v.key, what, allowed)
}

// child is a value below v.
func (v value) child(node *yaml.Node, key string, line int) value {
	return value{Node: node, key: v.key + key, line: line, flag: v.flag, problems: v.problems}
}

// fields are the keys of a mapping, and what reads each.
type fields map[string]func(value)

// read hands each key's value to its reader, and refuses unknown keys.
func (f fields) read(v value) {
	names := slices.Sorted(maps.Keys(f))
	for key, child := range v.entries("a mapping with " + strings.Join(names, ", ")) {
		if reader, known := f[key]; known {
			reader(child)
			continue
		}
		child.refuse("unknown key"+didYouMean(key, names), strings.Join(names, ", "))
	}
}

// entries yields the keys of a mapping once each.
func (v value) entries(wanted string) func(yield func(string, value) bool) {
	return func(yield func(string, value) bool) {
		if v.Kind != yaml.MappingNode {
			v.refuse(v.describe()+" is no mapping", wanted)
			return
		}
		first, prefix := map[string]int{}, ""
		if v.key != "" {
			prefix = "."
		}
		for at := 0; at+1 < len(v.Content); at += 2 {
			name := v.Content[at]
			if name.Kind != yaml.ScalarNode {
				odd := v.child(name, "", name.Line)
				odd.refuse(odd.describe()+" stands where a key should", wanted)
				continue
			}
			child := v.child(v.Content[at+1], prefix+printable(name.Value), name.Line)
			if line, again := first[name.Value]; again {
				child.refuse(fmt.Sprintf("the key is there twice, first in line %d", line), "each key once")
				continue
			}
			first[name.Value] = name.Line
			if !yield(name.Value, child) {
				return
			}
		}
	}
}

// items yields the elements of a list.
func (v value) items(wanted string) func(yield func(value) bool) {
	return func(yield func(value) bool) {
		switch {
		case v.flag:
			v.refuse("it is a list, and a flag sets one value", "a change in "+FileName)
			return
		case v.Kind != yaml.SequenceNode:
			v.refuse(v.describe()+" is no list", wanted)
			return
		}
		for at, node := range v.Content {
			if !yield(v.child(node, fmt.Sprintf("[%d]", at), node.Line)) {
				return
			}
		}
	}
}

// describe names what stands where something else was wanted.
func (v value) describe() string {
	switch {
	case v.Kind == yaml.MappingNode:
		return "a mapping"
	case v.Kind == yaml.SequenceNode:
		return "a list"
	case v.Kind == yaml.ScalarNode && !v.flag && v.ShortTag() == "!!null":
		return "an empty value"
	}
	return shown(v.Value)
}

// reader turns a value into a T, or refuses it and returns false.
type reader[T any] func(v value) (T, bool)

// into stores what a reader makes of a value; the target keeps what it holds when the value is refused.
func into[T any](target *T, read reader[T]) func(value) {
	return func(v value) {
		if result, ok := read(v); ok {
			*target = result
		}
	}
}

// text reads a string that check lets pass; check returns the string to keep, or what is wrong with it.
func text(allowed string, check func(string) (kept, wrong string)) reader[string] {
	return func(v value) (string, bool) {
		if v.Kind != yaml.ScalarNode || !v.flag && v.ShortTag() != "!!str" {
			wrong := v.describe() + " is not text"
			if v.Kind == yaml.ScalarNode && v.ShortTag() != "!!null" {
				wrong += " (quote it to make it text)"
			}
			v.refuse(wrong, allowed)
			return "", false
		}
		kept, wrong := check(v.Value)
		if wrong != "" {
			v.refuse(wrong, allowed)
		}
		return kept, wrong == ""
	}
}

// oneOf reads one of a few words.
func oneOf(words ...string) reader[string] {
	return func(v value) (string, bool) {
		if v.Kind != yaml.ScalarNode || !slices.Contains(words, v.Value) {
			v.refuse(v.describe()+" is none of the choices"+didYouMean(v.Value, words), strings.Join(words, ", "))
			return "", false
		}
		return v.Value, true
	}
}

// whole reads a whole number, written as people write it: YAML would take 010 for 8.
func whole(low, high int) reader[int] {
	allowed := fmt.Sprintf("a whole number from %d to %d", low, high)
	if low == high {
		allowed = strconv.Itoa(low)
	}
	return wholeNumber(allowed, low, high)
}

// wholeNumber is whole with its own words for what is allowed.
func wholeNumber(allowed string, low, high int) reader[int] {
	return func(v value) (int, bool) {
		number, err := strconv.Atoi(v.Value)
		switch {
		case v.Kind != yaml.ScalarNode || v.ShortTag() != "!!int" || err != nil || strconv.Itoa(number) != v.Value:
			v.refuse(v.describe()+" is no whole number", allowed)
			return 0, false
		case number < low || number > high:
			v.refuse(v.Value+" is out of range", allowed)
			return 0, false
		}
		return number, true
	}
}

// number reads a finite number.
func number(low, high float64) reader[float64] {
	return func(v value) (float64, bool) {
		allowed := "a number"
		switch {
		case !math.IsInf(low, 0) && !math.IsInf(high, 0):
			allowed = fmt.Sprintf("a number from %g to %g", low, high)
		case !math.IsInf(low, 0):
			allowed = fmt.Sprintf("a number, %g or more", low)
		}
		tag := v.ShortTag()
		number, err := strconv.ParseFloat(v.Value, 64)
		switch {
		case v.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || err != nil || math.IsNaN(number) || math.IsInf(number, 0):
			v.refuse(v.describe()+" is no number", allowed)
			return 0, false
		case number < low || number > high:
			v.refuse(v.Value+" is out of range", allowed)
			return 0, false
		}
		return number, true
	}
}

// boolean reads true or false.
func boolean(v value) (bool, bool) {
	if v.Kind != yaml.ScalarNode || v.Value != "true" && v.Value != "false" || v.ShortTag() != "!!bool" {
		v.refuse(v.describe()+" is neither true nor false", "true, false")
		return false, false
	}
	return v.Value == "true", true
}

// list reads a list in which nothing stands twice; least is how many elements it needs.
func list(least int, wanted string, element reader[string]) reader[[]string] {
	return func(v value) ([]string, bool) {
		before := len(v.problems.list)
		result := []string{}
		for item := range v.items(wanted) {
			one, ok := element(item)
			switch {
			case ok && slices.Contains(result, one):
				item.refuse(shown(one)+" is there twice", "each once")
			case ok:
				result = append(result, one)
			}
		}
		ok := len(v.problems.list) == before
		if ok && len(result) < least {
			v.refuse("the list is empty", wanted)
			return nil, false
		}
		return result, ok
	}
}

// printable is a key as a message can repeat it.
func printable(key string) string {
	if quoted := shown(key); quoted != `"`+key+`"` || key == "" {
		return quoted
	}
	return key
}
