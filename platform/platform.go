// Package platform decides for which kind of processor a project's containers run, and whether an engine can run them.
//
// A platform is written as the OCI writes it: linux/amd64. A result is a function of it, so it never follows from the
// machine that a run happens to meet: a project that says nothing gets [Default] everywhere.
package platform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// What a project can ask for.
const (
	AMD64 = "linux/amd64"
	ARM64 = "linux/arm64"
)

// Default is the one platform that TensorFlow's and TensorFlow Serving's published images have.
const Default = AMD64

// Choices are the platforms that a project can ask for.
func Choices() []string {
	return []string{AMD64, ARM64}
}

// Common are the platforms that published images have most often: those that a refusal looks for in an image index.
func Common() []string {
	return []string{AMD64, ARM64, "linux/386", "linux/arm/v7", "linux/ppc64le", "linux/riscv64", "linux/s390x"}
}

// Normal is a platform in the form in which this package compares them: an engine may call linux/arm64 linux/arm64/v8.
func Normal(s string) string {
	switch s = strings.ToLower(s); s {
	case "linux/arm64/v8", "linux/aarch64":
		return ARM64
	case "linux/amd64/v1", "linux/x86_64":
		return AMD64
	}
	return s
}

// Question is all that the decision depends on.
type Question struct {
	Role   string // whose containers are to run
	Wanted string // for which platform
	Engine string // the engine's own
	Chosen bool   // whether a person asked for this platform by --platform, emulation included
	Wheels bool   // whether TensorFlow comes from wheels, which exist for both platforms
	// Runs tries a program of the wanted platform on the engine. It is asked only where the answer decides.
	Runs func() error
}

// Decide returns nil where the engine can run the containers and a person wants it to, and otherwise a refusal that
// names the ways on.
func Decide(q Question) error {
	wanted, engine := Normal(q.Wanted), Normal(q.Engine)
	if wanted == engine {
		return nil
	}
	what := fmt.Sprintf("the containers of %s are for %s, and the engine's machine is %s",
		cmp.Or(q.Role, "this project"), wanted, engine)
	if !q.Chosen {
		return fmt.Errorf("%s: nothing was run. %s", what, ways(wanted, engine, q.Wheels))
	}
	if err := q.Runs(); err != nil {
		return fmt.Errorf("%s: it was asked to emulate that, and a program for %s does not start there (%v). %s",
			what, wanted, err, withoutEmulation(wanted, engine, q.Wheels))
	}
	return nil
}

// ways are what a person can do who did not choose emulation.
func ways(wanted, engine string, wheels bool) string {
	list := []string{
		remote(wanted),
		"emulation, several times slower and with other last bits: --platform " + wanted,
	}
	return "Choose one of: " + numbered(append(list, native(wanted, engine, wheels)...))
}

// withoutEmulation are what a person can do whose engine cannot emulate.
func withoutEmulation(wanted, engine string, wheels bool) string {
	list := []string{
		remote(wanted),
		fmt.Sprintf("an emulator on the engine's machine: Debian's packages qemu-user-static and binfmt-support, or "+
			"docker run --privileged --rm tonistiigi/binfmt --install %s", strings.TrimPrefix(wanted, "linux/")),
	}
	return "Choose one of: " + numbered(append(list, native(wanted, engine, wheels)...))
}

func remote(wanted string) string {
	return fmt.Sprintf("an engine on a %s machine: _EXPERIMENTAL_DAGGER_RUNNER_HOST=tcp://HOST:PORT", wanted)
}

// native is how a project runs on the engine's own platform: TensorFlow publishes no image but for linux/amd64.
func native(wanted, engine string, wheels bool) []string {
	switch {
	case !slices.Contains(Choices(), engine):
		return nil
	case engine == AMD64 || wheels:
		return []string{"the engine's own platform: platform: " + engine}
	case wanted == AMD64:
		return []string{fmt.Sprintf("TensorFlow from wheels for the engine's own platform: platform: %s and "+
			"images.tensorflow: wheel:%s", engine, Wheels[len(Wheels)-1])}
	}
	return nil
}

func numbered(list []string) string {
	parts := make([]string, len(list))
	for at, one := range list {
		parts[at] = fmt.Sprintf("(%d) %s", at+1, one)
	}
	return strings.Join(parts, "; ")
}
