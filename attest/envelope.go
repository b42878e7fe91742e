package attest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"dagger/tensorflow-ci/lineage"
)

// PayloadType says that what is signed is an in-toto statement.
const PayloadType = "application/vnd.in-toto+json"

// Verified is what a signed statement vouches for.
type Verified struct {
	CanonicalDigest string           // of the model, sha256: and 64 digits
	Manifest        lineage.Manifest // everything that was known of the model when it was signed
	Subjects        []Subject        // the model, its files, and what was made of it
	KeyID           string           // of the key that signed
}

// GatePassed tells whether the model was judged before it was signed, and every rule held.
func (v Verified) GatePassed() bool { return v.Manifest.Gate != nil && v.Manifest.Gate.Passed }

// Sign puts a statement into an envelope that is signed with an ed25519 key (PKCS #8, PEM).
func Sign(statement, privateKeyPEM []byte) (envelope []byte, err error) {
	if _, err := read(statement); err != nil {
		return nil, fmt.Errorf("nothing was signed: %w", err)
	}
	key, err := privateKey(privateKeyPEM)
	if err != nil {
		return nil, err
	}
	signer, err := dsse.NewEnvelopeSigner(key)
	if err != nil {
		return nil, err
	}
	signed, err := signer.SignPayload(context.Background(), PayloadType, statement)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	text, err := json.MarshalIndent(signed, "", "  ")
	return append(text, '\n'), err
}

// Verify opens an envelope that the ed25519 key (PKIX, PEM) has signed, and reads what it vouches for.
//
// Nothing of an envelope is believed before its signature fits.
func Verify(envelope, publicKeyPEM []byte) (Verified, error) {
	key, err := publicKey(publicKeyPEM)
	if err != nil {
		return Verified{}, err
	}
	keyID, err := key.KeyID()
	if err != nil {
		return Verified{}, err
	}
	signed, err := opened(envelope)
	if err != nil {
		return Verified{}, err
	}
	verifier, err := dsse.NewEnvelopeVerifier(key)
	if err != nil {
		return Verified{}, err
	}
	_, payload, err := verifier.VerifyAndDecode(context.Background(), signed)
	if err != nil {
		return Verified{}, unfit(signed, keyID, err)
	}
	verified, err := read(payload)
	if err != nil {
		return Verified{}, fmt.Errorf("the envelope's signature is good, its statement is not: %w", err)
	}
	verified.KeyID = keyID
	return verified, nil
}

// opened reads an envelope without believing anything of it.
func opened(text []byte) (*dsse.Envelope, error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, fmt.Errorf("the envelope is empty: want the %s of a run with --signing-key, or what sign returned", FileName)
	}
	var signed dsse.Envelope
	if err := json.Unmarshal(text, &signed); err != nil {
		return nil, fmt.Errorf("the envelope (%d bytes) is damaged or cut off, it is no JSON object: %w", len(text), err)
	}
	switch {
	case signed.PayloadType != PayloadType:
		return nil, fmt.Errorf("the envelope's payload type is %.80q, want %s: it holds something else than a statement on a model", signed.PayloadType, PayloadType)
	case signed.Payload == "":
		return nil, errors.New("the envelope has no payload: nothing is vouched for")
	case len(signed.Signatures) == 0:
		return nil, errors.New("the envelope has no signature: nobody vouches for it")
	}
	return &signed, nil
}

// unfit says why no signature of an envelope was accepted.
func unfit(signed *dsse.Envelope, keyID string, err error) error {
	var others []string
	for _, signature := range signed.Signatures {
		if signature.KeyID == "" || signature.KeyID == keyID {
			return fmt.Errorf("the signature does not fit: payload, payload type or signature were changed after signing, or another key signed (key given: %s; %w)", keyID, err)
		}
		others = append(others, fmt.Sprintf("%.64q", signature.KeyID))
	}
	return fmt.Errorf("the envelope was signed by another key: by %s, and the key given is %q", strings.Join(others, ", "), keyID)
}

// read reads a statement, and refuses one that does not say of one model what a manifest says.
func read(text []byte) (Verified, error) {
	var found statement
	if err := json.Unmarshal(text, &found); err != nil {
		return Verified{}, fmt.Errorf("the statement cannot be read: %w", err)
	}
	switch {
	case found.Type != StatementType:
		return Verified{}, fmt.Errorf("the statement's _type is %.80q, want %s", found.Type, StatementType)
	case found.PredicateType != PredicateType:
		return Verified{}, fmt.Errorf("the statement's predicateType is %.80q, want %s", found.PredicateType, PredicateType)
	case found.Predicate.BuildDefinition.BuildType != BuildType:
		return Verified{}, fmt.Errorf("the statement's buildType is %.80q, want %s: another line made it", found.Predicate.BuildDefinition.BuildType, BuildType)
	}
	manifest, err := carried(found.Predicate.RunDetails.Byproducts)
	if err != nil {
		return Verified{}, err
	}
	subjects, err := readSubjects(found.Subject)
	if err != nil {
		return Verified{}, err
	}
	if subjects[0].Digest != manifest.CanonicalDigest {
		return Verified{}, fmt.Errorf("the statement is about the model %s, and its manifest about %s: they do not belong together",
			subjects[0].Digest, manifest.CanonicalDigest)
	}
	return Verified{CanonicalDigest: manifest.CanonicalDigest, Manifest: manifest, Subjects: subjects}, nil
}

// carried is the manifest among the byproducts.
func carried(byproducts []descriptor) (lineage.Manifest, error) {
	for _, byproduct := range byproducts {
		if byproduct.Name != lineage.FileName {
			continue
		}
		sum := sha256.Sum256(byproduct.Content)
		if got := hex.EncodeToString(sum[:]); got != byproduct.Digest["sha256"] {
			return lineage.Manifest{}, fmt.Errorf("the statement's %s has the digest %s, and the statement says %.80q", lineage.FileName, got, byproduct.Digest["sha256"])
		}
		return lineage.Read(byproduct.Content)
	}
	return lineage.Manifest{}, fmt.Errorf("the statement carries no %s: nothing is known of the model", lineage.FileName)
}

// readSubjects wants the model first, and every subject once.
func readSubjects(found []descriptor) ([]Subject, error) {
	var subjects []Subject
	seen := map[string]bool{}
	for _, subject := range found {
		digest := "sha256:" + subject.Digest["sha256"]
		if !digestForm.MatchString(digest) {
			return nil, fmt.Errorf("the statement's subject %.80q has no sha256 digest", subject.Name)
		}
		if seen[subject.Name] {
			return nil, fmt.Errorf("the statement names the subject %.80q twice", subject.Name)
		}
		seen[subject.Name] = true
		subjects = append(subjects, Subject{Name: subject.Name, Digest: digest})
	}
	if len(subjects) == 0 || subjects[0].Name != ModelSubject {
		return nil, fmt.Errorf("the statement's first subject is not %q: it is about no model", ModelSubject)
	}
	return subjects, nil
}
