package release

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// intact refuses to put a version into service whose files are not those that were pushed. A rollback, which cannot wait,
// looks at names and sizes alone.
func (b Book) intact(ctx context.Context, state State, record Record) error {
	for _, change := range record.Changes {
		version, _ := state.Find(change.Version)
		switch {
		case change.To != Test && change.To != Canary && change.To != Production:
		case record.Action == Rollback:
			if err := b.present(ctx, version); err != nil {
				return fmt.Errorf("%s of %s %d refused: %w", record.Action, b.Model, record.Version, err)
			}
		default:
			if err := b.compare(ctx, version); err != nil {
				return fmt.Errorf("%s of %s %d refused: %w", record.Action, b.Model, record.Version, err)
			}
		}
	}
	return nil
}

// repaired is what a push does for a model that was pushed already: files that are not what they were, and lineage that
// was missing, are put back.
func (b Book) repaired(ctx context.Context, state State, said string, order Order, lineage map[string][]byte) (string, error) {
	version, _ := state.byDigest(order.Candidate.Digest, Pushed, Test, Canary, Production)
	absent := map[string][]byte{}
	for name, content := range lineage {
		_, err := b.Store.Read(ctx, LineageName(b.Model, version.Number, name))
		if errors.Is(err, ErrNotFound) {
			absent[name] = content
		} else if err != nil {
			return "", fmt.Errorf("%s of version %d cannot be read: %w", name, version.Number, err)
		}
	}
	damaged := b.compare(ctx, version)
	switch {
	case damaged != nil:
		said += "; its files in the store were not what was pushed and are put back"
		// What is put back must be what the record says, which another training of an equal model need not be.
		version.Files = order.Candidate.Files
		if known, _ := state.Find(version.Number); !maps.Equal(known.Files, version.Files) {
			return "", fmt.Errorf("push of %s %d refused: %w; this model is equal to it, its files are not: push the output of the same run", b.Model, version.Number, damaged)
		}
		return said, b.upload(ctx, version, absent)
	case len(absent) > 0:
		said += "; put beside it: " + strings.Join(slices.Sorted(maps.Keys(absent)), ", ")
		return said, b.describe(ctx, version, absent)
	}
	return said, nil
}

// compare reads a version's files whole.
func (b Book) compare(ctx context.Context, version Version) error {
	hashes, err := b.Store.Hashes(ctx, versionFolder(b.Model, version.Number))
	if err != nil {
		return fmt.Errorf("the files of version %d cannot be read back: %w", version.Number, err)
	}
	wanted, found := map[string]string{}, map[string]string{}
	for name, file := range version.Files {
		wanted[name] = file.Sha256
	}
	maps.Copy(found, hashes)
	return difference(version.Number, wanted, found)
}

// present looks whether a version's files are there, in their sizes.
func (b Book) present(ctx context.Context, version Version) error {
	objects, err := b.Store.List(ctx, versionFolder(b.Model, version.Number))
	if err != nil {
		return fmt.Errorf("the files of version %d cannot be listed: %w", version.Number, err)
	}
	wanted, found := map[string]string{}, map[string]string{}
	for name, file := range version.Files {
		wanted[name] = fmt.Sprint(file.Size)
	}
	for _, object := range objects {
		found[object.Name] = fmt.Sprint(object.Size)
	}
	return difference(version.Number, wanted, found)
}

func difference(version int64, wanted, found map[string]string) error {
	var wrong []string
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if got, there := found[name]; !there {
			wrong = append(wrong, name+" is gone")
		} else if got != wanted[name] {
			wrong = append(wrong, name+" has another content")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, known := wanted[name]; !known {
			wrong = append(wrong, name+" was added")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	const most = 5
	if more := len(wrong) - most; more > 0 {
		wrong = append(wrong[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("the files of version %d in the store are not those that were pushed: %s; push the model again", version, strings.Join(wrong, ", "))
}
