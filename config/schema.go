package config

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/imageref"
	"dagger/tensorflow-ci/platform"
)

// roles are the parts of the line whose image a project can choose.
var roles = []string{"busybox", "node", "python", "rclone", "serving", "tensorflow", "tensorflow-gpu", "trivy"}

// The widest values that make sense.
const (
	maxSeed      = math.MaxUint32 // NumPy takes no more
	maxThreads   = 256
	maxWorkers   = 64
	maxApprovals = 10
)

// read fills in what the file, or a flag, says. Every key of tensorflow-ci.yaml is named here or below.
func (c *Config) read(v value) {
	fields{
		"version":      into(&c.Version, whole(1, 1)),
		"model":        into(&c.Model, text(modelNames, modelName)),
		"images":       c.readImages,
		"platform":     into(&c.Platform, oneOf(platform.Choices()...)),
		"platforms":    c.readPlatforms,
		"image-lock":   into(&c.ImageLock, text("a lock file inside the project, such as images.json, or "+NoImageLock, belowProject)),
		"requirements": into(&c.Requirements, requirements),
		"test":         c.Test.read,
		"lint":         c.Lint.read,
		"train":        c.Train.read,
		"evaluate":     c.Evaluate.read,
		"gate":         c.readGate,
		"exports":      into(&c.Exports, list(0, "a list of forms such as [tflite, onnx], or [] for none", oneOf(Tflite, Tfjs, Onnx))),
		"report":       into(&c.Report, boolean),
		"scan":         c.Scan.read,
		"release":      c.Release.read,
	}.read(v)
	c.measureGatedSlices()
	c.Train.chooseMode()
}

func (c *Config) readImages(v value) {
	images := maps.Clone(c.Images)
	choices := fields{}
	for _, role := range roles {
		choices[role] = func(v value) {
			if reference, ok := imageOf(role)(v); ok {
				images[role] = reference
			}
		}
	}
	choices.read(v)
	c.Images = images
}

// readPlatforms reads the platforms of single roles, where one differs from that of the others.
func (c *Config) readPlatforms(v value) {
	platforms := maps.Clone(c.Platforms)
	choices := fields{}
	for _, role := range roles {
		choices[role] = func(v value) {
			if chosen, ok := oneOf(platform.Choices()...)(v); ok {
				platforms[role] = chosen
			}
		}
	}
	choices.read(v)
	c.Platforms = platforms
}

// PlatformOf is the platform for which a role's containers are made.
func (c Config) PlatformOf(role string) string {
	return cmp.Or(c.Platforms[role], c.Platform)
}

func (t *Test) read(v value) {
	fields{
		"paths":      into(&t.Paths, list(1, pathLists, projectPath)),
		"coverage":   t.Coverage.read,
		"time-limit": into(&t.TimeLimit, duration),
	}.read(v)
}

func (c *Coverage) read(v value) {
	fields{
		"source":  into(&c.Source, projectPath),
		"minimum": into(&c.Minimum, number(0, 100)),
	}.read(v)
}

func (l *Lint) read(v value) {
	fields{
		"paths": into(&l.Paths, list(1, pathLists, projectPath)),
	}.read(v)
}

func (t *Train) read(v value) {
	fields{
		"script":       into(&t.Script, script),
		"args":         t.readArgs,
		"data":         t.readData,
		"checkpoints":  into(&t.Checkpoints, checkpointPlace),
		"seed":         into(&t.Seed, whole(0, maxSeed)),
		"gpus":         into(&t.GPUs, gpus),
		"reproducible": t.readMode,
		"threads":      into(&t.Threads, threads),
		"time-limit":   into(&t.TimeLimit, duration),
		"memory":       into(&t.Memory, memory),
		"workers":      into(&t.Workers, whole(1, maxWorkers)),
		"ignore":       into(&t.Ignore, list(0, "a list of patterns as in .gitignore, such as [docs/]", ignorePattern)),
	}.read(v)
}

func (e *Evaluate) read(v value) {
	fields{
		"data":      into(&e.Data, partOfProject),
		"label":     into(&e.Label, plainName),
		"signature": into(&e.Signature, plainName),
		"output":    into(&e.Output, plainName),
		"task":      into(&e.Task, oneOf("auto", "binary", "multiclass", "regression")),
		"slices":    into(&e.Slices, list(0, "a list of columns", column)),
		"threshold": into(&e.Threshold, number(0, 1)),
	}.read(v)
}

func (c *Config) readGate(v value) {
	var rules []gate.Rule
	for item := range v.items("a list of rules such as {metric: accuracy, minimum: 0.9}") {
		rules = append(rules, readRule(item))
	}
	c.Gate = rules
}

