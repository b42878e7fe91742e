package imageref

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// compromisedTrivy are the releases of March 2026 that steal credentials (GHSA-69fq-xp46-6x23), whatever the mirror or
// the variant for one architecture.
var compromisedTrivy = regexp.MustCompile(`^v?0\.69\.[456](?:$|[._-])`)

// unwanted finds why a well-formed reference is still refused.
func unwanted(ref Ref) (problem, instead string) {
	name := Ref{Registry: ref.Registry, Repository: ref.Repository}.Familiar()
	switch {
	case ref.Tag == "" && ref.Digest == "":
		return "it has neither a tag nor a digest, and so means whatever is newest",
			"the version that you mean: " + name + ":VERSION, such as " + example
	case isLatest(ref.Tag) && ref.Digest != "":
		return "the tag " + ref.Tag + " says nothing about the version that the digest pins",
			name + "@" + ref.Digest[:len("sha256:")+6] + "… without the tag, or with the tag of its version, such as " + example
	case isLatest(ref.Tag):
		return "the tag " + ref.Tag + " moves: the same line would run in another image tomorrow",
			"the version that you mean: " + name + ":VERSION, such as " + example
	case path.Base(ref.Repository) == "trivy" && compromisedTrivy.MatchString(ref.Tag):
		return "Trivy " + ref.Tag + " is malicious (GHSA-69fq-xp46-6x23)",
			"0.69.3 or 0.70.0 and later, by digest; and change every secret that the image was run with"
	}
	return "", ""
}

// isLatest also knows variants of it, such as latest-gpu, which move in the same way.
func isLatest(tag string) bool {
	parts := strings.FieldsFunc(strings.ToLower(tag), func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	return slices.Contains(parts, "latest")
}
