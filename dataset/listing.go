package dataset

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Object is a file in a bucket, as `rclone lsjson` lists it.
type Object struct {
	Path    string
	Size    int64
	ModTime string
	Hashes  map[string]string
	IsDir   bool
}

// Listing is what a place in a bucket holds, in the order of the paths.
type Listing []Object

// ReadListing decodes the answer of `rclone lsjson --recursive --files-only --hash`, and refuses one that holds nothing or a path
// that would lead out of the folder that it is fetched to.
func ReadListing(text []byte) (Listing, error) {
	var listing Listing
	if err := json.Unmarshal(text, &listing); err != nil {
		return nil, fmt.Errorf("the listing of the bucket: %w", err)
	}
	listing = slices.DeleteFunc(listing, func(o Object) bool { return o.IsDir })
	if len(listing) == 0 {
		return nil, errors.New("there is no file: is the prefix spelt as the bucket has it")
	}
	for _, object := range listing {
		if object.Path == "" || object.Path != path.Clean(object.Path) || path.IsAbs(object.Path) || object.Path == ".." || strings.HasPrefix(object.Path, "../") {
			return nil, fmt.Errorf("the bucket holds a file called %.80q, which would lie outside the data folder", object.Path)
		}
	}
	slices.SortFunc(listing, func(a, b Object) int { return cmp.Compare(a.Path, b.Path) })
	return listing, nil
}

// Version is a digest of names, sizes and contents: equal while nothing in the bucket changes.
//
// A store that keeps no MD5 of a file (one that was uploaded in parts) is asked for the time of its last change instead.
func (l Listing) Version() string {
	total := sha256.New()
	for _, object := range l {
		content := object.Hashes["md5"]
		if content == "" {
			content = object.ModTime
		}
		fmt.Fprintf(total, "%s\x00%s\x00%s\n", object.Path, strconv.FormatInt(object.Size, 10), content)
	}
	return "sha256:" + hex.EncodeToString(total.Sum(nil))
}

// Fetched refuses a copy that is not what was listed, because the bucket changed in between or the copy broke.
func (l Listing) Fetched(copied Listing) error {
	have := map[string]Object{}
	for _, object := range copied {
		have[object.Path] = object
	}
	for _, object := range l {
		got, found := have[object.Path]
		switch want := object.Hashes["md5"]; {
		case !found:
			return fmt.Errorf("%s was listed and is not in the copy: did the bucket change meanwhile; run again", object.Path)
		case got.Size != object.Size:
			return fmt.Errorf("%s has %d bytes in the bucket's listing and %d in the copy: did the bucket change meanwhile; run again",
				object.Path, object.Size, got.Size)
		case want != "" && got.Hashes["md5"] != "" && want != got.Hashes["md5"]:
			return fmt.Errorf("%s has the MD5 %s in the bucket's listing and %s in the copy: did the bucket change meanwhile; run again",
				object.Path, want, got.Hashes["md5"])
		}
	}
	if len(copied) != len(l) {
		return fmt.Errorf("the copy has %d files and the bucket's listing %d: did the bucket change meanwhile; run again", len(copied), len(l))
	}
	return nil
}
