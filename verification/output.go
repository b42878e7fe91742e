package verification

import (
	"bytes"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/lineage"
)

// Output is what lies in the output of a run, digested now.
type Output struct {
	Manifest []byte // manifest.json as it is

	CanonicalDigest, WeightsDigest, GraphDigest string            // of the model
	Files                                       map[string]string // path in the model to digest
	Others                                      map[string]string // path of another file, such as exports/tflite/model.tflite, to digest
	Metrics                                     map[string]*float64
	Signed                                      *attest.Verified // nil without a signature that was verified
}

// Check compares an output with its manifest, and both with what was signed; it returns everything that does not fit.
func (o Output) Check() (lineage.Manifest, []string) {
	manifest, err := lineage.Read(o.Manifest)
	if err != nil {
		return manifest, []string{err.Error()}
	}
	var wrong []string
	complain := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	if o.CanonicalDigest != manifest.CanonicalDigest {
		complain("the model is %s, and %s says %s%s", o.CanonicalDigest, lineage.FileName, manifest.CanonicalDigest, o.part(manifest))
	}
	if len(manifest.Files) > 0 {
		if changes := Changes(manifest.Files, o.Files); len(changes) > 0 {
			complain("the model's files are not those of %s: %s", lineage.FileName, listed(changes))
		}
	}
	if o.Metrics != nil && !reflect.DeepEqual(o.Metrics, manifest.Metrics) {
		complain("metrics.json and the metrics in %s are not the same", lineage.FileName)
	}
	return manifest, append(wrong, o.checkSigned()...)
}

// part says which half of the model is another one, where the manifest's own digests agree with each other.
func (o Output) part(manifest lineage.Manifest) string {
	var parts []string
	if o.WeightsDigest != manifest.WeightsDigest {
		parts = append(parts, "weights")
	}
	if o.GraphDigest != manifest.GraphDigest {
		parts = append(parts, "graph or signatures")
	}
	if len(parts) == 0 {
		return ": weights and graph are as recorded, so that assets differ or the digest itself was changed"
	}
	return ": other " + strings.Join(parts, " and other ")
}

// checkSigned compares an output with what was signed.
func (o Output) checkSigned() []string {
	if o.Signed == nil {
		return nil
	}
	var wrong []string
	if text, err := o.Signed.Manifest.Marshal(); err != nil || !bytes.Equal(text, o.Manifest) {
		wrong = append(wrong, fmt.Sprintf("%s is not the one that was signed%s", lineage.FileName, o.signedOtherwise()))
	}
	signed := map[string]string{}
	for _, subject := range o.Signed.Subjects {
		if _, there := o.Others[subject.Name]; there || strings.Contains(subject.Name, "/") && !strings.HasPrefix(subject.Name, "model/") {
			signed[subject.Name] = subject.Digest
		}
	}
	if changes := Changes(signed, o.Others); len(changes) > 0 {
		wrong = append(wrong, "files are not those that were signed: "+listed(changes))
	}
	return wrong
}

// signedOtherwise names the model where another one was signed.
func (o Output) signedOtherwise() string {
	if o.Signed.CanonicalDigest != o.CanonicalDigest {
		return ", which is about the model " + o.Signed.CanonicalDigest
	}
	return ""
}

// Subjects are the other files as a statement names them.
func (o Output) Subjects() []attest.Subject {
	var subjects []attest.Subject
	for _, name := range slices.Sorted(maps.Keys(o.Others)) {
		subjects = append(subjects, attest.Subject{Name: name, Digest: o.Others[name]})
	}
	return subjects
}
