package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// problem is one thing that is wrong with the settings.
type problem struct {
	line    int    // in the file; 0 for a setting that came from a flag
	key     string // dotted; empty for the file as a whole
	what    string
	allowed string // empty where what says it all
}

func (p problem) String() string {
	place := "--set"
	if p.line > 0 {
		place = fmt.Sprintf("%s:%d:", FileName, p.line)
	}
	if p.key != "" {
		place += " " + p.key + ":"
	}
	if p.allowed == "" {
		return place + " " + p.what
	}
	return place + " " + p.what + "; allowed: " + p.allowed
}

// problems gathers everything that is wrong, so that one run shows it all.
type problems struct {
	list []problem
}

func (p *problems) add(line int, key, what, allowed string) {
	p.list = append(p.list, problem{line, key, what, allowed})
}

// maxProblems is how many problems a message lists: a file of another kind can have thousands.
const maxProblems = 50

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var lines []string
	for _, one := range p.list {
		lines = append(lines, one.String())
	}
	if more := len(lines) - maxProblems; more > 0 {
		lines = append(lines[:maxProblems], fmt.Sprintf("and %d more problems", more))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// maxShown is how many characters of a value a message repeats.
const maxShown = 60

// shown is text as a message can repeat it: quoted, so that nothing in it reaches a terminal, and cut.
func shown(text string) string {
	count := 0
	for at := range text {
		if count++; count > maxShown {
			return fmt.Sprintf("%q…", text[:at])
		}
	}
	return fmt.Sprintf("%q", text)
}

// didYouMean is a hint at the name nearest to one that is unknown, or empty where none is near.
func didYouMean(unknown string, names []string) string {
	const near = 2
	wanted := strings.ReplaceAll(strings.ToLower(unknown), "_", "-")
	if len(wanted) > maxShown {
		return ""
	}
	best, distance := "", near+1
	for _, name := range names {
		// Two edits turn any two short names into each other: at most a third of the name may differ.
		if far := edits(wanted, name); far < distance && far*3 <= len(name) {
			best, distance = name, far
		}
	}
	if best == "" {
		return ""
	}
	return ": did you mean " + best + "?"
}

// edits counts the letters to insert, to leave out, to replace or to swap with their neighbour that turn a into b.
func edits(a, b string) int {
	distance := make([][]int, len(a)+1) // from each beginning of a to each beginning of b
	for i := range distance {
		distance[i] = make([]int, len(b)+1)
		for j := range distance[i] {
			if i == 0 || j == 0 {
				distance[i][j] = i + j
				continue
			}
			replace := distance[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			distance[i][j] = min(replace, distance[i-1][j]+1, distance[i][j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				distance[i][j] = min(distance[i][j], distance[i-2][j-2]+1)
			}
		}
	}
	return distance[len(a)][len(b)]
}
