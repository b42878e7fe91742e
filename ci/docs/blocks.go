// Package docs proves that the commands in the documentation work: it finds them in Markdown, runs them, and holds those that
// cannot run everywhere against the module's own description of its functions.
//
// A block of commands is a fence whose language is sh. It runs, unless its fence says why not:
//
//	```sh except="needs a GPU"
package docs

import (
	"fmt"
	"regexp"
	"strings"
)

// Block is a fenced block of commands.
type Block struct {
	File   string
	Line   int    // of its first command
	Text   string // commands, one a line
	Except string // why it is not run; empty for one that is
}

// Place says where a block stands.
func (b Block) Place() string { return fmt.Sprintf("%s:%d", b.File, b.Line) }

var (
	fence   = regexp.MustCompile("^( {0,3})(`{3,}|~{3,})\\s*([^`]*)$")
	command = regexp.MustCompile(`^(\$ |dagger |docker |go |git |python3? )`)
	except  = regexp.MustCompile(`^except="([^"]+)"$`)
)

// otherNames are languages that highlight commands too; one name for all makes sure that none is overlooked.
var otherNames = map[string]bool{"bash": true, "shell": true, "zsh": true, "console": true, "shell-session": true}

// Blocks finds the commands in a Markdown file.
func Blocks(file, text string) ([]Block, error) {
	var blocks []Block
	var open *Block
	var closing string
	unnamed := false // whether the fence that is open has no language
	for at, line := range strings.Split(text, "\n") {
		number := at + 1
		match := fence.FindStringSubmatch(strings.TrimRight(line, "\r"))
		switch {
		case closing == "" && match != nil:
			closing = match[2]
			language, rest, _ := strings.Cut(strings.TrimSpace(match[3]), " ")
			if otherNames[language] {
				return nil, fmt.Errorf("%s:%d: a block of commands is called sh here, not %s", file, number, language)
			}
			if unnamed = language == ""; language != "sh" {
				continue
			}
			open = &Block{File: file, Line: number + 1}
			if rest = strings.TrimSpace(rest); rest == "" {
				continue
			}
			reason := except.FindStringSubmatch(rest)
			if reason == nil {
				return nil, fmt.Errorf("%s:%d: after sh stands %q: want nothing, or except=\"REASON\" for commands that cannot run everywhere", file, number, rest)
			}
			open.Except = reason[1]
		case closing != "" && match != nil && strings.HasPrefix(match[2], closing) && match[3] == "":
			if open != nil {
				blocks = append(blocks, *open)
			}
			open, closing, unnamed = nil, "", false
		case unnamed && command.MatchString(line):
			return nil, fmt.Errorf("%s:%d: a command in a fence without a language: write sh behind the fence", file, number)
		case open != nil:
			open.Text += line + "\n"
		}
	}
	if closing != "" {
		return nil, fmt.Errorf("%s: a fence (%s) is never closed", file, closing)
	}
	return blocks, nil
}

var codeSpan = regexp.MustCompile("`([^`]+)`")

// Listed finds the calls in tables whose first column is headed "call": the code in that column, without `dagger call`.
func Listed(file, text string) []Block {
	var listed []Block
	inside := false
	for at, line := range strings.Split(text, "\n") {
		first, _, found := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || !found {
			inside = false
			continue
		}
		if strings.TrimSpace(first) == "call" {
			inside = true
			continue
		}
		if !inside {
			continue
		}
		for _, code := range codeSpan.FindAllStringSubmatch(first, -1) {
			listed = append(listed, Block{File: file, Line: at + 1, Text: "dagger call " + code[1] + "\n", Except: "a row of a table"})
		}
	}
	return listed
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links finds the files of the checkout that a page links to, as the page names them.
func Links(text string) []string {
	var files []string
	for _, match := range link.FindAllStringSubmatch(text, -1) {
		file, _, _ := strings.Cut(match[1], "#")
		if file != "" && !strings.Contains(file, "://") && !strings.HasPrefix(file, "mailto:") {
			files = append(files, file)
		}
	}
	return files
}
