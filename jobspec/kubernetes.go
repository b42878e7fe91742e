package jobspec

// What the manifest says, as the API of Kubernetes and of the training operator spells it.

const outputVolume = "output"

type tfJob struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Metadata   metadata `yaml:"metadata"`
	Spec       spec     `yaml:"spec"`
}

type metadata struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels,omitempty"`
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
	Command    []string   `yaml:"command"`
	WorkingDir string     `yaml:"workingDir"`
	Env        []Variable `yaml:"env,omitempty"`
	Resources  *resources `yaml:"resources,omitempty"`
	Mounts     []mount    `yaml:"volumeMounts"`
}

type resources struct {
	Limits map[string]int `yaml:"limits"`
}

type mount struct {
	Name string `yaml:"name"`
	Path string `yaml:"mountPath"`
}

type volume struct {
	Name     string    `yaml:"name"`
	Claim    *claim    `yaml:"persistentVolumeClaim,omitempty"`
	EmptyDir *struct{} `yaml:"emptyDir,omitempty"`
}

type claim struct {
	Name string `yaml:"claimName"`
}
