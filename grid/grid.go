// Package grid reads parameter grids and orders what training on each of their cells gave.
//
// A grid is a YAML mapping of settings to lists of values; its cells are all combinations, one value from each list:
//
//	train.args.epochs: [10, 50]
//	train.args.learning-rate: [0.01, 0.001]
//	train.seed: [7, 8]
package grid

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// MaxCells is how many combinations a grid may have: each is a training of its own.
const MaxCells = 1000

const (
	maxSize   = 1 << 20
	maxShown  = 60
	keyPrefix = "train."
	allowed   = `a mapping of train.args.NAME and train.seed to lists of values, such as "train.args.epochs: [10, 50]"`
)

var (
	keyForm  = regexp.MustCompile(`^train\.(?:seed|args\.[a-z][a-z0-9_-]{0,99})$`)
	wordForm = regexp.MustCompile(`^[A-Za-z0-9_.+-]+$`)
)

// Parameter is one setting of a cell.
type Parameter struct {
	Key   string // dotted, as in --set, such as train.args.epochs
	Value string // as it was written
}

// Cell is one combination of values, in the order of the file's keys.
type Cell []Parameter

// String names the cell in a line of text.
func (c Cell) String() string {
	words := make([]string, len(c))
	for at, parameter := range c {
		words[at] = strings.TrimPrefix(parameter.Key, keyPrefix) + "=" + plain(parameter.Value)
	}
	return strings.Join(words, ", ")
}

// Settings are the cell as key=value pairs, for [config.Config.Override].
func (c Cell) Settings() []string {
	pairs := make([]string, len(c))
	for at, parameter := range c {
		pairs[at] = parameter.Key + "=" + parameter.Value
	}
	return pairs
}

// Parse reads a grid and returns its cells: the last key's values change fastest.
func Parse(text []byte) ([]Cell, error) {
	root, err := document(text)
	if err != nil {
		return nil, fmt.Errorf("grid: %w", err)
	}
	cells := []Cell{{}}
	seen := map[string]bool{}
	for at := 0; at+1 < len(root.Content); at += 2 {
		key, list := root.Content[at], root.Content[at+1]
		switch {
		case key.Kind != yaml.ScalarNode || !keyForm.MatchString(key.Value):
			return nil, refuse(key, "%s is no setting of a grid; allowed: %s", shown(key), allowed)
		case seen[key.Value]:
			return nil, refuse(key, "%s is there twice; allowed: each setting once", key.Value)
		}
		seen[key.Value] = true
		values, err := values(key.Value, list)
		if err != nil {
			return nil, err
		}
		if len(cells)*len(values) > MaxCells {
			return nil, refuse(key, "with the %d values of %s the grid has %d cells; allowed: up to %d", len(values), key.Value, len(cells)*len(values), MaxCells)
		}
		cells = multiplied(cells, key.Value, values)
	}
	return cells, nil
}

// document is the one mapping that the text holds.
func document(text []byte) (*yaml.Node, error) {
	if len(text) > maxSize {
		return nil, fmt.Errorf("the file has %d bytes; allowed: at most 1 MiB", len(text))
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := decode(decoder, &first); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("the file is empty; allowed: %s", allowed)
	case err != nil:
		return nil, fmt.Errorf("this is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decode(decoder, &second); !errors.Is(err, io.EOF) {
		return nil, errors.New("a second document begins; allowed: one")
	}
	root := first.Content[0]
	if root.Kind != yaml.MappingNode || len(root.Content) == 0 {
		return nil, fmt.Errorf("line %d: %s is no grid; allowed: %s", root.Line, shown(root), allowed)
	}
	return root, nil
}

// decode guards against what a parser of untrusted text must never do to its caller.
func decode(decoder *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("the parser gave up: %v", broken)
		}
	}()
	return decoder.Decode(node)
}

// values are the elements of one setting's list, as texts.
func values(key string, list *yaml.Node) ([]string, error) {
	if list.Kind != yaml.SequenceNode {
		return nil, refuse(list, "%s: %s is no list; allowed: a list of values, such as [10, 50]", key, shown(list))
	}
	var texts []string
	for _, item := range list.Content {
		switch {
		case item.Kind != yaml.ScalarNode || item.ShortTag() == "!!null":
			return nil, refuse(item, "%s: %s is no value; allowed: texts, numbers, true and false", key, shown(item))
		case item.ShortTag() == "!!str" && (strings.EqualFold(item.Value, "true") || strings.EqualFold(item.Value, "false")):
			return nil, refuse(item, "%s: the word %q cannot be passed by a grid; allowed: true (the argument's name alone) and false (left out), without quotes",
				key, item.Value)
		case slices.Contains(texts, item.Value):
			return nil, refuse(item, "%s: %s is there twice; allowed: each value once", key, shown(item))
		}
		texts = append(texts, item.Value)
	}
	if len(texts) == 0 {
		return nil, refuse(list, "%s: the list is empty; allowed: one value or more", key)
	}
	return texts, nil
}

// multiplied gives every cell each of the values.
func multiplied(cells []Cell, key string, values []string) []Cell {
	product := make([]Cell, 0, len(cells)*len(values))
	for _, cell := range cells {
		for _, value := range values {
			product = append(product, append(slices.Clip(cell), Parameter{key, value}))
		}
	}
	return product
}

func refuse(at *yaml.Node, format string, words ...any) error {
	return fmt.Errorf("grid: line %d: "+format, append([]any{at.Line}, words...)...)
}

// shown names a part of the file in a message.
func shown(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "the alias *" + node.Value
	}
	return fmt.Sprintf("%q", shortened(node.Value))
}

// plain is a value as a line of text can hold it: quoted where it is more than a word, and cut.
func plain(value string) string {
	if wordForm.MatchString(value) && len(value) <= maxShown {
		return value
	}
	return fmt.Sprintf("%q", shortened(value))
}

func shortened(text string) string {
	count := 0
	for at := range text {
		if count++; count > maxShown {
			return text[:at] + "…"
		}
	}
	return text
}
