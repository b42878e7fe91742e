package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// manyFiles is how many files of a folder are told apart; in a larger one it is the folders at its top that changed or did not.
const manyFiles = 300

// Files are the files of a folder as inputs, of digests by path below it. Where there are very many, those of each folder at its
// top are one input, whose name ends in a slash.
func Files(folder string, digests map[string]string) Inputs {
	inputs := Inputs{}
	if len(digests) <= manyFiles {
		for name, digest := range digests {
			inputs[path.Join(folder, name)] = digest
		}
		return inputs
	}
	below := map[string][]string{} // names by the folder at the top
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		if top, _, inside := strings.Cut(name, "/"); inside {
			below[top] = append(below[top], name)
		} else {
			inputs[path.Join(folder, name)] = digests[name]
		}
	}
	for top, names := range below {
		total := sha256.New()
		for _, name := range names {
			fmt.Fprintf(total, "%s\x00%s\n", name, digests[name])
		}
		inputs[path.Join(folder, top)+"/"] = hex.EncodeToString(total.Sum(nil))
	}
	return inputs
}
