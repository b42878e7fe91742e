package jobspec

import (
	"strings"
	"unicode"

	"gopkg.in/yaml.v3"
)

// What the manifest says, as the API of Kubernetes and of the training operator spells it.

const outputVolume = "output"

// text is written so that it is read as itself: YAML's blocks, which an encoder prefers for more than one line, lose line
// ends at the beginning.
type text string

// MarshalYAML puts quotes and escapes where there is anything but printable characters.
func (t text) MarshalYAML() (any, error) {
	node := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(t)}
	if strings.ContainsFunc(string(t), func(r rune) bool { return !unicode.IsPrint(r) }) {
		node.Style = yaml.DoubleQuotedStyle
	}
	return node, nil
}

type tfJob struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name   string          `yaml:"name"`
	Labels map[string]text `yaml:"labels,omitempty"`
}

type spec struct {
	RunPolicy    runPolicy    `yaml:"runPolicy"`
	ReplicaSpecs replicaSpecs `yaml:"tfReplicaSpecs"`
}

type runPolicy struct {
	CleanPodPolicy        string `yaml:"cleanPodPolicy"`
	ActiveDeadlineSeconds int64  `yaml:"activeDeadlineSeconds"`
}

type replicaSpecs struct {
	Chief  replica  `yaml:"Chief"`
	Worker *replica `yaml:"Worker,omitempty"`
}

type replica struct {
	Replicas      int      `yaml:"replicas"`
	RestartPolicy string   `yaml:"restartPolicy"`
	Template      template `yaml:"template"`
}

type template struct {
	Spec podSpec `yaml:"spec"`
}

type podSpec struct {
	Containers []container `yaml:"containers"`
	Volumes    []volume    `yaml:"volumes"`
}

type container struct {
	Name       string     `yaml:"name"`
	Image      string     `yaml:"image"`
	Command    []text     `yaml:"command"`
	WorkingDir text       `yaml:"workingDir"`
	Env        []variable `yaml:"env,omitempty"`
	Resources  *resources `yaml:"resources,omitempty"`
	Mounts     []mount    `yaml:"volumeMounts"`
}

type variable struct {
	Name  text `yaml:"name"`
	Value text `yaml:"value"`
}

type resources struct {
	Limits map[string]int64 `yaml:"limits"`
}

type mount struct {
	Name string `yaml:"name"`
	Path text   `yaml:"mountPath"`
}

type volume struct {
	Name     string    `yaml:"name"`
	Claim    *claim    `yaml:"persistentVolumeClaim,omitempty"`
	EmptyDir *struct{} `yaml:"emptyDir,omitempty"`
}

type claim struct {
	Name string `yaml:"claimName"`
}
