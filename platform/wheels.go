package platform

import (
	"fmt"
	"slices"
	"strings"
)

// Wheels are the versions of TensorFlow that can be installed from wheels: those for which scripts/requirements holds a
// lock file of hashes for each of [Choices].
var Wheels = []string{"2.16.2", "2.21.0"}

// WheelPython is the version of Python for which the lock files are made.
const WheelPython = "3.11"

// wheelScheme starts what a project writes for TensorFlow from wheels, in the place of an image.
const wheelScheme = "wheel:"

// IsWheel reports whether a reference means TensorFlow from wheels.
func IsWheel(reference string) bool {
	return strings.HasPrefix(reference, wheelScheme)
}

// Wheel is TensorFlow from wheels as a project or a lock file names it: wheel:VERSION or wheel:VERSION@sha256:….
type Wheel struct {
	Version string
	Digest  string // of the lock file; empty where none is named
}

// ParseWheel reads wheel:VERSION, and refuses a version for which there is no lock file.
func ParseWheel(reference string) (Wheel, error) {
	version, digest, pinned := strings.Cut(strings.TrimPrefix(reference, wheelScheme), "@")
	switch {
	case !IsWheel(reference):
		return Wheel{}, fmt.Errorf("%.80q names no wheel", reference)
	case !slices.Contains(Wheels, version):
		return Wheel{}, fmt.Errorf("TensorFlow %.40q from wheels: there is no lock file of its packages' hashes; write %s%s",
			version, wheelScheme, strings.Join(Wheels, " or "+wheelScheme))
	case pinned && !isSHA256(digest):
		return Wheel{}, fmt.Errorf("%.120q: what follows @ is no digest; write sha256: and 64 digits from 0-9 and a-f", reference)
	}
	return Wheel{version, digest}, nil
}

// String is the wheel as a lock file names it.
func (w Wheel) String() string {
	if w.Digest == "" {
		return wheelScheme + w.Version
	}
	return wheelScheme + w.Version + "@" + w.Digest
}

// LockFile is the name of a wheel's lock file for a platform, below scripts/requirements.
func (w Wheel) LockFile(platform string) string {
	return "tensorflow-" + w.Version + "-" + strings.ReplaceAll(Normal(platform), "/", "-") + ".txt"
}

func isSHA256(digest string) bool {
	hex, found := strings.CutPrefix(digest, "sha256:")
	return found && len(hex) == 64 && strings.Trim(hex, "0123456789abcdef") == ""
}
