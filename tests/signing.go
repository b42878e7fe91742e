package main

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// signer is a key that the tests sign models with, by what the standards say and not by the line's own code.
type signer struct {
	private ed25519.PrivateKey
}

// signerOf makes the same key for the same name each time.
func signerOf(name string) signer {
	seed := sha256.Sum256([]byte(name))
	return signer{ed25519.NewKeyFromSeed(seed[:])}
}

// public is the key that verifies, as a file.
func (s signer) public() (*dagger.File, error) {
	content, err := x509.MarshalPKIXPublicKey(s.private.Public())
	if err != nil {
		return nil, err
	}
	return file("key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: content}))), nil
}

// sign is an attestation (DSSE) of a manifest (in-toto Statement, SLSA provenance).
func (s signer) sign(manifest string) (string, error) {
	var read struct{ CanonicalDigest string }
	if err := json.Unmarshal([]byte(manifest), &read); err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(manifest))
	type object = map[string]any
	payload, err := json.Marshal(object{
		"_type":         "https://in-toto.io/Statement/v1",
		"predicateType": "https://slsa.dev/provenance/v1",
		"subject":       []object{{"name": "model", "digest": object{"sha256": strings.TrimPrefix(read.CanonicalDigest, "sha256:")}}},
		"predicate": object{
			"buildDefinition": object{"buildType": "urn:tensorflow-ci:train:1", "externalParameters": object{}},
			"runDetails": object{
				"builder":    object{"id": "urn:tensorflow-ci:line"},
				"byproducts": []object{{"name": "manifest.json", "digest": object{"sha256": hex.EncodeToString(sum[:])}, "content": []byte(manifest)}},
			},
		},
	})
	if err != nil {
		return "", err
	}
	const kind = "application/vnd.in-toto+json"
	signed := fmt.Sprintf("DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload)
	envelope, err := json.Marshal(object{
		"payloadType": kind, "payload": payload,
		"signatures": []object{{"keyid": "", "sig": ed25519.Sign(s.private, []byte(signed))}},
	})
	return string(envelope), err
}

// released is a trained model as a release takes it: model/ and manifest.json and, with a signer, attestation.json.
func released(ctx context.Context, project *dagger.Directory, by *signer, set ...string) (*dagger.Directory, string, error) {
	trained := line(project, set...).Train()
	manifest, err := trained.Manifest().Contents(ctx)
	if err != nil {
		return nil, "", err
	}
	var read struct{ CanonicalDigest string }
	if err := json.Unmarshal([]byte(manifest), &read); err != nil {
		return nil, "", err
	}
	output := dag.Directory().WithDirectory("model", trained.SavedModel()).WithNewFile("manifest.json", manifest)
	if by != nil {
		attestation, err := by.sign(manifest)
		if err != nil {
			return nil, "", err
		}
		output = output.WithNewFile("attestation.json", attestation)
	}
	return output, read.CanonicalDigest, nil
}
