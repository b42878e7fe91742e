package jobspec

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// FuzzTFJob holds that a job is refused, or that the cluster reads in its manifest what was put there, whatever the
// arguments are.
func FuzzTFJob(f *testing.F) {
	f.Add("digits", pinned, 3, "--name=a b;\n\"{{ x }}\" 🔥", "/src", "TF_CONFIG", "2", 1, int64(time.Hour))
	f.Add("a_", pinned, 1, "", "", "", "", 0, int64(1))
	f.Add("a", "x:latest", 64, "!!str x", "yes", "null", "7", -1, int64(math.MaxInt64))
	f.Add(strings.Repeat("b", 80), pinned, 2, "\n  x\n\n", "\t", "#", "|", 8, int64(time.Nanosecond))
	f.Add("a", pinned, 2, "\x00\xff\u2028\ufeff", "\r\n", "é", "!!binary x", 8, int64(-1))
	f.Fuzz(func(t *testing.T, model, image string, nodes int, argument, directory, name, value string, gpus int, limit int64) {
		job := Job{
			Model: model, Image: image, Nodes: nodes, Command: []string{"python3", "train.py", argument}, Directory: directory, Output: "/out",
			Environment: []Variable{{name, value}}, GPUs: gpus, TimeLimit: time.Duration(limit), Labels: map[string]string{"commit": value},
		}
		written, err := job.TFJob()
		if err != nil {
			if !strings.HasPrefix(err.Error(), "training job: ") || written != nil {
				t.Errorf("refused with %q and %q", err, written)
			}
			return
		}
		if strings.Contains(string(written), "!!binary") { // which Kubernetes does not read
			t.Errorf("written as bytes:\n%s", written)
		}
		var back tfJob
		if err := yaml.Unmarshal(written, &back); err != nil {
			t.Fatalf("%v in\n%s", err, written)
		}
		specs := back.Spec.ReplicaSpecs
		replicas := []replica{specs.Chief}
		count := specs.Chief.Replicas
		if specs.Worker != nil {
			replicas = append(replicas, *specs.Worker)
			count += specs.Worker.Replicas
		}
		if count != nodes || nodes > MaxNodes || string(back.Metadata.Labels["commit"]) != value {
			t.Errorf("%d nodes of %d, labels %q, not %q", count, nodes, back.Metadata.Labels, value)
		}
		for _, replica := range replicas {
			node := replica.Template.Spec.Containers[0]
			if !slices.Equal(node.Command, []text{"python3", "train.py", text(argument)}) || !slices.Equal(node.Env, []variable{{text(name), text(value)}}) ||
				string(node.WorkingDir) != directory || node.Image != image {
				t.Errorf("the cluster reads %+v\nof %+v", node, job)
			}
		}
		if back.Spec.RunPolicy.ActiveDeadlineSeconds < 1 || time.Duration(back.Spec.RunPolicy.ActiveDeadlineSeconds)*time.Second < 0 && limit < math.MaxInt64-int64(time.Second) {
			t.Errorf("a deadline of %d seconds for %s", back.Spec.RunPolicy.ActiveDeadlineSeconds, job.TimeLimit)
		}
	})
}

// FuzzNames holds that a job's name is one for Kubernetes.
func FuzzNames(f *testing.F) {
	f.Add("digits")
	f.Add("a_b__-")
	f.Add(strings.Repeat("x-", 40))
	f.Fuzz(func(t *testing.T, model string) {
		job := Job{Model: model, Image: pinned, Nodes: 1, Command: []string{"x"}, TimeLimit: time.Second}
		if job.check() != nil {
			return
		}
		name := job.name()
		if name == "" || len(name) > maxName || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasSuffix(name, "-") || name[0] < 'a' {
			t.Errorf("the name of %q is %q", model, name)
		}
	})
}
