package imageref

import (
	"fmt"
	"regexp"
	"strings"
)

const (
	example       = "tensorflow/tensorflow:2.21.0"
	maxReference  = 1024 // registry, repository, tag and digest at their longest, with room to spare
	maxRegistry   = 260  // a host name at its longest, and a port
	maxRepository = 255
	shownRunes    = 60
)

// The parts of a reference, as github.com/distribution/reference defines them.
var (
	registryForm = regexp.MustCompile(`^(?:` +
		`[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*` +
		`|\[[a-f0-9:]+\]` +
		`)(?::[0-9]{1,5})?$`)
	repositoryForm = regexp.MustCompile(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)
	tagForm        = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$`)
	digestForm     = regexp.MustCompile(`^(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})$`)
	bareDigestForm = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

// Parse reads a reference, and refuses one that is malformed, bare, tagged latest, or known to be malicious.
func Parse(s string) (Ref, error) {
	if problem, instead := unreadable(s); problem != "" {
		return Ref{}, refuse(s, problem, instead)
	}
	rest, digest, hasDigest := strings.Cut(s, "@")
	if hasDigest && !digestForm.MatchString(digest) {
		return Ref{}, refuse(s, "what follows @ is no digest", "sha256: and 64 digits from 0-9 and a-f (or sha512: and 128)")
	}
	name, tag, hasTag := cutTag(rest)
	if hasTag && !tagForm.MatchString(tag) {
		return Ref{}, refuse(s, "what follows : is no tag", "up to 128 of a-z A-Z 0-9 _ . -, not starting with . or -, such as "+example)
	}
	ref := Ref{Tag: tag, Digest: digest}
	ref.Registry, ref.Repository = cutRegistry(name)
	if problem, instead := misnamed(ref); problem != "" {
		return Ref{}, refuse(s, problem, instead)
	}
	if problem, instead := unwanted(ref); problem != "" {
		return Ref{}, refuse(s, problem, instead)
	}
	return ref, nil
}

// unreadable finds what makes a text no reference at all, before it is taken apart.
func unreadable(s string) (problem, instead string) {
	switch {
	case s == "":
		return "it is empty", "an image such as " + example
	case len(s) > maxReference:
		return fmt.Sprintf("it is %d bytes long, and a reference has at most %d", len(s), maxReference), "an image such as " + example
	case strings.HasPrefix(s, "-"):
		return "it starts with a dash, like a flag", "an image such as " + example
	case strings.Contains(s, "://"):
		return "it is a URL", "it without the scheme, such as " + example
	case bareDigestForm.MatchString(strings.TrimPrefix(s, "sha256:")):
		return "it is a digest without a name", "name@sha256:…, such as tensorflow/tensorflow@sha256:…"
	}
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return fmt.Sprintf("it contains %q", r), "only letters, digits and . _ - / : @, such as " + example
		}
	}
	return "", ""
}

// cutTag splits at the colon of the tag; an earlier one is that of the registry's port.
func cutTag(s string) (name, tag string, found bool) {
	if colon := strings.LastIndexByte(s, ':'); colon > strings.LastIndexByte(s, '/') {
		return s[:colon], s[colon+1:], true
	}
	return s, "", false
}

// cutRegistry splits off the registry, and fills in what a short name leaves out.
func cutRegistry(name string) (registry, repository string) {
	registry, repository = defaultRegistry, name
	if first, rest, several := strings.Cut(name, "/"); several && isRegistry(first) {
		registry, repository = strings.ToLower(first), rest
	}
	if registry == legacyRegistry {
		registry = defaultRegistry
	}
	if registry == defaultRegistry && !strings.Contains(repository, "/") {
		repository = officialOwner + repository
	}
	return registry, repository
}

// isRegistry tells a host from the owner of a repository on docker.io.
func isRegistry(first string) bool {
	return first == "localhost" || strings.ContainsAny(first, ".:")
}

func misnamed(ref Ref) (problem, instead string) {
	switch {
	case len(ref.Registry) > maxRegistry || !registryForm.MatchString(ref.Registry):
		return fmt.Sprintf("%s is no registry", shortened(ref.Registry)), "registry.example.com:5000/owner/name:tag, or " + example
	case len(ref.Repository) > maxRepository: // before what repeats it
		return fmt.Sprintf("the repository is longer than %d characters", maxRepository), "an image such as " + example
	case strings.ToLower(ref.Repository) != ref.Repository:
		return "the repository has upper-case letters", strings.ToLower(ref.Familiar())
	case !repositoryForm.MatchString(ref.Repository):
		return fmt.Sprintf("%s is no repository", shortened(strings.TrimPrefix(ref.Repository, officialOwner))),
			"lower-case letters and digits, with single . _ - / between them, such as " + example
	}
	return "", ""
}

// refuse says which reference is refused, why, and what to write instead.
func refuse(reference, problem, instead string) error {
	return fmt.Errorf("image %s: %s; write %s", shortened(reference), problem, instead)
}

// shortened is text as it can be shown: quoted, so that nothing in it reaches a terminal, and cut.
func shortened(text string) string {
	shown := 0
	for at := range text {
		if shown++; shown > shownRunes {
			return fmt.Sprintf("%q…", text[:at])
		}
	}
	return fmt.Sprintf("%q", text)
}
