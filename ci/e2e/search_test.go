//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// matching tells whether a stream holds one of the words, wherever one piece of it ends and the next begins.
func matching(name string, from io.Reader, words []string) []string {
	longest := 0
	for _, word := range words {
		longest = max(longest, len(word))
	}
	window := make([]byte, 1<<20)
	kept := 0
	for {
		read, err := io.ReadFull(from, window[kept:])
		piece := window[:kept+read]
		for _, word := range words {
			if at := bytes.Index(piece, []byte(word)); at >= 0 {
				// What stands before it says where it is, and shows nothing of the word itself.
				return []string{fmt.Sprintf("%s, after %q", name, piece[max(0, at-60):at])}
			}
		}
		if err != nil {
			return nil
		}
		kept = copy(window, piece[len(piece)-min(longest, len(piece)):])
	}
}

// inFolder names the files below a folder that hold one of the words.
func inFolder(t *testing.T, folder string, words []string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		found = append(found, matching(path, file, words)...)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return found
}

// inCLI names the files that the Dagger CLI keeps for its user and that hold one of the words.
func inCLI(t *testing.T, words []string) []string {
	t.Helper()
	var found []string
	for _, of := range []func() (string, error){os.UserCacheDir, os.UserConfigDir, under(".local", "share"), under(".local", "state")} {
		folder, err := of()
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, inFolder(t, filepath.Join(folder, "dagger"), words)...)
	}
	return found
}

func under(elements ...string) func() (string, error) {
	return func() (string, error) {
		home, err := os.UserHomeDir()
		return filepath.Join(append([]string{home}, elements...)...), err
	}
}

// inImage names the parts of a published image, and of what is attached to it, that hold one of the words: manifest,
// config, and every layer as it is and unpacked.
func inImage(t *testing.T, reference string, secret planted, words []string) []string {
	t.Helper()
	name, digest, _ := strings.Cut(reference, "@")
	host, repository, _ := strings.Cut(name, "/")
	repository, _, _ = strings.Cut(repository, ":")
	base := "http://" + host + "/v2/" + repository
	found := inManifest(t, base, digest, secret, words)
	// Debian's registry keeps what is attached under a tag made of the digest.
	return append(found, inManifest(t, base, strings.Replace(digest, ":", "-", 1), secret, words)...)
}

func inManifest(t *testing.T, base, reference string, secret planted, words []string) []string {
	t.Helper()
	content := fetched(t, base+"/manifests/"+reference, secret)
	defer content.Close()
	text, err := io.ReadAll(content)
	if err != nil {
		t.Fatal(err)
	}
	found := matching("manifest "+reference, bytes.NewReader(text), words)
	var manifest struct {
		Config            struct{ Digest string }
		Layers, Manifests []struct{ Digest string }
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatalf("%s: %v", reference, err)
	}
	for _, one := range manifest.Manifests {
		found = append(found, inManifest(t, base, one.Digest, secret, words)...)
	}
	if manifest.Config.Digest == "" {
		return found
	}
	for _, one := range append(manifest.Layers, manifest.Config) {
		found = append(found, inBlob(t, base+"/blobs/"+one.Digest, secret, words)...)
	}
	return found
}

func inBlob(t *testing.T, address string, secret planted, words []string) []string {
	t.Helper()
	content := fetched(t, address, secret)
	defer content.Close()
	buffered := bufio.NewReaderSize(content, 1<<20)
	if start, _ := buffered.Peek(2); !bytes.Equal(start, []byte{0x1f, 0x8b}) {
		return matching(address, buffered, words)
	}
	unpacked, err := gzip.NewReader(buffered)
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	found := matching(address, unpacked, words)
	if len(found) == 0 {
		if _, err := io.Copy(io.Discard, unpacked); err != nil {
			t.Fatalf("%s was not read to its end: %v", address, err)
		}
	}
	return found
}

// fetched is the content of an address, which is asked for by name and password.
func fetched(t *testing.T, address string, secret planted) io.ReadCloser {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth(secret.user, secret.password)
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*")
	answer, err := (&http.Client{Transport: &http.Transport{}}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		t.Fatalf("%s: %s", address, answer.Status)
	}
	return answer.Body
}
