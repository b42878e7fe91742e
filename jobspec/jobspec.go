// Package jobspec writes the manifest by which a cluster with Kubeflow's training operator runs a training on several machines.
package jobspec

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/imageref"
)

// MaxNodes is the largest cluster that a job may ask for.
const MaxNodes = 64

// Job is one training, as the cluster is to run it.
type Job struct {
	Model       string            // name of the model; the job and the claim that receives the model are named after it
	Image       string            // by digest: every node is to run the same
	Nodes       int               // the chief is one of them
	Command     []string          // run in each node, without a shell
	Directory   string            // where it runs
	Output      string            // where the chief leaves the model
	Environment []Variable        // beside TF_CONFIG, which the operator sets
	GPUs        int               // on each node
	Memory      int64             // bytes on each node; 0 for no limit
	TimeLimit   time.Duration     // for the job as a whole
	Labels      map[string]string // to find the job by
}

// Variable is one variable of the environment.
type Variable struct {
	Name  string
	Value string
}

// maxName leaves room for what the operator appends to the names of a job's pods.
const maxName = 40

var modelForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*$`)

// TFJob is the job as a Kubeflow TFJob, in YAML.
func (j Job) TFJob() ([]byte, error) {
	if err := j.check(); err != nil {
		return nil, fmt.Errorf("training job: %w", err)
	}
	replicas := replicaSpecs{Chief: j.replica(1, volume{Name: outputVolume, Claim: &claim{j.name()}})}
	if others := j.Nodes - 1; others > 0 {
		worker := j.replica(others, volume{Name: outputVolume, EmptyDir: &struct{}{}})
		replicas.Worker = &worker
	}
	labels := map[string]text{}
	for name, value := range j.Labels {
		labels[name] = text(value)
	}
	var written bytes.Buffer
	encoder := yaml.NewEncoder(&written)
	encoder.SetIndent(2)
	err := encoder.Encode(tfJob{
		APIVersion: "kubeflow.org/v1",
		Kind:       "TFJob",
		Metadata:   metadata{Name: j.name(), Labels: labels},
		Spec: spec{
			RunPolicy: runPolicy{
				CleanPodPolicy:        "Running",
				ActiveDeadlineSeconds: int64(math.Ceil(j.TimeLimit.Seconds())),
			},
			ReplicaSpecs: replicas,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("training job: %w", err)
	}
	return written.Bytes(), nil
}

func (j Job) check() error {
	image, err := imageref.Parse(j.Image)
	switch {
	case err != nil:
		return err
	case !image.Pinned():
		return fmt.Errorf("image %s has no digest, and a tag may mean another image on the next node: write it as name:tag@sha256:…", j.Image)
	case j.Nodes < 1 || j.Nodes > MaxNodes:
		return fmt.Errorf("--nodes is %d; allowed: 1 to %d", j.Nodes, MaxNodes)
	case !modelForm.MatchString(j.Model):
		return fmt.Errorf("%q is no name for a model; allowed: a-z 0-9 - _, starting with a letter", j.Model)
	case len(j.Command) == 0:
		return errors.New("there is no command to run")
	case j.unwritable() != "":
		return fmt.Errorf("%.60q holds bytes that no container can be given: write it in UTF-8, without a zero", j.unwritable())
	case j.GPUs < 0 || j.Memory < 0 || j.TimeLimit <= 0:
		return fmt.Errorf("%d GPUs, %d bytes of memory and a time limit of %s cannot be asked for", j.GPUs, j.Memory, j.TimeLimit)
	}
	return nil
}

// unwritable is the first text of the job that is none, or nothing.
func (j Job) unwritable() string {
	texts := append(slices.Clone(j.Command), j.Directory, j.Output)
	for _, variable := range j.Environment {
		texts = append(texts, variable.Name, variable.Value)
	}
	for label, value := range j.Labels {
		texts = append(texts, label, value)
	}
	at := slices.IndexFunc(texts, func(text string) bool { return !utf8.ValidString(text) || strings.Contains(text, "\x00") })
	if at < 0 {
		return ""
	}
	return texts[at]
}

// name is the model's, as Kubernetes allows names: with no underscore, and ending with a letter or a digit.
func (j Job) name() string {
	name := strings.ReplaceAll(j.Model, "_", "-")
	return strings.TrimRight(name[:min(maxName, len(name))], "-")
}

func (j Job) replica(count int, output volume) replica {
	// The operator looks for a container of this name, and tells it TF_CONFIG.
	node := container{
		Name: "tensorflow", Image: j.Image, WorkingDir: text(j.Directory), Mounts: []mount{{outputVolume, text(j.Output)}},
	}
	for _, argument := range j.Command {
		node.Command = append(node.Command, text(argument))
	}
	for _, one := range j.Environment {
		node.Env = append(node.Env, variable{text(one.Name), text(one.Value)})
	}
	limits := map[string]int64{}
	if j.GPUs > 0 {
		limits["nvidia.com/gpu"] = int64(j.GPUs)
	}
	if j.Memory > 0 {
		limits["memory"] = j.Memory
	}
	if len(limits) > 0 {
		node.Resources = &resources{limits}
	}
	return replica{
		Replicas: count,
		// A worker that starts again finds the others in the middle of a step: the job as a whole is what can be tried again.
		RestartPolicy: "Never",
		Template:      template{podSpec{Containers: []container{node}, Volumes: []volume{output}}},
	}
}
