package scanpolicy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// farthest is how far ahead an entry can be dated: what nobody has to look at again is no exception but a rule.
const farthest = 366 * 24 * time.Hour

// Entry is one exception in an ignore file.
type Entry struct {
	Kind      string
	ID        string
	Statement string
	Until     time.Time
	Line      int
	Packages  []string // as package-url, such as pkg:pypi/six; none for all
}

// Ignores are the entries of an ignore file.
type Ignores []Entry

// sections are the lists of a .trivyignore.yaml, and the kind of finding that each is about.
var sections = map[string]string{
	"vulnerabilities": Vulnerability, "misconfigurations": Misconfiguration, "secrets": Secret, "licenses": License,
}

// ReadIgnores reads a .trivyignore.yaml and refuses what Trivy would let pass: an entry without a reason or without a
// last day, one that is over, and any key that is not known. The error lists every problem with its line.
func ReadIgnores(file string, text []byte, now time.Time) (Ignores, error) {
	if len(text) > maxIgnores {
		return nil, fmt.Errorf("%s: the file has %d bytes, and %d are the most", file, len(text), maxIgnores)
	}
	reader := ignoreReader{file: file, now: now}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document, second yaml.Node
	switch err := decode(decoder, &document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: this is not YAML: %w", file, err)
	}
	if err := decode(decoder, &second); !errors.Is(err, io.EOF) {
		reader.refuse(&second, "a second document begins, which the scanner would not read")
	}
	for name, list := range reader.fields(document.Content[0], "vulnerabilities, misconfigurations, secrets, licenses") {
		kind, known := sections[name.Value]
		switch {
		case !known:
			reader.refuse(name, fmt.Sprintf("unknown key %q; allowed: vulnerabilities, misconfigurations, secrets, licenses", name.Value))
		case list.Kind != yaml.SequenceNode:
			reader.refuse(name, name.Value+" is no list of entries")
		default:
			for _, entry := range list.Content {
				reader.entry(kind, entry)
			}
		}
	}
	return reader.entries, errors.Join(reader.problems...)
}

// maxIgnores is far more than a file of exceptions needs.
const maxIgnores = 1 << 20

// decode guards against what a parser of a project's text must never do to its caller.
func decode(decoder *yaml.Decoder, node *yaml.Node) (err error) {
	defer func() {
		if broken := recover(); broken != nil {
			err = fmt.Errorf("the parser gave up: %v", broken)
		}
	}()
	return decoder.Decode(node)
}

type ignoreReader struct {
	file     string
	now      time.Time
	entries  Ignores
	problems []error
}

func (r *ignoreReader) refuse(node *yaml.Node, what string) {
	r.problems = append(r.problems, fmt.Errorf("%s:%d: %s", r.file, max(node.Line, 1), what))
}

// fields yields the keys of a mapping once each.
func (r *ignoreReader) fields(node *yaml.Node, allowed string) func(func(name, value *yaml.Node) bool) {
	return func(yield func(name, value *yaml.Node) bool) {
		if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" {
			return
		}
		if node.Kind != yaml.MappingNode {
			r.refuse(node, "no mapping with "+allowed+" stands here")
			return
		}
		seen := map[string]bool{}
		for at := 0; at+1 < len(node.Content); at += 2 {
			name := node.Content[at]
			if name.Kind != yaml.ScalarNode {
				r.refuse(name, "what stands where a key should is no word; allowed: "+allowed)
				continue
			}
			if seen[name.Value] {
				r.refuse(name, fmt.Sprintf("%q is there twice", name.Value))
				continue
			}
			seen[name.Value] = true
			if !yield(name, node.Content[at+1]) {
				return
			}
		}
	}
}

