package host

import (
	"slices"
	"strings"
)

// Current is the version of the Dagger CLI and engine that `up` brings up and the tests run on.
const Current = "v0.21.8"

// Tested are the versions that the tests run on. The last is the newest with BuildKit's own solver; a part of the
// acceptance tests runs on it.
var Tested = []string{Current, "v0.20.8"}

// IsTested reports whether the tests run on a version of Dagger.
func IsTested(version string) bool { return slices.Contains(Tested, version) }

// TestedList names the tested versions for a message.
func TestedList() string { return strings.Join(Tested, " and ") }

// EngineContainer names the container in which the CLI of a version looks for its engine.
func EngineContainer(version string) string { return "dagger-engine-" + version }
