package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/proc"
)

func TestBlocks(t *testing.T) {
	text := strings.Join([]string{
		"# A page", "```sh", "one", "```", "", "```yaml", "key: value", "```", "", `   ~~~~sh except="needs a GPU"`, "```", "two", "   ~~~~", "`sh` inline",
	}, "\n")
	blocks, err := Blocks("a.md", text)
	if err != nil {
		t.Fatal(err)
	}
	want := []Block{{"a.md", 3, "one\n", ""}, {"a.md", 11, "```\ntwo\n", "needs a GPU"}}
	if !slices.Equal(blocks, want) {
		t.Errorf("got %+v\nwant %+v", blocks, want)
	}
	for text, says := range map[string]string{
		"```bash\nx\n```":                     "a.md:1: a block of commands is called sh here, not bash",
		"\n```sh skip\nx\n```":                `a.md:2: after sh stands "skip"`,
		"```sh except=\"\"\nx\n```":           `after sh stands "except=\"\""`,
		"```\na diagram\ngo run ./ci up\n```": "a.md:3: a command in a fence without a language",
		"```sh\nnever closed":                 "a.md: a fence (```) is never closed",
		"````sh\n```\nstill open in four`":    "is never closed",
	} {
		if _, err := Blocks("a.md", text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want %q", text, err, says)
		}
	}
}

func TestCommands(t *testing.T) {
	block := Block{File: "a.md", Line: 7, Text: "# only words\ndagger call -m \"$TENSORFLOW_CI\" --source \"a b\" \\\n  lint check  # why\n\necho 'x # y'\"z\" ''\n"}
	got, err := block.Commands()
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"dagger", "call", "-m", anyModule, "--source", "a b", "lint", "check"}, {"echo", "x # yz", ""}}
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %q, want %q", got, want)
	}
	args, found := Call(got[0])
	if !found || !slices.Equal(args, []string{"--source", "a b", "lint", "check"}) {
		t.Errorf("got %q, %v", args, found)
	}
	for _, other := range [][]string{got[1], {"dagger", "call", "-m", "tests", "all"}, {"dagger", "call", "--mod"}, {"dagger", "functions"}} {
		if _, found := Call(other); found {
			t.Errorf("%q is taken for a call of this module", other)
		}
	}
	if _, err := (Block{File: "a.md", Line: 7, Text: "echo 'x"}).Commands(); err == nil || !strings.Contains(err.Error(), "a.md:7: a quote is not closed") {
		t.Errorf("got %v", err)
	}
}

