package drill

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// tree is a digest of a folder: of all names in it and all that its files hold. A folder that is not there has one too.
func tree(folder string) (string, error) {
	sum := sha256.New()
	if _, err := os.Stat(folder); os.IsNotExist(err) {
		return "nothing", nil
	}
	err := filepath.WalkDir(folder, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%q %t\n", name, entry.IsDir())
		if !entry.Type().IsRegular() {
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		size, err := io.Copy(sum, file)
		fmt.Fprintf(sum, "\n%d\n", size)
		return err
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}
