package gitlab

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// FileName is where GitLab looks for a project's pipeline.
const FileName = ".gitlab-ci.yml"

// included is how a pipeline names the component: SERVER/GROUP/PROJECT/tensorflow-ci@VERSION.
var included = regexp.MustCompile(`/tensorflow-ci@[^@]+$`)

// Pipeline is a project's .gitlab-ci.yml.
type Pipeline struct {
	root *yaml.Node // a mapping, with the comments that people wrote
}

// ReadPipeline reads the text of a .gitlab-ci.yml.
func ReadPipeline(text []byte) (*Pipeline, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", FileName, err)
	}
	if document.Kind != yaml.DocumentNode || document.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s holds no mapping of jobs", FileName)
	}
	return &Pipeline{root: document.Content[0]}, nil
}

// components are the include entries that name the component.
func (p *Pipeline) components() []*yaml.Node {
	include := child(p.root, "include")
	if include == nil {
		return nil
	}
	entries := []*yaml.Node{include}
	if include.Kind == yaml.SequenceNode {
		entries = include.Content
	}
	var found []*yaml.Node
	for _, entry := range entries {
		if component := child(entry, "component"); component != nil && included.MatchString(component.Value) {
			found = append(found, entry)
		}
	}
	return found
}

// Expand is the pipeline with the component's jobs in the place of its include. Of other includes nothing is known here.
func (p *Pipeline) Expand(component *Component) (*yaml.Node, error) {
	entries := p.components()
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s does not include the component: want an entry of include with component: SERVER/GROUP/PROJECT/tensorflow-ci@VERSION", FileName)
	}
	merged := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, entry := range entries {
		jobs, err := component.Expand(pairs(child(entry, "inputs")))
		if err != nil {
			return nil, err
		}
		merged = merge(merged, jobs)
	}
	own := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for name, node := range entriesOf(p.root) {
		if name.Value != "include" {
			own.Content = append(own.Content, name, node)
		}
	}
	return merge(merged, own), nil
}

// ComponentJobs are the expanded pipeline's jobs that the component brings, as the pipeline itself changes them.
func (p *Pipeline) ComponentJobs(component *Component) ([]Job, error) {
	expanded, err := p.Expand(component)
	if err != nil {
		return nil, err
	}
	all, err := Jobs(expanded)
	if err != nil {
		return nil, err
	}
	brought := map[string]bool{}
	for _, entry := range p.components() {
		jobs, err := component.Expand(pairs(child(entry, "inputs")))
		if err != nil {
			return nil, err
		}
		for name := range entriesOf(jobs) {
			brought[name.Value] = true
		}
	}
	return slices.DeleteFunc(all, func(job Job) bool { return !brought[job.Name] }), nil
}

// Job is what the rules of this package look at in a job.
type Job struct {
	Name          string         `yaml:"-"`
	Extends       lines          `yaml:"extends"`
	Stage         string         `yaml:"stage"`
	Script        lines          `yaml:"script"`
	BeforeScript  lines          `yaml:"before_script"`
	AfterScript   lines          `yaml:"after_script"`
	Rules         []Rule         `yaml:"rules"`
	Tags          lines          `yaml:"tags"`
	Interruptible *bool          `yaml:"interruptible"`
	ResourceGroup string         `yaml:"resource_group"`
	Cache         yaml.Node      `yaml:"cache"`
	Services      []yaml.Node    `yaml:"services"`
	IDTokens      map[string]any `yaml:"id_tokens"`
	Secrets       map[string]any `yaml:"secrets"`
	Environment   yaml.Node      `yaml:"environment"`
	Needs         []Need         `yaml:"needs"`
}

// Rule says when a job runs.
type Rule struct {
	If   string `yaml:"if"`
	When string `yaml:"when"`
}

// Need is a job that must have ended well before.
type Need struct {
	Job      string `yaml:"job"`
	Project  string `yaml:"project"`
	Pipeline string `yaml:"pipeline"`
	Optional bool   `yaml:"optional"`
}

// UnmarshalYAML reads a need that is a name or a mapping.
func (n *Need) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		n.Job = node.Value
		return nil
	}
	type mapping Need
	return node.Decode((*mapping)(n))
}

// lines is one text or a list of them.
type lines []string

func (l *lines) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*l = lines{node.Value}
		return nil
	}
	return node.Decode((*[]string)(l))
}

// Jobs are the jobs of an expanded pipeline in the order of their names, each with what it extends.
func Jobs(expanded *yaml.Node) ([]Job, error) {
	resolved := map[string]*yaml.Node{}
	var jobs []Job
	for _, name := range slices.Sorted(maps.Keys(pairs(expanded))) {
		node := child(expanded, name)
		if node.Kind != yaml.MappingNode || strings.HasPrefix(name, ".") || slices.Contains(globals, name) {
			continue
		}
		whole, err := resolve(expanded, name, resolved, nil)
		if err != nil {
			return nil, err
		}
		job := Job{}
		if err := whole.Decode(&job); err != nil {
			return nil, fmt.Errorf("job %s: %w", name, err)
		}
		job.Name = name
		jobs = append(jobs, job)
	}
	if len(jobs) == 0 {
		return nil, errors.New("the pipeline has no jobs")
	}
	return jobs, nil
}

// globals are the keywords that are no jobs.
var globals = []string{"default", "include", "spec", "stages", "variables", "workflow"}

// resolve merges a job with the jobs that it extends, the nearest last.
func resolve(root *yaml.Node, name string, resolved map[string]*yaml.Node, path []string) (*yaml.Node, error) {
	if known, done := resolved[name]; done {
		return known, nil
	}
	node := child(root, name)
	if node == nil {
		return nil, fmt.Errorf("job %s extends %s, which there is not", path[len(path)-1], name)
	}
	if slices.Contains(path, name) {
		return nil, fmt.Errorf("job %s extends itself: %s", name, strings.Join(append(path, name), " → "))
	}
	whole := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	var parents lines
	if extends := child(node, "extends"); extends != nil {
		if err := extends.Decode(&parents); err != nil {
			return nil, fmt.Errorf("job %s: extends: %w", name, err)
		}
	}
	for _, parent := range parents {
		inherited, err := resolve(root, parent, resolved, append(slices.Clone(path), name))
		if err != nil {
			return nil, err
		}
		whole = merge(whole, inherited)
	}
	resolved[name] = merge(whole, node)
	return resolved[name], nil
}
