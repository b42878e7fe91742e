package lineage

import (
	"strings"
	"testing"
)

// FuzzRead holds that a manifest is refused in words that name the file, or can be written again: in the same bytes from
// then on, and with the same digests, which are what it is believed for.
func FuzzRead(f *testing.F) {
	whole, err := sample().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add([]byte(strings.Replace(string(whole), `"seed": 7`, `"seed": 7, "SEED": 8`, 1)))
	f.Add([]byte(strings.Replace(string(whole), `"canonicalDigest"`, `"CanonicalDigest"`, 1)))
	for _, seed := range []string{
		"", "null", "{}", `{"schemaVersion": 1}`, `{"schemaVersion": 2}`, `{"schemaVersion": 1} {}`,
		`{"schemaVersion": 1, "model": "m", "signatures": {"a": 1e999, "a": "\ud800", "b": -0}, "device": {"kind": "cpu"}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		read, err := Read(text)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, FileName) {
					t.Errorf("refused with %q", line)
				}
			}
			return
		}
		for _, digest := range []string{read.CanonicalDigest, read.Source.Digest, read.Data.Digest} {
			if !digestForm.MatchString(digest) {
				t.Errorf("accepted the digest %q", digest)
			}
		}
		written, err := read.Marshal()
		if err != nil {
			t.Fatalf("accepted, and cannot be written: %v", err)
		}
		again, err := Read(written)
		if err != nil {
			t.Fatalf("what was written is refused: %v\n%s", err, written)
		}
		twice, err := again.Marshal()
		if err != nil || string(twice) != string(written) {
			t.Errorf("written twice it is\n%s\nand\n%s (%v)", written, twice, err)
		}
		if again.CanonicalDigest != read.CanonicalDigest || again.Source.Digest != read.Source.Digest || again.Data.Digest != read.Data.Digest ||
			again.Seed != read.Seed || len(again.Files) != len(read.Files) || len(again.Images) != len(read.Images) {
			t.Errorf("written, it is another: %+v, not %+v", again, read)
		}
	})
}
