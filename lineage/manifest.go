// Package lineage records what a model was made from, in the manifest.json that lies beside it.
//
// The manifest holds no time and no place, and its text depends on nothing but its content: a model made twice from the
// same inputs on the same kind of machine has the same manifest, but for the digests of single files, since Keras writes
// the same model in other bytes each time.
package lineage

import (
	"cmp"
	"encoding/json"
	"slices"

	"dagger/tensorflow-ci/gate"
)

// FileName is the manifest's name in a model's directory.
const FileName = "manifest.json"

// SchemaVersion is the form of manifest that this package writes and reads.
const SchemaVersion = 1

// Manifest is everything that is known of how a model came to be. Digests are written as sha256:HEX.
type Manifest struct {
	SchemaVersion int    `json:"schemaVersion"`
	Model         string `json:"model"` // name under which it is served

	CanonicalDigest string            `json:"canonicalDigest"` // of weights, signatures and graphs; equal for equal models
	WeightsDigest   string            `json:"weightsDigest,omitempty"`
	GraphDigest     string            `json:"graphDigest,omitempty"`
	Files           map[string]string `json:"files,omitempty"`      // path in the SavedModel to digest
	Signatures      json.RawMessage   `json:"signatures,omitempty"` // as scripts/modeldigest.py lists them
	ExportedBy      string            `json:"exportedBy,omitempty"` // "the training script", or what the line made it from

	Source       Source           `json:"source"`
	Data         Data             `json:"data"`
	Images       map[string]Image `json:"images,omitempty"` // by role
	Requirements Requirements     `json:"requirements"`
	Parameters   Parameters       `json:"parameters"`

	Seed         int               `json:"seed"`
	Reproducible string            `json:"reproducible"`
	Threads      map[string]string `json:"threads,omitempty"` // environment variable to value
	Device       Device            `json:"device"`

	Metrics map[string]*float64 `json:"metrics,omitempty"` // null: not finite
	Gate    *gate.Report        `json:"gate,omitempty"`
	Tools   Tools               `json:"tools"`
}

// Source is the code that the model is a function of.
type Source struct {
	Digest       string            `json:"digest"`
	Files        int               `json:"files"`
	Commit       string            `json:"commit,omitempty"`
	ProtectedRef *bool             `json:"protectedRef,omitempty"` // whether the commit's ref is protected; absent: not known
	Entries      map[string]string `json:"entries,omitempty"`      // path to digest
}

// Data is what the model was trained on.
type Data struct {
	Path    string             `json:"path"`
	Digest  string             `json:"digest"`
	Files   int                `json:"files"`
	Version string             `json:"version,omitempty"` // of data in a bucket: digest of its listing
	Profile map[string]Profile `json:"profile,omitempty"` // of each .csv and .npz file, by its path in the project
	HeldOut map[string]Profile `json:"heldOut,omitempty"` // the same of what the model is judged on
}

// Image is a container image: what was asked for, and what that was.
type Image struct {
	Reference string `json:"reference"`          // of TensorFlow from wheels: wheel:VERSION
	Digest    string `json:"digest"`             // of wheels: that of their lock file
	Platform  string `json:"platform,omitempty"` // such as linux/amd64; manifests of earlier versions have none
}

// Requirements are the packages beside the image's own.
type Requirements struct {
	File      string    `json:"file,omitempty"` // empty where the project has none
	Digest    string    `json:"digest,omitempty"`
	Installed []Package `json:"installed,omitempty"` // everything that could be imported, sorted by name
}

// Package is an installed Python package.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

// Packages lists packages in the order of their names.
func Packages(versions map[string]string) []Package {
	packages := make([]Package, 0, len(versions))
	for name, version := range versions {
		packages = append(packages, Package{name, version})
	}
	slices.SortFunc(packages, func(a, b Package) int { return cmp.Compare(a.Name, b.Name) })
	return packages
}

// Parameters are how the training script was called.
type Parameters struct {
	Script  string   `json:"script"`
	Args    []string `json:"args"`
	Workers int      `json:"workers,omitempty"`
	Resumed bool     `json:"resumed,omitempty"` // went on from the checkpoint of a run that was killed
}

// Device is what the model was trained on. Bits are promised to be equal on one kind of device only.
type Device struct {
	Kind      string    `json:"kind"` // cpu or gpu
	Names     []string  `json:"names,omitempty"`
	Processor Processor `json:"processor"`
}

// Processor is a CPU; it is no part of any digest.
type Processor struct {
	Model string   `json:"model"`
	Flags []string `json:"flags,omitempty"`
}

// Tools are what ran the line.
type Tools struct {
	Engine string `json:"engine,omitempty"` // version of the Dagger engine
	Module string `json:"module,omitempty"` // version of this module
}
