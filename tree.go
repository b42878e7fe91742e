package main

import (
	"context"
	"encoding/json"

	"dagger/tensorflow-ci/answers"
	"dagger/tensorflow-ci/internal/dagger"
)

// tree is the answer of scripts/treedigest.py.
type tree struct {
	Digest  string
	Files   int
	Entries []struct{ Path, Sha256 string }
}

// byPath is the SHA-256 of each file by its path, in hexadecimal digits.
func (t tree) byPath() map[string]string {
	digests := map[string]string{}
	for _, entry := range t.Entries {
		digests[entry.Path] = entry.Sha256
	}
	return digests
}

// trees are the directories that this call has digested.
var trees answers.Book[*dagger.Directory, tree]

// tree digests a directory's names and contents, by a rule that any machine can repeat.
func (m *TensorflowCi) tree(ctx context.Context, directory *dagger.Directory) (tree, error) {
	return trees.Find(directory, func() (tree, error) { return m.digestTree(ctx, directory) })
}

func (m *TensorflowCi) digestTree(ctx context.Context, directory *dagger.Directory) (tree, error) {
	var result tree
	python, err := m.python(ctx)
	if err != nil {
		return result, err
	}
	text, err := python.
		With(scripts("treedigest.py")).
		WithMountedDirectory("/tree", directory).
		WithExec([]string{"python3", lineDir + "/treedigest.py", "/tree"}).
		Stdout(ctx)
	if err != nil {
		return result, failure("the digest of a directory", err)
	}
	return result, json.Unmarshal([]byte(text), &result)
}
