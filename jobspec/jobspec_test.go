package jobspec

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

var pinned = "registry.example.com/digits:1@sha256:" + strings.Repeat("0123456789abcdef", 4)

func sample() Job {
	return Job{
		Model: "digits", Image: pinned, Nodes: 3, Command: []string{"python3", "train.py", "--epochs=5"}, Directory: "/src", Output: "/out",
		Environment: []Variable{{"TF_NUM_INTRAOP_THREADS", "2"}}, GPUs: 2, Memory: 8 << 30, TimeLimit: 90*time.Minute + time.Millisecond,
	}
}

const want = `apiVersion: kubeflow.org/v1
kind: TFJob
metadata:
  name: digits
spec:
  runPolicy:
    cleanPodPolicy: Running
    activeDeadlineSeconds: 5401
  tfReplicaSpecs:
    Chief:
      replicas: 1
      restartPolicy: Never
      template:
        spec:
          containers:
            - name: tensorflow
              image: IMAGE
              command:
                - python3
                - train.py
                - --epochs=5
              workingDir: /src
              env:
                - name: TF_NUM_INTRAOP_THREADS
                  value: "2"
              resources:
                limits:
                  memory: 8589934592
                  nvidia.com/gpu: 2
              volumeMounts:
                - name: output
                  mountPath: /out
          volumes:
            - name: output
              persistentVolumeClaim:
                claimName: digits
    Worker:
      replicas: 2
`

func TestTFJob(t *testing.T) {
	text, err := sample().TFJob()
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Replace(want, "IMAGE", pinned, 1); !strings.HasPrefix(string(text), want) {
		t.Errorf("got\n%s\nwant\n%s…", text, want)
	}
	if tail := "volumes:\n            - name: output\n              emptyDir: {}\n"; !strings.HasSuffix(string(text), tail) {
		t.Errorf("got %s, want the workers' output in a folder of their own", text)
	}
}

func TestTFJobKeepsEveryArgument(t *testing.T) {
	job := sample()
	job.Command = []string{"python3", "-c", "line = 1\nother = '$(id)'\n", "--name=a b;\n\"{{ x }}\" 🔥", "--flag", "yes", "7", "null", "- x", "", "\n", "\nimport x"}
	written, err := job.TFJob()
	if err != nil {
		t.Fatal(err)
	}
	var back tfJob
	if err := yaml.Unmarshal(written, &back); err != nil {
		t.Fatal(err)
	}
	for _, replica := range []replica{back.Spec.ReplicaSpecs.Chief, *back.Spec.ReplicaSpecs.Worker} {
		var got []string
		for _, argument := range replica.Template.Spec.Containers[0].Command {
			got = append(got, string(argument))
		}
		if !slices.Equal(got, job.Command) {
			t.Errorf("got %q\nwant %q", got, job.Command)
		}
	}
}

func TestTFJobOfOneNode(t *testing.T) {
	job := sample()
	job.Nodes, job.GPUs, job.Memory, job.Environment = 1, 0, 0, nil
	text, err := job.TFJob()
	if err != nil {
		t.Fatal(err)
	}
	for _, unwanted := range []string{"Worker", "nvidia", "env:", "emptyDir"} {
		if strings.Contains(string(text), unwanted) {
			t.Errorf("got %s in\n%s", unwanted, text)
		}
	}
}

func TestNames(t *testing.T) {
	for model, want := range map[string]string{
		"a": "a", "a_b-c": "a-b-c", "a-_": "a", strings.Repeat("x", 63): strings.Repeat("x", 40), strings.Repeat("x", 39) + "_y": strings.Repeat("x", 39),
	} {
		if got := (Job{Model: model}).name(); got != want {
			t.Errorf("%s: got %s, want %s", model, got, want)
		}
	}
}

func TestTFJobRefuses(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(*Job)
	}{
		{"a tag", "has no digest", func(j *Job) { j.Image = "registry.example.com/digits:1" }},
		{"latest", "latest", func(j *Job) { j.Image = "digits:latest" }},
		{"no image", "it is empty", func(j *Job) { j.Image = "" }},
		{"a flag", "starts with a dash", func(j *Job) { j.Image = "--privileged" }},
		{"no node", "--nodes is 0; allowed: 1 to 64", func(j *Job) { j.Nodes = 0 }},
		{"too many nodes", "--nodes is 65", func(j *Job) { j.Nodes = 65 }},
		{"a name", "is no name for a model", func(j *Job) { j.Model = "../x" }},
		{"no command", "no command", func(j *Job) { j.Command = nil }},
		{"bytes for an argument", `"\xff" holds bytes`, func(j *Job) { j.Command = append(j.Command, "\xff") }},
		{"a zero in a variable", `"a\x00" holds bytes`, func(j *Job) { j.Environment = []Variable{{"X", "a\x00"}} }},
		{"no time", "time limit", func(j *Job) { j.TimeLimit = 0 }},
	} {
		job := sample()
		test.change(&job)
		if text, err := job.TFJob(); err == nil || !strings.HasPrefix(err.Error(), "training job: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %.40s, %v, want %s", test.name, text, err, test.want)
		}
	}
}
