package imageref

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Fault is why an engine has no image for a reference.
type Fault int

// What can be wrong. Engines say it in English texts, of which [FaultOf] knows the parts that do not change.
const (
	Unknown        Fault = iota
	OtherPlatforms       // the index has no image for the platform
	Damaged              // it is there, and a layer of it cannot be unpacked
	Absent               // no such tag or repository
	Denied               // 401, 403
	Limited              // 429
	Ill                  // 5xx
	Unreachable          // no network, no name, no answer, or not the right certificate
)

// faults are what engines say, the most telling first: where a mirror and the registry itself both refuse, one text
// holds both.
var faults = []struct {
	fault Fault
	said  *regexp.Regexp
}{
	{OtherPlatforms, regexp.MustCompile(`no match for platform|no manifest matches requested platform`)}, // v0.20, v0.21
	{Limited, regexp.MustCompile(`(?i)429 Too Many Requests|toomanyrequests|pull rate limit`)},
	{Denied, regexp.MustCompile(`(?i)\b40[13] (?:Unauthorized|Forbidden)|pull access denied|insufficient_scope|` +
		`authorization failed|failed to authorize|no basic auth credentials`)},
	{Ill, regexp.MustCompile(`unexpected status[^\n]*: 5[0-9][0-9] `)},
	{Damaged, regexp.MustCompile(`mount callback failed|failed to (?:extract|apply) layer|invalid tar header|gzip: invalid header|` +
		`unexpected commit digest`)},
	{Unreachable, regexp.MustCompile(`no such host|server misbehaving|Temporary failure in name resolution|` +
		`connection refused|connection reset|network is unreachable|no route to host|i/o timeout|TLS handshake|` +
		`context deadline exceeded|x509:|proxyconnect|HTTP response to HTTPS client|: EOF|unexpected EOF`)},
	{Absent, regexp.MustCompile(`not found`)},
}

// FaultOf is what an engine's text means.
func FaultOf(text string) Fault {
	for _, one := range faults {
		if one.said.MatchString(text) {
			return one.fault
		}
	}
	return Unknown
}

// Words say what is wrong with a reference, and what to do.
func (f Fault) Words(ref Ref) string {
	name, registry := ref.Familiar(), ref.Registry
	switch f {
	case Absent:
		return fmt.Sprintf("%s: this tag does not exist (asked: %s and its mirrors)", name, registry)
	case Damaged:
		return fmt.Sprintf("%s: the image cannot be read: %s has it, and a layer of it is damaged; push it again", name, registry)
	case Denied:
		return fmt.Sprintf("%s: %s refuses it: a login is missing or not allowed to read it, or there is no such repository. %s",
			name, registry, login(registry))
	case Limited:
		return fmt.Sprintf("%s: %s refuses more downloads for now (429): its limit for this address or user is reached. "+
			"Wait, or log in, which raises the limit: %s", name, registry, login(registry))
	case Ill:
		return fmt.Sprintf("%s: %s answers that it is out of order: call again later, or name a mirror of it", name, registry)
	case Unreachable:
		return fmt.Sprintf("%s cannot be had: the engine does not reach %s: has its machine a network, the proxy's address and "+
			"the right certificates? Without a network, name images of a registry that it does reach, or give the engine a mirror",
			name, registry)
	}
	return fmt.Sprintf("%s cannot be had: is %s up, and does this tag exist there", name, registry)
}

// login is how an engine comes by credentials: it asks the machine from which it is called.
func login(registry string) string {
	command := "docker login"
	if registry != defaultRegistry {
		command += " " + registry
	}
	return fmt.Sprintf("run %s on the machine from which dagger is called; the engine takes the credentials from there "+
		"(~/.docker/config.json)", command)
}

// Foreign refuses a reference that has images for other platforms alone.
func Foreign(ref Ref, wanted string, has []string) error {
	there := "none of the common platforms"
	if len(has) > 0 {
		there = strings.Join(has, ", ")
	}
	return fmt.Errorf("%s has no image for %s: it has %s; name an image that has, or ask for one of these platforms "+
		"(--platform, platform, platforms)", ref.Familiar(), wanted, there)
}

// Silent is a registry that answers nothing within a limit.
func Silent(ref Ref, limit time.Duration) error {
	return errors.New(Unreachable.Words(ref) + fmt.Sprintf(" (neither %s nor a mirror of it answered within %s)", ref.Registry, limit))
}
