package config

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Override returns the settings with key=value pairs on top, such as train.args.epochs=5 or test.time-limit=5m.
//
// A key is dotted as in the messages of [Parse], and its value goes through the same checks. Only single values can be
// set so, and arguments of the script; of two pairs with the same key the later one holds.
func (c Config) Override(pairs []string) (Config, error) {
	found := &problems{}
	for _, pair := range pairs {
		key, text, assigned := strings.Cut(pair, "=")
		if !assigned || key == "" {
			found.add(0, "", shown(pair)+" sets nothing", "key=value, such as train.args.epochs=5")
			continue
		}
		c.read(value{Node: nested(key, text), flag: true, problems: found})
	}
	if err := found.err(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// nested is the YAML that a.b=text stands for: {a: {b: text}}.
func nested(key, text string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.ScalarNode, Value: text}
	for _, word := range slices.Backward(strings.Split(key, ".")) {
		name := &yaml.Node{Kind: yaml.ScalarNode, Value: word}
		node = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{name, node}}
	}
	return node
}
