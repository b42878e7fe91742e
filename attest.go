package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/verification"
)

// exportsDir is where the output of a run holds the model's other forms.
const exportsDir = "exports"

// Sign what is known of the model: its manifest as an in-toto statement with SLSA provenance, in a DSSE envelope.
//
// The model must be what its manifest says; what was exported of it is vouched for too. The key stays in this call: no
// container, layer or log sees it. Works without a network. verify-signature reads the result, and so does any DSSE tool.
//
// +cache="session"
func (m *Model) Sign(
	ctx context.Context,
	// Private ed25519 key (PKCS #8, PEM), as `openssl genpkey -algorithm ed25519` makes it. Example: env://SIGNING_KEY
	key *dagger.Secret,
	// Digest of an image that was made of the model, which is vouched for too. Example: sha256:0f1e…
	// +optional
	image string,
) (*dagger.File, error) {
	secret, err := keyOf(ctx, key)
	if err != nil {
		return nil, err
	}
	folder := m.Folder
	if folder == nil {
		if m.Training == nil {
			return nil, fmt.Errorf("sign: nothing is known of how this model was made: give model --directory the output of run, which holds %s beside model/",
				lineage.FileName)
		}
		manifest, err := m.Manifest(ctx)
		if err != nil {
			return nil, err
		}
		folder = dag.Directory().WithDirectory("model", m.SavedModel).WithFile(lineage.FileName, manifest)
	}
	output, err := m.Line.output(ctx, folder)
	if err != nil {
		return nil, fmt.Errorf("sign: %w", err)
	}
	manifest, wrong := output.Check()
	if len(wrong) > 0 {
		return nil, fmt.Errorf("nothing was signed: %s", strings.Join(wrong, "\n"))
	}
	subjects := output.Subjects()
	if image != "" {
		subjects = append(subjects, attest.Subject{Name: "image", Digest: image})
	}
	return signed(manifest, subjects, secret)
}

// Verify that a key has signed an envelope, and return what it vouches for as text.
//
// The signature is checked first; nothing of an envelope is believed before. Works without a network.
func (m *TensorflowCi) VerifySignature(
	ctx context.Context,
	// What sign returned: attestation.json.
	envelope *dagger.File,
	// Public ed25519 key (PKIX, PEM), as `openssl pkey -in key.pem -pubout` makes it. Example: public.pem
	publicKey *dagger.File,
) (string, error) {
	verified, err := verifiedEnvelope(ctx, envelope, publicKey)
	if err != nil {
		return "", err
	}
	manifest := verified.Manifest
	gate := "was not judged"
	if manifest.Gate != nil {
		gate = map[bool]string{true: "passed", false: "did not pass"}[manifest.Gate.Passed]
	}
	text := []string{
		"the signature is good, by the key " + verified.KeyID,
		"model   " + manifest.Model + " " + verified.CanonicalDigest,
		"commit  " + cmp.Or(manifest.Source.Commit, "not recorded"),
		"source  " + manifest.Source.Digest,
		"data    " + manifest.Data.Digest,
		"gate    " + gate,
	}
	for _, subject := range verified.Subjects {
		text = append(text, "vouches for "+subject.Name+" "+subject.Digest)
	}
	return strings.Join(text, "\n") + "\n", nil
}

// keyOf reads the key and refuses one that cannot sign; nil for none.
func keyOf(ctx context.Context, key *dagger.Secret) ([]byte, error) {
	if key == nil {
		return nil, nil
	}
	text, err := key.Plaintext(ctx)
	if err != nil {
		return nil, failure("the signing key cannot be read", err)
	}
	return []byte(text), attest.CheckKey([]byte(text))
}

// signed is the envelope of a manifest, as a file.
func signed(manifest lineage.Manifest, subjects []attest.Subject, key []byte) (*dagger.File, error) {
	statement, err := attest.Statement(manifest, subjects)
	if err != nil {
		return nil, err
	}
	envelope, err := attest.Sign(statement, key)
	if err != nil {
		return nil, err
	}
	return dag.Directory().WithNewFile(attest.FileName, string(envelope)).File(attest.FileName), nil
}

// attested adds the envelope to the output of a run; without a key nothing.
func (m *TensorflowCi) attested(ctx context.Context, output *dagger.Directory, key []byte) (*dagger.Directory, error) {
	if key == nil {
		return output, nil
	}
	text, err := output.File(lineage.FileName).Contents(ctx)
	if err != nil {
		return nil, failure("cannot read "+lineage.FileName, err)
	}
	manifest, err := lineage.Read([]byte(text))
	if err != nil {
		return nil, err
	}
	others, err := m.exported(ctx, output)
	if err != nil {
		return nil, err
	}
	envelope, err := signed(manifest, verification.Output{Others: others}.Subjects(), key)
	if err != nil {
		return nil, err
	}
	return output.WithFile(attest.FileName, envelope), nil
}

// exported digests the model's other forms in the output of a run: path to digest.
func (m *TensorflowCi) exported(ctx context.Context, output *dagger.Directory) (map[string]string, error) {
	names, err := output.Entries(ctx)
	if err != nil {
		return nil, failure("cannot read the output of the run", err)
	}
	found := map[string]string{}
	if !slices.Contains(names, exportsDir+"/") {
		return found, nil
	}
	tree, err := m.tree(ctx, output.Directory(exportsDir))
	if err != nil {
		return nil, err
	}
	for _, entry := range tree.Entries {
		found[exportsDir+"/"+entry.Path] = "sha256:" + strings.TrimPrefix(entry.Sha256, "sha256:")
	}
	return found, nil
}

func verifiedEnvelope(ctx context.Context, envelope, publicKey *dagger.File) (attest.Verified, error) {
	text, err := envelope.Contents(ctx)
	if err != nil {
		return attest.Verified{}, failure("the envelope cannot be read", err)
	}
	if publicKey == nil {
		return attest.Verified{}, errors.New("--public-key is missing: without a key nothing can be verified")
	}
	key, err := publicKey.Contents(ctx)
	if err != nil {
		return attest.Verified{}, failure("the public key cannot be read", err)
	}
	return attest.Verify([]byte(text), []byte(key))
}
