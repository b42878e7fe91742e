package gitlab

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/config"
)

// head is what a new file says to whoever opens it.
const head = `# Made by "ci gitlab render" from tensorflow-ci.yaml; other jobs may be added, and inputs that are not rendered.
`

// leeway is how much longer GitLab waits than the training's own limit: the limit's message is the better one.
const leeway = 30 * time.Minute

// Inputs are what a project's settings say to the component: each input that repeats a setting, and nil for one that the
// settings do not need. All other inputs are the project's own to choose.
func Inputs(settings config.Config, project string) map[string]any {
	inputs := map[string]any{
		"model":         settings.Model,
		"train-timeout": fmt.Sprintf("%d minutes", int(math.Ceil((settings.Train.TimeLimit + leeway).Minutes()))),
		"project":       nil,
		"images":        nil,
		"gpus":          nil,
		"deploy":        nil,
		"store":         nil,
	}
	if project != "." {
		inputs["project"] = project
	}
	if settings.ImageLock != config.NoImageLock {
		inputs["images"] = settings.ImageLock
	}
	if settings.Train.GPUs != config.NoGPUs {
		inputs["gpus"] = settings.Train.GPUs
	}
	if settings.Release.Store != "" {
		inputs["deploy"], inputs["store"] = true, settings.Release.Store
	}
	return inputs
}

// order is that in which new inputs are written.
var order = []string{"module", "model", "project", "images", "gpus", "train-timeout", "deploy", "store"}

// New is the pipeline of a project that has none.
func New(component, module string) *Pipeline {
	entry := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	set(entry, "component", scalar(component))
	inputs := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	set(inputs, "module", scalar(module))
	set(entry, "inputs", inputs)
	root := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", HeadComment: strings.TrimSpace(head)}
	set(root, "include", &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: []*yaml.Node{entry}})
	return &Pipeline{root: root}
}

// inputs is where the pipeline says the component's inputs for the project, which it makes where there is none.
func (p *Pipeline) inputs(project string) (*yaml.Node, error) {
	entries := p.components()
	if len(entries) == 0 {
		return nil, fmt.Errorf("%s does not include the component: want an entry of include with component: SERVER/GROUP/PROJECT/tensorflow-ci@VERSION", FileName)
	}
	for _, entry := range entries {
		inputs := child(entry, "inputs")
		said := child(inputs, "project")
		if len(entries) > 1 && (said == nil && project != "." || said != nil && said.Value != project) {
			continue
		}
		if inputs == nil {
			inputs = &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
			set(entry, "inputs", inputs)
		}
		return inputs, nil
	}
	return nil, fmt.Errorf("%s includes the component %d times, and none is for the project %s", FileName, len(entries), project)
}

// Drift lists where the pipeline says something else than the project's settings do, one line each.
func (p *Pipeline) Drift(settings config.Config, project string) ([]string, error) {
	inputs, err := p.inputs(project)
	if err != nil {
		return nil, err
	}
	var drift []string
	wanted := Inputs(settings, project)
	for _, name := range order {
		want, rendered := wanted[name]
		if !rendered {
			continue
		}
		have := child(inputs, name)
		switch {
		case have == nil && want != nil:
			drift = append(drift, fmt.Sprintf("inputs.%s is missing, %s wants %v", name, config.FileName, want))
		case have != nil && want == nil:
			drift = append(drift, fmt.Sprintf("inputs.%s is %s, %s says nothing of it", name, strings.TrimSpace(plain(have)), config.FileName))
		case have != nil && strings.TrimSpace(plain(have)) != fmt.Sprint(want):
			drift = append(drift, fmt.Sprintf("inputs.%s is %s, %s wants %v", name, strings.TrimSpace(plain(have)), config.FileName, want))
		}
	}
	return drift, nil
}

// Render makes the pipeline say what the project's settings do, and leaves all else as it is.
func (p *Pipeline) Render(settings config.Config, project string) error {
	inputs, err := p.inputs(project)
	if err != nil {
		return err
	}
	if child(inputs, "module") == nil {
		return errors.New("inputs.module is missing: say which version of the module runs, such as https://gitlab.example.com/ml/tensorflow-ci.git@v1.0.0")
	}
	wanted := Inputs(settings, project)
	for _, name := range order {
		want, rendered := wanted[name]
		if !rendered {
			continue
		}
		if want == nil {
			set(inputs, name, nil)
			continue
		}
		value := &yaml.Node{}
		if err := value.Encode(want); err != nil {
			return err
		}
		if have := child(inputs, name); have != nil && plain(have) == plain(value) {
			continue // with the comment that somebody wrote beside it
		}
		set(inputs, name, value)
	}
	return nil
}

// Text is the pipeline as a file.
func (p *Pipeline) Text() ([]byte, error) { return Text(p.root) }

// Text is YAML as people write it in a pipeline: two spaces, lists indented.
func Text(node *yaml.Node) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}
