// Package objectstore keeps the objects of a release in S3, in Google Cloud Storage or in a folder, through rclone.
//
// It speaks to `rclone rcd`, rclone's own server, by the API that its users call "remote control": rclone knows the
// stores, this package knows what a release asks of one.
package objectstore

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The kinds of store, by the scheme of their addresses.
const (
	S3     = "s3"
	GCS    = "gs"
	Folder = "file"
)

// types are what rclone calls the kinds.
var types = map[string]string{S3: "s3", GCS: "google cloud storage"}

// Address is where a store is.
type Address struct {
	Kind   string
	Bucket string // empty for a folder
	Prefix string // without slashes at its ends
}

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.=-]*(/[A-Za-z0-9_][A-Za-z0-9_.=-]*)*$`)
)

const (
	maxAddress = 1000
	wanted     = "want s3://bucket/prefix, gs://bucket/prefix, or file:///name for a folder of the engine, to try things out"
)

// Parse reads an address such as s3://models/phishing.
func Parse(text string) (Address, error) {
	kind, rest, found := strings.Cut(text, "://")
	refuse := func(why string) (Address, error) {
		return Address{}, fmt.Errorf("store %.80q %s: %s", text, why, wanted)
	}
	switch {
	case text == "":
		return Address{}, fmt.Errorf("no store is named: %s; with --store, or as release.store in tensorflow-ci.yaml", wanted)
	case len(text) > maxAddress:
		return refuse("is too long")
	case !found:
		return refuse("is no address of one")
	case strings.Contains(rest, "@"):
		return Address{}, fmt.Errorf("the address of the store holds a user or a password: credentials go into --store-config, or --access-key and --secret-key")
	}
	address := Address{Kind: kind}
	switch kind {
	case S3, GCS:
		address.Bucket, address.Prefix, _ = strings.Cut(strings.TrimRight(rest, "/"), "/")
		if !bucketForm.MatchString(address.Bucket) {
			return refuse("names no bucket")
		}
		if address.Prefix != "" && !prefixForm.MatchString(address.Prefix) {
			return refuse("has a prefix that is none")
		}
	case Folder:
		if !strings.HasPrefix(rest, "/") {
			return refuse("has a host")
		}
		address.Prefix = strings.Trim(rest, "/")
		if !prefixForm.MatchString(address.Prefix) {
			return refuse("names no folder")
		}
	default:
		return refuse("is of a kind that is not known")
	}
	return address, nil
}

// String is the address as it is written.
func (a Address) String() string {
	if a.Kind == Folder {
		return "file:///" + a.Prefix
	}
	return strings.TrimSuffix(a.Kind+"://"+a.Bucket+"/"+a.Prefix, "/")
}

// At is the address in rclone's words, below one of its remotes; for a folder, which needs no remote, below the folder.
//
// The slash at its end tells rclone that this is no object: it would ask, and take a store that does not answer for one.
func (a Address) At(remote string) string {
	if a.Kind == Folder {
		return path.Join(remote, a.Prefix)
	}
	return remote + ":" + path.Join(a.Bucket, a.Prefix) + "/"
}

// RemoteOf finds in an rclone.conf the remote for a kind of store: the only one of its type or, of several, the one that
// is called as the kind, s3 or gs.
func RemoteOf(configuration, kind string) (string, error) {
	var name string
	var found, all []string
	for line := range strings.Lines(configuration) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			name = line[1 : len(line)-1]
			all = append(all, name)
			continue
		}
		key, value, _ := strings.Cut(line, "=")
		if name != "" && strings.TrimSpace(key) == "type" && strings.TrimSpace(value) == types[kind] {
			found = append(found, name)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case slices.Contains(found, kind):
		return kind, nil
	case len(found) > 1:
		return "", fmt.Errorf("--store-config has %d remotes of the type %q: call the one to use [%s]", len(found), types[kind], kind)
	case len(all) == 0:
		return "", fmt.Errorf("--store-config is no rclone.conf: want a section such as [%s] with type = %s", kind, types[kind])
	}
	return "", fmt.Errorf("--store-config has no remote of the type %q, which a store at %s:// needs", types[kind], kind)
}
