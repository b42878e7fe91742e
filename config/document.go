package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxSize is far more than settings need, and little enough to be read in no time.
const maxSize = 1 << 20

// document parses text into the one node that it holds; nil where it holds none, or is no plain YAML.
func document(text []byte, found *problems) *yaml.Node {
	if len(text) > maxSize {
		found.add(1, "", fmt.Sprintf("the file has %d bytes", len(text)), "at most 1 MiB")
		return nil
	}
	if at := invalidUTF8(text); at >= 0 {
		found.add(1+bytes.Count(text[:at], []byte("\n")), "", fmt.Sprintf("byte %#02x is not UTF-8", text[at]), "UTF-8 text")
		return nil
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var first, second yaml.Node
	switch err := decode(decoder, &first); {
	case errors.Is(err, io.EOF):
		return nil
	case err != nil:
		found.syntax(err)
		return nil
	}
	switch err := decode(decoder, &second); {
	case err == nil:
		found.add(second.Line, "", "a second document begins", "one document")
		return nil
	case !errors.Is(err, io.EOF):
		found.syntax(err)
		return nil
	}
	root := first.Content[0]
	if root.Kind == yaml.ScalarNode && root.ShortTag() == "!!null" {
		return nil
	}
	before := len(found.list)
	found.plain(root)
	if len(found.list) > before {
		return nil
	}
	return root
}

// decode guards against what a parser of untrusted text must never do to its caller.
func decode(decoder *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("yaml: the parser gave up: %v", broken)
		}
	}()
	return decoder.Decode(node)
}

func invalidUTF8(text []byte) int {
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRune(text[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return -1
}

var syntaxForm = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// syntax reports what the YAML parser complains of, at the line that it names.
func (p *problems) syntax(err error) {
	line, what := 1, err.Error()
	if parts := syntaxForm.FindStringSubmatch(what); parts != nil {
		what = parts[2]
		if number, err := strconv.Atoi(parts[1]); err == nil && number > 0 {
			line = number
		}
	}
	p.add(line, "", "this is not YAML: "+what, "")
}

// plain refuses the parts of YAML that settings do not need and that can make a small file huge or mean something else.
func (p *problems) plain(node *yaml.Node) {
	switch {
	case node.Kind == yaml.AliasNode:
		p.add(node.Line, "", "the alias *"+node.Value+" stands for another part of the file", "the value itself")
	case node.Anchor != "":
		p.add(node.Line, "", "&"+node.Anchor+" names a part of the file to repeat it", "values without anchors")
	case node.Style&yaml.TaggedStyle != 0:
		p.add(node.Line, "", "the tag "+shown(node.Tag)+" sets a type", "values without tags; quote what must be text")
	}
	for _, child := range node.Content {
		p.plain(child)
	}
}
