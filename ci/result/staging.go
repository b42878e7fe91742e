// Package result puts what a run made into its final folder, as a whole or not at all, and shows it.
package result

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Marker is the file by which a folder is known as a run's result.
const Marker = "manifest.json"

// Staging is a fresh folder beside the final one. Nothing is seen at the final place before Commit.
type Staging struct {
	final string
	fresh string
}

// Stage makes the fresh folder, and refuses a final place that cannot be written or that holds something else.
func Stage(final string) (*Staging, error) {
	final, err := filepath.Abs(final)
	if err != nil {
		return nil, err
	}
	if err := replaceable(final); err != nil {
		return nil, err
	}
	parent := filepath.Dir(final)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, fmt.Errorf("--out %s: its parent folder cannot be made: %w; name a folder in a place that you can write to", final, err)
	}
	fresh, err := os.MkdirTemp(parent, "."+filepath.Base(final)+".unfinished-")
	if err != nil {
		return nil, fmt.Errorf("--out %s: its parent folder cannot be written: %w; name a folder in a place that you can write to", final, err)
	}
	return &Staging{final: final, fresh: fresh}, nil
}

// Path is where the result is to be written.
func (s *Staging) Path() string { return s.fresh }

// Commit puts the result in the final place; what lay there before is replaced as a whole.
func (s *Staging) Commit() error {
	if _, err := os.Stat(filepath.Join(s.fresh, Marker)); err != nil {
		return fmt.Errorf("the result holds no %s: it is not kept", Marker)
	}
	if err := os.Chmod(s.fresh, 0o755); err != nil {
		return err
	}
	old := s.fresh + ".old"
	err := os.Rename(s.final, old)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("the earlier result cannot be replaced: %w", err)
	}
	if err := os.Rename(s.fresh, s.final); err != nil {
		return errors.Join(fmt.Errorf("the result cannot be put in place: %w", err), os.Rename(old, s.final))
	}
	return os.RemoveAll(old)
}

// Discard removes what was not committed; after Commit it does nothing.
func (s *Staging) Discard() error { return os.RemoveAll(s.fresh) }

// replaceable refuses a place that holds anything but an earlier result.
func replaceable(final string) error {
	entries, err := os.ReadDir(final)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("--out %s: %w; name a new folder, or one that an earlier run made", final, err)
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := os.Stat(filepath.Join(final, Marker)); err != nil {
		return fmt.Errorf("--out %s holds %d entries and no %s: it was not made by a run and is left alone; name a new folder, or remove it yourself", final, len(entries), Marker)
	}
	return nil
}