func TestLinks(t *testing.T) {
	got := Links("[a](b.md) and [c](../c.md#part) ![d](images/d.png) [e](https://example.com/x) [f](#here)")
	if want := []string{"b.md", "../c.md", "images/d.png"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestListed(t *testing.T) {
	text := "| call | gives |\n|---|---|\n| `lint check`, `lint summary` | `words` |\n\n| form | call |\n|---|---|\n| `x` | `y` |\n"
	got := Listed("a.md", text)
	want := []Block{{"a.md", 3, "dagger call lint check\n", "a row of a table"}, {"a.md", 3, "dagger call lint summary\n", "a row of a table"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

const served = `{"__schema": {"types": [
  {"name": "Query", "fields": [{"name": "loadTensorflowCiFromID", "description": "", "type": {"kind": "OBJECT", "name": "TensorflowCi"}, "args": []}, {"name": "with", "description": "", "type": {"kind": "NON_NULL", "name": null, "ofType": {"kind": "OBJECT", "name": "Query"}},
    "args": [{"name": "source", "description": "Project.", "defaultValue": null, "type": {"kind": "SCALAR", "name": "DirectoryID"}}]}]},
  {"name": "TensorflowCi", "description": "", "fields": [
    {"name": "id", "description": "", "type": {"kind": "SCALAR", "name": "ID"}, "args": []},
    {"name": "gpuCheck", "description": "Prove.\n\nMore.", "type": {"kind": "OBJECT", "name": "File"}, "args": [
      {"name": "often", "description": " ", "defaultValue": "3", "type": {"kind": "NON_NULL", "name": null, "ofType": {"kind": "SCALAR", "name": "Int"}}}]},
    {"name": "publish", "description": "No sentence", "type": {"kind": "SCALAR", "name": "String"}, "args": [
      {"name": "address", "description": "Where.", "defaultValue": null, "type": {"kind": "NON_NULL", "name": null, "ofType": {"kind": "SCALAR", "name": "String"}}},
      {"name": "dryRun", "description": "Whether.", "defaultValue": null, "type": {"kind": "SCALAR", "name": "Boolean"}}]},
    {"name": "model", "description": "", "type": {"kind": "OBJECT", "name": "TensorflowCiModel"}, "args": []}]},
  {"name": "TensorflowCiModel", "description": "", "fields": [{"name": "digest", "description": "Digest.", "type": {"kind": "SCALAR", "name": "String"}, "args": []}]},
  {"name": "File", "description": "", "fields": [{"name": "export", "description": "", "type": {"kind": "SCALAR", "name": "String"}, "args": [
    {"name": "path", "description": "", "defaultValue": null, "type": {"kind": "NON_NULL", "name": null, "ofType": {"kind": "SCALAR", "name": "String"}}}]}]}
]}}`

func schema(t *testing.T) Schema {
	t.Helper()
	schema, err := ReadSchema([]byte(served), "tensorflow-ci")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestUndocumented(t *testing.T) {
	want := []string{
		"TensorflowCi.gpuCheck: the parameter often has no text",
		`TensorflowCi.publish: its first line is no sentence of its own: "No sentence"`,
		"TensorflowCi.model has no text",
		"type TensorflowCiModel has no text",
	}
	if got := schema(t).Undocumented(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestCheck(t *testing.T) {
	for line, says := range map[string]string{
		"":                                     "",
		"--source . gpu-check export --path x": "",
		"gpu-check --often 5 contents":         "File has no function contents; it has export",
		"publish --dry-run --address=x":        "",
		"publish --dry-run":                    "publish needs --address",
		"publish --addres x":                   "publish has no flag --addres; it has --address, --dry-run",
		"gpu-check --often":                    "the flag --often has no value",
		"gpu-check export":                     "export needs --path",
		"gpucheck":                             "TensorflowCi has no function gpucheck; it has gpu-check, publish, model",
		"--progress plain model digest":        "",
		"model digest --help":                  "",
		"--data x model":                       "with has no flag --data; it has --source",
	} {
		err := schema(t).Check(strings.Fields(line))
		if says == "" && err != nil || says != "" && (err == nil || err.Error() != says) {
			t.Errorf("%q: got %v, want %q", line, err, says)
		}
	}
}

func TestSchemaOfAnotherModule(t *testing.T) {
	if _, err := ReadSchema([]byte(served), "other"); err == nil || !strings.Contains(err.Error(), "does not serve the module other") {
		t.Errorf("got %v", err)
	}
	if _, err := ReadSchema([]byte("no"), "tensorflow-ci"); err == nil {
		t.Error("a text that is no JSON is accepted")
	}
}

func TestKebab(t *testing.T) {
	for name, want := range map[string]string{"gpuCheck": "gpu-check", "asTFJob": "as-tf-job", "export": "export", "savedModel": "saved-model"} {
		if got := kebab(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

func TestPagesAndCopy(t *testing.T) {
	root, target := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{"README.md": "# a", "docs/b.md": "# b", "docs/deep/c.md": "# c", "ignored.md": "# d", ".gitignore": "ignored.md\n", "run.sh": "true"} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := (proc.Command{Args: []string{"git", "-C", root, "init", "--quiet"}}).Output(t.Context()); err != nil {
		t.Fatal(err)
	}
	pages, err := Pages(root)
	if err != nil || !slices.Equal(pages, []string{"README.md", "docs/b.md", "ignored.md"}) {
		t.Errorf("pages: %q, %v", pages, err)
	}
	if err := Copy(t.Context(), root, target); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"README.md": true, "docs/deep/c.md": true, "ignored.md": false, ".git": true} {
		if _, err := os.Stat(filepath.Join(target, name)); (err == nil) != want {
			t.Errorf("%s in the copy: %v, want %v", name, err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(target, "run.sh")); err != nil || info.Mode().Perm()&0o100 == 0 {
		t.Errorf("run.sh is not executable in the copy: %v", err)
	}
	if _, err := Pages(t.TempDir()); err == nil {
		t.Error("a folder without documentation is accepted")
	}
}
