package dagger

import (
	"fmt"
	"regexp"

	"dagger/tensorflow-ci/ci/host"
)

// mismatches are the words in which the CLI, the engine and its module loader say that their versions do not fit.
var mismatches = regexp.MustCompile(`incompatible (engine|client) version v\S+|module requires dagger v\S+, but you have v\S+`)

// Explain adds to a message what its reader can do, where a version of Dagger is the reason.
func Explain(message string) string {
	found := mismatches.FindString(message)
	if found == "" {
		return message
	}
	return fmt.Sprintf("%s: the Dagger CLI and the engine do not fit each other or the module. Use a CLI and an engine of one version, "+
		"%s, which are tested; `go run ./ci doctor` names those that are here", found, host.TestedList())
}
