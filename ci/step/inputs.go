package step

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Digest hashes files and folders, names and contents, in a fixed order; a path that is missing is an error.
func Digest(paths ...string) (string, error) {
	hash := sha256.New()
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			name, err := filepath.Rel(filepath.Dir(root), path)
			if err != nil {
				return err
			}
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			content := sha256.New()
			if _, err := io.Copy(content, file); err != nil {
				return err
			}
			_, err = fmt.Fprintf(hash, "%q %x\n", name, content.Sum(nil))
			return err
		})
		if err != nil {
			return "", err
		}
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
