// Package servingconfig holds what TensorFlow Serving serves: models, the versions of each that are loaded, and the labels
// (stable, canary) that point at versions. It writes and reads models.config, the server's own form of it, and finds the
// steps by which a running server gets from one such state to another without failing a request.
package servingconfig

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FileName is what a store calls the file that the server reads.
const FileName = "models.config"

// The labels that a release moves.
const (
	Stable = "stable"
	Canary = "canary"
)

// platform is the only one that the official server has.
const platform = "tensorflow"

const (
	maxPath  = 4096
	maxShown = 60
)

var (
	nameForm  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$`) // a part of the server's URLs, which end it at / and :
	labelForm = nameForm
)

// Config is the whole truth: a model that it leaves out is unloaded.
type Config struct {
	Models []Model
}

// Model is one model and where its versions lie: BasePath/VERSION is a SavedModel.
type Model struct {
	Name     string
	BasePath string           // absolute, or a URL such as s3://bucket/models/phishing
	Versions []int64          // the versions to load; none for the newest alone
	Labels   map[string]int64 // label to one of Versions
}

// Validate refuses what the server would refuse, or would accept and serve something else.
func (c Config) Validate() error {
	seen := map[string]bool{}
	for _, model := range c.Models {
		if err := model.validate(); err != nil {
			return err
		}
		if seen[model.Name] {
			return fmt.Errorf("%s: model %s is listed twice: list it once, with all its versions", FileName, shown(model.Name))
		}
		seen[model.Name] = true
	}
	return nil
}

func (m Model) validate() error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%s: model %s: %s", FileName, shown(m.Name), fmt.Sprintf(format, args...))
	}
	if !nameForm.MatchString(m.Name) {
		return refuse("want a name of 1 to 100 of A-Z a-z 0-9 _ . -, not starting with . or -")
	}
	if wrong := wrongPath(m.BasePath); wrong != "" {
		return refuse("base path %s %s", shown(m.BasePath), wrong)
	}
	for at, version := range m.Versions {
		switch {
		case version < 1:
			return refuse("version %d: want 1 or more, the name of a folder below the base path", version)
		case slices.Contains(m.Versions[:at], version):
			return refuse("version %d is listed twice", version)
		}
	}
	for _, label := range slices.Sorted(maps.Keys(m.Labels)) {
		version := m.Labels[label]
		switch {
		case !labelForm.MatchString(label):
			return refuse("label %s: want 1 to 100 of A-Z a-z 0-9 _ . -, not starting with . or -", shown(label))
		case !slices.Contains(m.Versions, version):
			return refuse("label %s points at version %d, which is not among the versions to load %v: list it there", label, version, m.Versions)
		}
	}
	return nil
}

// wrongPath says what keeps a base path from leading to one place on any server.
func wrongPath(p string) string {
	switch {
	case p == "":
		return "is empty: want an absolute path or a URL"
	case len(p) > maxPath:
		return fmt.Sprintf("is %d bytes long, and %d are the most", len(p), maxPath)
	case !utf8.ValidString(p) || strings.ContainsFunc(p, unicode.IsControl):
		return "holds characters that cannot be written"
	}
	where := p
	if scheme, rest, found := strings.Cut(p, "://"); found {
		parsed, err := url.Parse(p)
		if err != nil || parsed.Host == "" || scheme == "" {
			return "is no URL: want one such as s3://bucket/models/phishing"
		}
		if parsed.User != nil || parsed.RawQuery != "" {
			return "holds credentials or a query: the server takes those from its environment"
		}
		where = "/" + rest
	}
	switch {
	case !path.IsAbs(where):
		return "is relative: want an absolute path or a URL"
	case path.Clean(where) != strings.TrimSuffix(where, "/") && where != "/":
		return "has . or .. or an empty part in it: write it in its shortest form"
	}
	return ""
}

// Render is the config in protobuf text format, as --model_config_file wants it: equal configs give equal bytes.
func (c Config) Render() string {
	var out strings.Builder
	out.WriteString("model_config_list {\n")
	for _, model := range c.Models {
		fmt.Fprintf(&out, "  config {\n    name: %s\n    base_path: %s\n    model_platform: %s\n",
			quoted(model.Name), quoted(model.BasePath), quoted(platform))
		if len(model.Versions) > 0 {
			out.WriteString("    model_version_policy {\n      specific {\n")
			for _, version := range slices.Sorted(slices.Values(model.Versions)) {
				fmt.Fprintf(&out, "        versions: %d\n", version)
			}
			out.WriteString("      }\n    }\n")
		}
		for _, label := range slices.Sorted(maps.Keys(model.Labels)) {
			fmt.Fprintf(&out, "    version_labels {\n      key: %s\n      value: %d\n    }\n", quoted(label), model.Labels[label])
		}
		out.WriteString("  }\n")
	}
	out.WriteString("}\n")
	return out.String()
}

// quoted is a text in the quotes of the text format, which takes UTF-8 as it is.
func quoted(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, b := range []byte(text) {
		switch {
		case b == '"' || b == '\\':
			out.WriteByte('\\')
			out.WriteByte(b)
		case b < ' ' || b == 0x7f:
			fmt.Fprintf(&out, `\%03o`, b)
		default:
			out.WriteByte(b)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// shown is text as a message can hold it: quoted, and cut.
func shown(text string) string {
	if runes := []rune(text); len(runes) > maxShown {
		return fmt.Sprintf("%q…", string(runes[:maxShown]))
	}
	return fmt.Sprintf("%q", text)
}