// readRule leaves the limits for last: their range depends on the metric.
func readRule(v value) gate.Rule {
	var rule gate.Rule
	var minimum, maximum, maxDrop *value
	keep := func(target **value) func(value) {
		return func(v value) { *target = &v }
	}
	before := len(v.problems.list)
	fields{
		"metric":   into(&rule.Metric, metric),
		"slice":    into(&rule.Slice, slice),
		"minimum":  keep(&minimum),
		"maximum":  keep(&maximum),
		"max-drop": keep(&maxDrop),
	}.read(v)

	low, high := math.Inf(-1), math.Inf(1)
	if gate.Bounded(rule.Metric) {
		low, high = 0, 1
	}
	readLimit(minimum, &rule.Minimum, number(low, high))
	readLimit(maximum, &rule.Maximum, number(low, high))
	readLimit(maxDrop, &rule.MaxDrop, number(0, high))

	if len(v.problems.list) > before {
		return rule
	}
	if rule.Metric == "" {
		v.refuse("the rule names no metric", metrics)
	}
	if minimum == nil && maximum == nil && maxDrop == nil {
		v.refuse("the rule sets no limit", "one or more of minimum, maximum, max-drop")
	}
	if rule.Minimum != nil && rule.Maximum != nil && *rule.Minimum > *rule.Maximum {
		v.refuse(fmt.Sprintf("no figure is at least %g and at most %g", *rule.Minimum, *rule.Maximum), "a minimum up to the maximum")
	}
	return rule
}

func readLimit(v *value, target **float64, read reader[float64]) {
	if v == nil {
		return
	}
	if limit, ok := read(*v); ok {
		*target = &limit
	}
}

// measureGatedSlices adds the columns that the gate names to those that the evaluation takes apart.
func (c *Config) measureGatedSlices() {
	for _, rule := range c.Gate {
		column, _, sliced := strings.Cut(rule.Slice, "=")
		if sliced && !slices.Contains(c.Evaluate.Slices, column) {
			c.Evaluate.Slices = append(slices.Clip(c.Evaluate.Slices), column)
		}
	}
}

// readArgs reads the script's arguments: a mapping in the file says all of them, a flag changes one.
func (t *Train) readArgs(v value) {
	args := []Arg{}
	if v.flag {
		args = slices.Clone(t.Args)
	}
	for name, child := range v.entries(`a mapping of arguments such as {epochs: 50}`) {
		if wrong := argName(name); wrong != "" {
			child.refuse(wrong, argNames)
			continue
		}
		args = slices.DeleteFunc(args, func(arg Arg) bool { return arg.Name == name })
		args = append(args, readArg(name, child)...)
	}
	slices.SortStableFunc(args, func(a, b Arg) int { return cmp.Compare(a.Name, b.Name) })
	t.Args = args
}

// readArg turns one setting into no argument (false), one, or several of the same name (a list).
func readArg(name string, v value) []Arg {
	if v.Kind != yaml.SequenceNode {
		switch {
		case !isBool(v):
			return argValue(name, v)
		case strings.EqualFold(v.Value, "true"):
			return []Arg{{Name: name, Flag: true}}
		}
		return nil
	}
	var args []Arg
	for item := range v.items("") {
		if isBool(item) {
			item.refuse(item.Value+" in a list is neither a flag nor a value", `it in quotes, "`+item.Value+`", to pass the word`)
			continue
		}
		args = append(args, argValue(name, item)...)
	}
	return args
}

func isBool(v value) bool {
	return v.Kind == yaml.ScalarNode && v.ShortTag() == "!!bool"
}

func argValue(name string, v value) []Arg {
	const allowed = "text, a number, true (the name alone), false (left out), or a list of texts and numbers"
	if v.Kind != yaml.ScalarNode || !v.flag && v.ShortTag() == "!!null" {
		v.refuse(v.describe()+" cannot be passed to the script", allowed)
		return nil
	}
	if wrong := argText(v.Value); wrong != "" {
		v.refuse(wrong, allowed)
		return nil
	}
	return []Arg{{Name: name, Value: v.Value}}
}

var (
	projectPath   = text("a path inside the project, relative to it", insideProject)
	partOfProject = text("a path inside the project, relative to it", belowProject)
	plainName     = text("a name of up to 200 printable characters that does not start with a dash", printableName)
)

// imageOf reads a role's reference; package imageref says what is wrong with one, and what to write. In the place of TensorFlow's
// image the project can name its wheels.
func imageOf(role string) reader[string] {
	return text("a reference with a tag or a digest", func(reference string) (string, string) {
		var err error
		switch {
		case !platform.IsWheel(reference):
			_, err = imageref.Parse(reference)
		case role == "tensorflow":
			_, err = platform.ParseWheel(reference)
		default:
			return "", fmt.Sprintf("%s is no image: wheels can take the place of images.tensorflow alone", shown(reference))
		}
		if err != nil {
			return "", err.Error()
		}
		return reference, ""
	})
}

// duration reads a time limit, in the form of Go.
func duration(v value) (time.Duration, bool) {
	const allowed = "a time from 1s to 168h with its unit, such as 90s, 15m or 1h30m"
	limit, err := time.ParseDuration(v.Value)
	switch {
	case v.Kind != yaml.ScalarNode || err != nil:
		v.refuse(v.describe()+" is no time", allowed)
		return 0, false
	case limit < time.Second || limit > 7*24*time.Hour:
		v.refuse(v.Value+" is out of range", allowed)
		return 0, false
	}
	return limit, true
}
