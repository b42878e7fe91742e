package release

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"
)

// ErrNotFound is what a store says of an object that is not there.
var ErrNotFound = errors.New("there is no such object")

// Store keeps objects by their names: parts with slashes between them. A write is there for everybody when it returns,
// whole or not at all.
type Store interface {
	// Read returns an object; its error is ErrNotFound where there is none.
	Read(ctx context.Context, name string) ([]byte, error)
	// Write makes or replaces an object.
	Write(ctx context.Context, name string, content []byte) error
	// Remove takes an object away; that there is none is no error.
	Remove(ctx context.Context, name string) error
	// List returns the objects below a folder, by names relative to it; none where the folder is not there.
	List(ctx context.Context, folder string) ([]Object, error)
	// Hashes reads the objects below a folder whole, and returns the sha256 of each in hexadecimal digits.
	Hashes(ctx context.Context, folder string) (map[string]string, error)
	// Upload makes a folder hold the files of the model that the store was opened with, and no others.
	Upload(ctx context.Context, folder string) error
}

// Object is an object's name, its size in bytes, and when it was written by the store's own clock.
type Object struct {
	Name     string
	Size     int64
	Modified time.Time
}

// Where things lie in a store. A version's files lie in MODEL/NUMBER, where TensorFlow Serving looks for them.
const (
	locksFolder       = "_locks" // no model is called so
	testFolder        = "_test"
	attestationObject = "attestation.json"
	manifestObject    = "manifest.json"
)

func stateName(model string) string              { return path.Join(model, "state.json") }
func historyFolder(model string) string          { return path.Join(model, "history") }
func versionFolder(model string, n int64) string { return path.Join(model, fmt.Sprint(n)) }

// LineageName is where the manifest or the attestation of a version lies.
func LineageName(model string, number int64, name string) string {
	return path.Join(model, "lineage", fmt.Sprint(number), name)
}

// historyName is a record's name in the folder of the history: they sort by their numbers.
func historyName(sequence int) string { return fmt.Sprintf("%04d.json", sequence) }