func (r *ignoreReader) entry(kind string, node *yaml.Node) {
	entry := Entry{Kind: kind, Line: node.Line}
	before := len(r.problems)
	dated := false
	for name, value := range r.fields(node, "id, statement, expired_at") {
		switch name.Value {
		case "id":
			entry.ID = r.text(name, value)
		case "statement":
			entry.Statement = r.text(name, value)
		case "expired_at":
			dated = true
			entry.Until = r.date(value)
		case "purls":
			entry.Packages = r.texts(name, value)
		case "paths":
			if r.texts(name, value); kind == License {
				r.refuse(name, "a license is accepted for packages (purls), not for paths")
			}
		default:
			r.refuse(name, fmt.Sprintf("unknown key %q; allowed: id, statement, expired_at, paths, purls", name.Value))
		}
	}
	if len(r.problems) > before {
		return
	}
	switch {
	case entry.ID == "":
		r.refuse(node, "the entry has no id: it must name one finding")
	case entry.Statement == "":
		r.refuse(node, entry.ID+" has no statement: say why it is accepted")
	case !dated:
		r.refuse(node, entry.ID+" has no expired_at: say until when it is accepted, such as expired_at: "+r.now.AddDate(0, 3, 0).Format(time.DateOnly))
	case entry.Until.Before(r.now):
		r.refuse(node, fmt.Sprintf("%s was accepted until %s, which is over: mend it, or give a new reason and date", entry.ID, entry.Until.Format(time.DateOnly)))
	case entry.Until.After(r.now.Add(farthest)):
		r.refuse(node, fmt.Sprintf("%s is accepted until %s: at most a year from now can be said", entry.ID, entry.Until.Format(time.DateOnly)))
	default:
		r.entries = append(r.entries, entry)
	}
}

func (r *ignoreReader) text(name, value *yaml.Node) string {
	if value.Kind != yaml.ScalarNode || value.ShortTag() != "!!str" || strings.TrimSpace(value.Value) == "" {
		r.refuse(name, name.Value+" is no text")
		return ""
	}
	return value.Value
}

func (r *ignoreReader) texts(name, value *yaml.Node) []string {
	if value.Kind != yaml.SequenceNode || len(value.Content) == 0 {
		r.refuse(name, name.Value+" is no list of texts")
		return nil
	}
	var texts []string
	for _, item := range value.Content {
		texts = append(texts, r.text(name, item))
	}
	return texts
}

func (r *ignoreReader) date(value *yaml.Node) time.Time {
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if date, err := time.Parse(form, value.Value); err == nil && value.Kind == yaml.ScalarNode {
			return date
		}
	}
	r.refuse(value, "expired_at is no date such as "+r.now.AddDate(0, 3, 0).Format(time.DateOnly))
	return time.Time{}
}

// find returns the entry that took a finding out. A misconfiguration has several names, and is known by its statement.
func (i Ignores) find(suppressed Suppressed) (Entry, bool) {
	at := slices.IndexFunc(i, func(entry Entry) bool {
		return entry.Kind == suppressed.Kind && entry.Statement == suppressed.Statement &&
			(entry.ID == suppressed.ID || entry.Kind == Misconfiguration)
	})
	if at < 0 {
		return Entry{}, false
	}
	return i[at], true
}

// license returns the entry that accepts a denied license of one package. The scanner knows nothing of denied licenses:
// such an entry takes effect here.
func (i Ignores) license(denied Finding) (Entry, bool) {
	at := slices.IndexFunc(i, func(entry Entry) bool {
		return entry.Kind == License && strings.EqualFold(entry.ID, denied.ID) &&
			(len(entry.Packages) == 0 || slices.ContainsFunc(entry.Packages, func(purl string) bool { return samePackage(purl, denied.PURL) }))
	})
	if at < 0 {
		return Entry{}, false
	}
	return i[at], true
}

// samePackage tells whether a package-url of an entry means a package: with a version only that one, without it all.
func samePackage(wanted, purl string) bool {
	purl, _, _ = strings.Cut(purl, "?")
	if name, version, found := strings.Cut(wanted, "@"); !found || version == "" {
		purl, _, _ = strings.Cut(purl, "@")
		wanted = name
	}
	return purl != "" && purl == wanted
}

// unused are the entries that took nothing out.
func (i Ignores) unused(used map[int]bool) []Entry {
	return slices.DeleteFunc(slices.Clone(i), func(entry Entry) bool { return used[entry.Line] })
}
