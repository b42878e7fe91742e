package servingconfig

import (
	"reflect"
	"strings"
	"testing"
)

const rendered = `model_config_list {
  config {
    name: "phishing"
    base_path: "/models/phishing"
    model_platform: "tensorflow"
    model_version_policy {
      specific {
        versions: 41
        versions: 42
      }
    }
    version_labels {
      key: "canary"
      value: 42
    }
    version_labels {
      key: "stable"
      value: 41
    }
  }
  config {
    name: "digits"
    base_path: "s3://models/a \"b\" \\ ü"
    model_platform: "tensorflow"
  }
}
`

var example = Config{Models: []Model{
	{Name: "phishing", BasePath: "/models/phishing", Versions: []int64{41, 42}, Labels: map[string]int64{Stable: 41, Canary: 42}},
	{Name: "digits", BasePath: `s3://models/a "b" \ ü`},
}}

func TestRender(t *testing.T) {
	if got := example.Render(); got != rendered {
		t.Errorf("rendered:\n%s\nwant:\n%s", got, rendered)
	}
	if got := (Config{}).Render(); got != "model_config_list {\n}\n" {
		t.Errorf("a config without models is %q: a server takes no action on an empty file", got)
	}
}

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want Config
	}{
		"as rendered": {rendered, example},
		"no models":   {"model_config_list {}", Config{}},
		"another hand": {`# comment
model_config_list: {
  config: < name: 'm', base_path: "/mod" "els"; model_platform: "tensorflow"
    model_version_policy: { specific: { versions: [3, 1] } }
    version_labels: [{ key: "stable" value: 1 }] >
}`, Config{Models: []Model{{Name: "m", BasePath: "/models", Versions: []int64{3, 1}, Labels: map[string]int64{"stable": 1}}}}},
		"the newest, in words": {`model_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow" model_version_policy { latest { num_versions: 1 } } } }`,
			Config{Models: []Model{{Name: "m", BasePath: "/m"}}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	model := func(fields string) string {
		return `model_config_list { config { name: "m" base_path: "/m" ` + fields + ` } }`
	}
	const tensorflow = `model_platform: "tensorflow" `
	for name, test := range map[string]struct{ text, want string }{
		"empty":              {"", "holds no model_config_list"},
		"cut off":            {"model_config_list { config {", "protobuf text format"},
		"JSON":               {`{"model_config_list": {}}`, "protobuf text format"},
		"an unknown field":   {model(tensorflow + "logging_config {}"), "unknown field: logging_config"},
		"a custom config":    {"custom_model_config {}", "unknown field: custom_model_config"},
		"another platform":   {model(`model_platform: "caffe"`), `model_platform is "caffe": want "tensorflow"`},
		"no platform":        {model(""), `model_platform is "": want "tensorflow"`},
		"all versions":       {model(tensorflow + "model_version_policy { all {} }"), "name the versions"},
		"the newest two":     {model(tensorflow + "model_version_policy { latest { num_versions: 2 } }"), "latest 2 versions: name them"},
		"no version":         {model(tensorflow + "model_version_policy { specific {} }"), "names no version"},
		"a huge version":     {model(tensorflow + "model_version_policy { specific { versions: 9223372036854775808 } }"), "9223372036854775808"},
		"two policies":       {model(tensorflow + "model_version_policy { all {} latest {} }"), "policy_choice"},
		"a label to nothing": {model(tensorflow + `model_version_policy { specific { versions: 1 } } version_labels { key: "stable" value: 2 }`), "not among the versions to load [1]"},
		"a million brackets": {strings.Repeat("model_config_list{", 1<<16), "bytes long"},
		"deep":               {strings.Repeat("model_config_list{", 1<<14), "unknown field"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.text)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), "models.config: ") {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestValidateRefuses(t *testing.T) {
	good := Model{Name: "m", BasePath: "/m", Versions: []int64{1}, Labels: map[string]int64{Stable: 1}}
	for name, test := range map[string]struct {
		change func(*Model)
		want   string
	}{
		"no name":               {func(m *Model) { m.Name = "" }, "want a name"},
		"a name with a slash":   {func(m *Model) { m.Name = "a/b" }, "want a name"},
		"a name with a colon":   {func(m *Model) { m.Name = "a:predict" }, "want a name"},
		"a way out":             {func(m *Model) { m.Name = ".." }, "want a name"},
		"a long name":           {func(m *Model) { m.Name = strings.Repeat("n", 10_000) }, `nnnnn"…: want a name`},
		"no path":               {func(m *Model) { m.BasePath = "" }, "is empty"},
		"a relative path":       {func(m *Model) { m.BasePath = "models" }, "is relative"},
		"a path with a way":     {func(m *Model) { m.BasePath = "/models/../etc" }, "shortest form"},
		"a path of lines":       {func(m *Model) { m.BasePath = "/models\n}" }, "cannot be written"},
		"a path of bytes":       {func(m *Model) { m.BasePath = "/\xff" }, "cannot be written"},
		"a long path":           {func(m *Model) { m.BasePath = "/" + strings.Repeat("p", 5000) }, "4096 are the most"},
		"a bucket's nothing":    {func(m *Model) { m.BasePath = "s3:///models" }, "is no URL"},
		"a URL with a secret":   {func(m *Model) { m.BasePath = "s3://key:secret@bucket/m" }, "credentials"},
		"version 0":             {func(m *Model) { m.Versions = []int64{0} }, "version 0: want 1 or more"},
		"a version twice":       {func(m *Model) { m.Versions = []int64{1, 1} }, "listed twice"},
		"a label of the newest": {func(m *Model) { m.Versions = nil }, "not among the versions"},
		"a label with a slash":  {func(m *Model) { m.Labels = map[string]int64{"a/b": 1} }, `label "a/b": want`},
	} {
		t.Run(name, func(t *testing.T) {
			model := good
			test.change(&model)
			err := Config{Models: []Model{model}}.Validate()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
	if err := (Config{Models: []Model{good}}).Validate(); err != nil {
		t.Errorf("a good model: %v", err)
	}
	if err := (Config{Models: []Model{good, good}}).Validate(); err == nil || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("a model twice: got %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(rendered)
	f.Add("model_config_list {}")
	f.Add(`model_config_list: < config: [{ name: 'm' base_path: "\057m" model_platform: "tensorflow" version_labels { key: "a" } }] >`)
	f.Fuzz(func(t *testing.T, text string) {
		config, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(config.Render())
		if err != nil {
			t.Fatalf("what was rendered is refused: %v\n%s", err, config.Render())
		}
		if again.Render() != config.Render() || !again.Equal(config) {
			t.Fatalf("%q became another config:\n%s\n%s", text, config.Render(), again.Render())
		}
	})
}
