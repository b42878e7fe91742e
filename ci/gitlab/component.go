// Package gitlab reads and writes GitLab pipelines: the component that projects include, what a project's own file says
// to it, and the rules that keep secrets away from branches that anybody may change.
package gitlab

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

// Input is one setting of a component.
type Input struct {
	Name    string
	Type    string     // string, number, boolean or array
	Default *yaml.Node // nil where whoever includes the component must say it
	Options []string   // the values that are allowed; none where others are, too
	Pattern *regexp.Regexp
}

// Component is a file with inputs that projects include.
type Component struct {
	Inputs []Input // in the order of the file
	body   *yaml.Node
}

// ReadComponent reads a component's template: its spec, three dashes, its jobs.
func ReadComponent(text []byte) (*Component, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var header struct {
		Spec struct{ Inputs yaml.Node }
	}
	if err := decoder.Decode(&header); err != nil {
		return nil, fmt.Errorf("the component's spec: %w", err)
	}
	var body yaml.Node
	if err := decoder.Decode(&body); err != nil {
		return nil, fmt.Errorf("the component's jobs, which follow its spec and three dashes: %w", err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the component has more than two documents: want its spec, three dashes, its jobs")
	}
	component := &Component{body: body.Content[0]}
	for at := 0; at+1 < len(header.Spec.Inputs.Content); at += 2 {
		input, err := readInput(header.Spec.Inputs.Content[at].Value, header.Spec.Inputs.Content[at+1])
		if err != nil {
			return nil, err
		}
		component.Inputs = append(component.Inputs, input)
	}
	return component, nil
}

func readInput(name string, node *yaml.Node) (Input, error) {
	var said struct {
		Type    string
		Default yaml.Node
		Options []string
		Regex   string
	}
	if err := node.Decode(&said); err != nil {
		return Input{}, fmt.Errorf("input %s: %w", name, err)
	}
	input := Input{Name: name, Type: said.Type, Options: said.Options}
	if input.Type == "" {
		input.Type = "string"
	}
	if said.Regex != "" {
		pattern, err := regexp.Compile(said.Regex)
		if err != nil {
			return Input{}, fmt.Errorf("input %s: %w", name, err)
		}
		input.Pattern = pattern
	}
	if said.Default.Kind != 0 {
		input.Default = &said.Default
		if wrong := input.wrong(input.Default); wrong != "" {
			return Input{}, fmt.Errorf("input %s: its own default %s", name, wrong)
		}
	}
	return input, nil
}

// wrong says what is wrong with a value of the input, or nothing. GitLab itself makes the same checks.
func (i Input) wrong(value *yaml.Node) string {
	said := strings.TrimSpace(plain(value))
	kind := map[string]string{"!!str": "string", "!!int": "number", "!!float": "number", "!!bool": "boolean", "!!seq": "array"}[value.ShortTag()]
	switch {
	case kind != i.Type:
		return fmt.Sprintf("is %.80s, which is no %s", said, i.Type)
	case len(i.Options) > 0 && !slices.Contains(i.Options, value.Value):
		return fmt.Sprintf("is %.80q: want one of %s", said, strings.Join(i.Options, ", "))
	case i.Pattern != nil && !i.Pattern.MatchString(value.Value):
		return fmt.Sprintf("is %.80q: want what matches %s", said, i.Pattern)
	}
	return ""
}

// Expand puts values in the places of the inputs; its error names every input that is wrong.
func (c *Component) Expand(given map[string]*yaml.Node) (*yaml.Node, error) {
	values := map[string]*yaml.Node{}
	var problems []string
	var names []string
	for _, input := range c.Inputs {
		names = append(names, input.Name)
		value, said := given[input.Name]
		switch {
		case !said && input.Default == nil:
			problems = append(problems, fmt.Sprintf("inputs.%s is missing: it has no default", input.Name))
		case !said:
			values[input.Name] = input.Default
		default:
			values[input.Name] = value
			if wrong := input.wrong(value); wrong != "" {
				problems = append(problems, fmt.Sprintf("inputs.%s %s", input.Name, wrong))
			}
		}
	}
	for name := range given {
		if !slices.Contains(names, name) {
			problems = append(problems, fmt.Sprintf("inputs.%s is unknown: want some of %s", name, strings.Join(names, ", ")))
		}
	}
	if len(problems) > 0 {
		slices.Sort(problems)
		return nil, errors.New(strings.Join(problems, "\n"))
	}
	return interpolate(c.body, values)
}

var placeholder = regexp.MustCompile(`\$\[\[\s*(.*?)\s*\]\]`)

// interpolate copies a node with the inputs' values in it. A scalar that is one placeholder takes the value's own type.
func interpolate(node *yaml.Node, values map[string]*yaml.Node) (*yaml.Node, error) {
	found := placeholder.FindAllStringSubmatch(node.Value, -1)
	if node.Kind == yaml.ScalarNode && len(found) == 1 && found[0][0] == node.Value {
		value, err := valueOf(found[0][1], values)
		if err != nil {
			return nil, err
		}
		same := *value
		return &same, nil
	}
	fresh := *node
	fresh.Content = nil
	for _, match := range found {
		value, err := valueOf(match[1], values)
		if err != nil {
			return nil, err
		}
		if value.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("%s in %.80q: a list cannot be part of a text", match[0], node.Value)
		}
		fresh.Value = strings.ReplaceAll(fresh.Value, match[0], value.Value)
	}
	for _, child := range node.Content {
		copied, err := interpolate(child, values)
		if err != nil {
			return nil, err
		}
		fresh.Content = append(fresh.Content, copied)
	}
	return &fresh, nil
}

func valueOf(expression string, values map[string]*yaml.Node) (*yaml.Node, error) {
	name, isInput := strings.CutPrefix(expression, "inputs.")
	value, known := values[name]
	if !isInput || !known {
		return nil, fmt.Errorf("$[[ %s ]] names no input of the component", expression)
	}
	return value, nil
}

// plain is a node as YAML in one line.
func plain(node *yaml.Node) string {
	if node.Kind == yaml.ScalarNode {
		return node.Value
	}
	flow := *node
	flow.Style = yaml.FlowStyle
	text, err := yaml.Marshal(&flow)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
