package scanpolicy

import (
	"slices"
	"strings"
)

// denied finds packages under a license that the project denies.
func (p Policy) denied(report Report) []Finding {
	var found []Finding
	for _, one := range report.Packages {
		for _, license := range deniedBy(one.Licenses, p.DeniedLicenses) {
			found = append(found, Finding{Kind: License, ID: license, Severity: "HIGH", Package: one.Name, Version: one.Version, Title: "denied license", Place: one.Place, PURL: one.PURL})
		}
	}
	return found
}

// deniedBy names the licenses among those of one package that are denied, as they are written there. All that a package
// is under hold together; of an SPDX expression with OR, one that is not denied is enough.
func deniedBy(licenses, denied []string) []string {
	var found []string
	for _, license := range licenses {
		read := &expression{words: words(license), denied: denied}
		for {
			for _, name := range read.or(0) {
				if !slices.Contains(found, name) {
					found = append(found, name)
				}
			}
			if !read.next(")") { // one that closes nothing does not end the expression
				break
			}
		}
	}
	return found
}

// words takes an SPDX expression apart: names, operators and parentheses. A list with commas is none, and is seen often.
func words(license string) []string {
	return strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ", ",", " ", ";", " ", "/", " ").Replace(license))
}

// expression reads an SPDX expression: OR binds less than AND, AND less than WITH. Each step returns the denied licenses
// that cannot be avoided.
type expression struct {
	words  []string
	denied []string
}

// deepest is how far parentheses are followed; deeper, every license counts.
const deepest = 50

func (e *expression) or(depth int) []string {
	found := e.and(depth)
	for e.next("OR") {
		if other := e.and(depth); len(found) > 0 && len(other) > 0 {
			found = append(found, other...)
		} else {
			found = nil
		}
	}
	return found
}

func (e *expression) and(depth int) []string {
	var found []string
	for len(e.words) > 0 && e.words[0] != "OR" && e.words[0] != ")" {
		if !e.next("AND") { // names without an operator between them are no SPDX: all hold
			found = append(found, e.name(depth)...)
		}
	}
	return found
}

func (e *expression) name(depth int) []string {
	if e.next("(") {
		if depth == deepest {
			rest := slices.DeleteFunc(e.words, func(word string) bool { return !e.denies(word) })
			e.words = nil
			return rest
		}
		found := e.or(depth + 1)
		e.next(")")
		return found
	}
	license := e.words[0]
	e.words = e.words[1:]
	if e.next("WITH") && len(e.words) > 0 { // an exception gives more rights, and leaves the license what it is
		e.words = e.words[1:]
	}
	if e.denies(license) {
		return []string{license}
	}
	return nil
}

func (e *expression) denies(license string) bool {
	return slices.ContainsFunc(e.denied, func(denied string) bool { return meant(denied, license) })
}

// next takes a word, if it comes next. Operators are in capitals: "or" in small letters may be anything.
func (e *expression) next(word string) bool {
	if len(e.words) == 0 || e.words[0] != word {
		return false
	}
	e.words = e.words[1:]
	return true
}

// meant tells whether a denied name stands for a license: the same, or the same whatever it says about later versions.
func meant(denied, license string) bool {
	denied, license = strings.ToLower(denied), strings.ToLower(license)
	family, plus := strings.CutSuffix(license, "+")
	if plus {
		license = family + "-or-later"
	}
	return license == denied || license == denied+"-only" || license == denied+"-or-later"
}
