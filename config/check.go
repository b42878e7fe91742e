package config

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// What a message says is allowed.
const (
	modelNames = "up to 63 of a-z 0-9 - _, starting with a letter, as it becomes part of addresses and folders"
	pathLists  = "a list of paths inside the project, such as [src, tests]"
	metrics    = "a metric such as accuracy, auc, f1 or loss"
	argNames   = "names of a-z 0-9 - _ that start with a letter, without the dashes, and not " +
		"data-path, model-dir, log-dir, checkpoint-dir, which the line sets itself"
)

// The longest texts that reach a file system and a command.
const (
	maxPath      = 1024
	maxComponent = 255
	maxName      = 200
	maxArg       = 64 << 10
)

var (
	modelForm  = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)
	argForm    = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,99}$`)
	metricForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.@-]{0,99}$`)
	gpuForm    = regexp.MustCompile(`^(?:[0-9]{1,3}|(?:GPU|MIG)-[0-9A-Fa-f]+(?:-[0-9A-Fa-f]+)*)$`)
	storeForm  = regexp.MustCompile(`^(?:(?:s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]|file://(?:/[A-Za-z0-9_][A-Za-z0-9._=-]*))(?:/[A-Za-z0-9_][A-Za-z0-9._=-]*)*/?$`)
)

// lineArgs are the arguments that the line itself gives to the training script.
var lineArgs = []string{"data-path", "model-dir", "log-dir", "checkpoint-dir"}

func modelName(s string) (kept, wrong string) {
	if !modelForm.MatchString(s) {
		return "", shown(s) + " is no name for a model"
	}
	return s, ""
}

// insideProject keeps a path in its shortest form, and refuses one that leads anywhere else.
func insideProject(s string) (kept, wrong string) {
	clean := path.Clean(s)
	switch {
	case s == "":
		return "", "the path is empty"
	case len(s) > maxPath:
		return "", fmt.Sprintf("the path is %d bytes long, and %d are the most", len(s), maxPath)
	case slices.ContainsFunc(strings.Split(s, "/"), func(part string) bool { return len(part) > maxComponent }):
		return "", fmt.Sprintf("a part of the path %s is longer than %d bytes", shown(s), maxComponent)
	case !isPrintable(s):
		return "", "the path " + shown(s) + " contains a character that cannot be printed"
	case strings.Contains(s, `\`):
		return "", "the path " + shown(s) + ` contains \, and parts of a path are separated by /`
	case strings.HasPrefix(s, "/"):
		return "", "the path " + shown(s) + " is absolute"
	case clean == ".." || strings.HasPrefix(clean, "../"):
		return "", "the path " + shown(s) + " leaves the project"
	case strings.HasPrefix(clean, "-"):
		return "", "the path " + shown(s) + " starts with a dash, like a flag"
	}
	return clean, ""
}

// belowProject refuses the project itself too, where one part of it is meant.
func belowProject(s string) (kept, wrong string) {
	kept, wrong = insideProject(s)
	if kept == "." {
		return "", "the path " + shown(s) + " is the whole project"
	}
	return kept, wrong
}

// requirements reads a path or the word that stands for no requirements at all.
func requirements(v value) (string, bool) {
	return text("a path inside the project, or "+NoRequirements, belowProject)(v)
}

func script(v value) (string, bool) {
	return text("a Python file inside the project, such as train.py", func(s string) (string, string) {
		kept, wrong := insideProject(s)
		if wrong == "" && path.Ext(kept) != ".py" {
			wrong = shown(s) + " is no Python file"
		}
		return kept, wrong
	})(v)
}

func ignorePattern(v value) (string, bool) {
	return text("a pattern as in .gitignore, such as docs/ or *.md", func(s string) (string, string) {
		switch {
		case strings.TrimSpace(s) == "":
			return "", "the pattern is empty"
		case len(s) > maxPath || !isPrintable(s):
			return "", shown(s) + " is no pattern"
		case slices.Contains(strings.Split(s, "/"), ".."):
			return "", "the pattern " + shown(s) + " leaves the project"
		}
		return s, ""
	})(v)
}

func printableName(s string) (kept, wrong string) {
	switch {
	case strings.TrimSpace(s) == "":
		return "", "the name is empty"
	case utf8.RuneCountInString(s) > maxName:
		return "", fmt.Sprintf("the name %s is longer than %d characters", shown(s), maxName)
	case !isPrintable(s):
		return "", "the name " + shown(s) + " contains a character that cannot be printed"
	case strings.HasPrefix(s, "-"):
		return "", "the name " + shown(s) + " starts with a dash, like a flag"
	}
	return s, ""
}

// column reads the name of a column to slice by; = and , separate columns from values and from each other.
func column(v value) (string, bool) {
	return text("the name of a column, without = and ,", columnName)(v)
}

func columnName(s string) (kept, wrong string) {
	if strings.ContainsAny(s, "=,") {
		return "", shown(s) + " contains = or ,"
	}
	return printableName(s)
}

func slice(v value) (string, bool) {
	return text("column=value, such as age=1", func(s string) (string, string) {
		left, right, found := strings.Cut(s, "=")
		if !found || right == "" {
			return "", shown(s) + " names no slice"
		}
		if _, wrong := columnName(left); wrong != "" {
			return "", wrong
		}
		if len(right) > maxName || !isPrintable(right) {
			return "", shown(right) + " is no value of a column"
		}
		return s, ""
	})(v)
}

func metric(v value) (string, bool) {
	return text(metrics, func(s string) (string, string) {
		if !metricForm.MatchString(s) {
			return "", shown(s) + " is no name of a metric"
		}
		return s, ""
	})(v)
}

// gpus reads none, all, or a list of devices in one text, as nvidia-smi -L names them; one index alone is a number to YAML.
func gpus(v value) (string, bool) {
	const allowed = "none, all, or UUIDs and indices as nvidia-smi -L lists them, separated by commas, such as 0,1"
	if v.Kind != yaml.ScalarNode {
		v.refuse(v.describe()+" names no GPUs", allowed)
		return "", false
	}
	if v.Value == NoGPUs || v.Value == AllGPUs {
		return v.Value, true
	}
	var devices []string
	for device := range strings.SplitSeq(v.Value, ",") {
		device = strings.TrimSpace(device)
		if !gpuForm.MatchString(device) {
			v.refuse(shown(device)+" names no GPU", allowed)
			return "", false
		}
		if slices.Contains(devices, device) {
			v.refuse(device+" is there twice", "each GPU once")
			return "", false
		}
		devices = append(devices, device)
	}
	return strings.Join(devices, ","), true
}

func argName(s string) (wrong string) {
	switch {
	case !argForm.MatchString(s):
		return shown(s) + " is no name of an argument"
	case slices.Contains(lineArgs, strings.ReplaceAll(s, "_", "-")):
		return "--" + s + " is set by the line"
	}
	return ""
}

func argText(s string) (wrong string) {
	switch {
	case len(s) > maxArg:
		return fmt.Sprintf("the text is %d bytes long, and %d are the most", len(s), maxArg)
	case strings.ContainsRune(s, 0) || !utf8.ValidString(s):
		return "the text " + shown(s) + " contains bytes that no argument can"
	}
	return ""
}

func isPrintable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
