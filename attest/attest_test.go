package attest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"reflect"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/lineage"
)

func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

func of[T any](value T) *T { return &value }

func sample() lineage.Manifest {
	return lineage.Manifest{
		SchemaVersion:   lineage.SchemaVersion,
		Model:           "phishing",
		CanonicalDigest: digest("a"),
		Files:           map[string]string{"saved_model.pb": digest("d")},
		Source:          lineage.Source{Digest: digest("1"), Files: 2, Commit: "0123abc"},
		Data:            lineage.Data{Path: "data", Digest: digest("4"), Files: 1},
		Images:          map[string]lineage.Image{"tensorflow": {Reference: "tensorflow/tensorflow:2.16.2", Digest: digest("5")}},
		Requirements: lineage.Requirements{File: "requirements.txt", Digest: digest("6"),
			Installed: lineage.Packages(map[string]string{"Typing_Extensions": "4.1"})},
		Parameters:   lineage.Parameters{Script: "train.py", Args: []string{"--epochs=50"}},
		Seed:         7,
		Reproducible: "host",
		Device:       lineage.Device{Kind: "cpu"},
		Metrics:      map[string]*float64{"accuracy": of(0.9)},
		Gate:         of(gate.Judge([]gate.Rule{{Metric: "accuracy", Minimum: of(0.85)}}, gate.Measured{Metrics: map[string]*float64{"accuracy": of(0.9)}}, nil)),
		Tools:        lineage.Tools{Engine: "v0.20.8"},
	}
}

// pair is a new ed25519 key: private and public, as PEM.
func pair(t *testing.T) (private, public []byte) {
	t.Helper()
	publicKey, privateKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return privatePEM(t, privateKey), publicPEM(t, publicKey)
}

func privatePEM(t *testing.T, key any) []byte {
	t.Helper()
	content, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: content})
}

func publicPEM(t *testing.T, key any) []byte {
	t.Helper()
	content, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: content})
}

func signed(t *testing.T, private []byte) []byte {
	t.Helper()
	statement, err := Statement(sample(), []Subject{{"exports/tflite/model.tflite", digest("e")}, {"image", digest("f")}})
	if err != nil {
		t.Fatal(err)
	}
	envelope, err := Sign(statement, private)
	if err != nil {
		t.Fatal(err)
	}
	return envelope
}

func TestSignAndVerify(t *testing.T) {
	private, public := pair(t)
	envelope := signed(t, private)
	verified, err := Verify(envelope, public)
	if err != nil {
		t.Fatal(err)
	}
	if verified.CanonicalDigest != digest("a") || !verified.GatePassed() || verified.Manifest.Source.Commit != "0123abc" || *verified.Manifest.Metrics["accuracy"] != 0.9 {
		t.Errorf("got %+v", verified)
	}
	want := []Subject{
		{"model", digest("a")}, {"exports/tflite/model.tflite", digest("e")}, {"image", digest("f")}, {"model/saved_model.pb", digest("d")},
	}
	if !reflect.DeepEqual(verified.Subjects, want) {
		t.Errorf("subjects: got %v, want %v", verified.Subjects, want)
	}
	if len(verified.KeyID) != 64 {
		t.Errorf("key id %q", verified.KeyID)
	}
	if again := signed(t, private); !bytes.Equal(again, envelope) {
		t.Errorf("signed again it is another envelope")
	}
}

func TestGatePassed(t *testing.T) {
	if (Verified{}).GatePassed() {
		t.Error("a model that nobody judged has passed")
	}
	failed := Verified{Manifest: lineage.Manifest{Gate: &gate.Report{}}}
	if failed.GatePassed() {
		t.Error("a gate that did not open has passed")
	}
}

// TestStatementForm reads the statement as a tool that knows the specifications alone.
func TestStatementForm(t *testing.T) {
	text, err := Statement(sample(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var form struct {
		Type    string `json:"_type"`
		Subject []struct {
			Name   string
			Digest map[string]string
		}
		PredicateType string
		Predicate     struct {
			BuildDefinition struct {
				BuildType            string
				ExternalParameters   map[string]any
				ResolvedDependencies []map[string]any
			}
			RunDetails struct {
				Builder    struct{ ID string }
				Byproducts []struct{ Name, MediaType, Content string }
			}
		}
	}
	if err := json.Unmarshal(text, &form); err != nil {
		t.Fatal(err)
	}
	if form.Type != "https://in-toto.io/Statement/v1" || form.PredicateType != "https://slsa.dev/provenance/v1" || form.Predicate.RunDetails.Builder.ID == "" {
		t.Errorf("got %s", text)
	}
	if first := form.Subject[0]; first.Name != "model" || first.Digest["sha256"] != strings.Repeat("a", 64) {
		t.Errorf("first subject %+v", first)
	}
	manifest, err := base64.StdEncoding.DecodeString(form.Predicate.RunDetails.Byproducts[0].Content)
	if want, _ := sample().Marshal(); err != nil || string(manifest) != string(want) {
		t.Errorf("the manifest inside is %s (%v)", manifest, err)
	}
	for _, want := range []string{
		`{"name":"source","digest":{"gitCommit":"0123abc","sha256":"` + strings.Repeat("1", 64) + `"},"annotations":{"digestRule":"tree 1"}}`,
		`{"name":"image/tensorflow","uri":"oci:tensorflow/tensorflow:2.16.2","digest":{"sha256":"` + strings.Repeat("5", 64) + `"}}`,
		`{"uri":"pkg:pypi/typing-extensions@4.1"}`,
		`"args":["--epochs=50"]`, `"seed":7`, `"version":{"dagger":"v0.20.8"}`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the statement lacks %s:\n%s", want, text)
		}
	}
}

func TestStatementRefuses(t *testing.T) {
	for _, test := range []struct {
		name     string
		manifest func(*lineage.Manifest)
		subjects []Subject
		want     string
	}{
		{"a manifest that is none", func(m *lineage.Manifest) { m.CanonicalDigest = "" }, nil, "no statement can be made of this manifest: manifest.json: canonicalDigest"},
		{"no name", nil, []Subject{{"", digest("a")}}, "has no name"},
		{"no digest", nil, []Subject{{"image", ""}}, `subject "image" has the digest ""`},
		{"a tag", nil, []Subject{{"image", "latest"}}, `the digest "latest", want sha256:`},
		{"another model", nil, []Subject{{"model", digest("b")}}, "subject model is named with two digests"},
		{"twice", nil, []Subject{{"image", digest("b")}, {"image", digest("c")}}, "subject image is named with two digests"},
	} {
		t.Run(test.name, func(t *testing.T) {
			manifest := sample()
			if test.manifest != nil {
				test.manifest(&manifest)
			}
			text, err := Statement(manifest, test.subjects)
			if err == nil || !strings.Contains(err.Error(), test.want) || text != nil {
				t.Errorf("got %s, %v; want %s", text, err, test.want)
			}
		})
	}
}

// TestFlippedDigit changes one digit of the manifest inside the envelope; no key can say who did it.
func TestFlippedDigit(t *testing.T) {
	private, public := pair(t)
	envelope := signed(t, private)
	for _, change := range []struct{ old, new string }{
		{`"accuracy": 0.9`, `"accuracy": 0.8`},
		{digest("a"), "sha256:b" + strings.Repeat("a", 63)},
		{`"passed": true`, `"passed": false`},
	} {
		forged := edit(t, envelope, func(e *dsse.Envelope) {
			text := payload(t, e)
			var found statement
			if err := json.Unmarshal(text, &found); err != nil {
				t.Fatal(err)
			}
			byproduct := &found.Predicate.RunDetails.Byproducts[0]
			changed := strings.Replace(string(byproduct.Content), change.old, change.new, 1)
			if changed == string(byproduct.Content) {
				t.Fatalf("%q is not in the manifest", change.old)
			}
			byproduct.Content = []byte(changed)
			again, _ := json.Marshal(found)
			e.Payload = base64.StdEncoding.EncodeToString(again)
		})
		if verified, err := Verify(forged, public); err == nil || !strings.Contains(err.Error(), "the signature does not fit") {
			t.Errorf("%s: got %+v, %v", change.new, verified, err)
		}
	}
}

func payload(t *testing.T, e *dsse.Envelope) []byte {
	t.Helper()
	text, err := e.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// edit changes an envelope without its key.
func edit(t *testing.T, envelope []byte, change func(*dsse.Envelope)) []byte {
	t.Helper()
	var opened dsse.Envelope
	if err := json.Unmarshal(envelope, &opened); err != nil {
		t.Fatal(err)
	}
	change(&opened)
	text, err := json.Marshal(opened)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestVerifyRefuses(t *testing.T) {
	private, public := pair(t)
	otherPrivate, otherPublic := pair(t)
	envelope := signed(t, private)
	without := func(change func(*dsse.Envelope)) []byte { return edit(t, envelope, change) }
	for _, test := range []struct {
		name     string
		envelope []byte
		key      []byte
		want     string
	}{
		{"another key", envelope, otherPublic, "the envelope was signed by another key"},
		{"another key, which calls itself by this one's name", without(func(e *dsse.Envelope) {
			var other dsse.Envelope
			json.Unmarshal(signed(t, otherPrivate), &other)
			e.Signatures[0].Sig = other.Signatures[0].Sig
		}), public, "the signature does not fit"},
		{"another key, which has no name", without(func(e *dsse.Envelope) { e.Signatures[0].KeyID = "" }), otherPublic, "the signature does not fit"},
		{"another payload type", without(func(e *dsse.Envelope) { e.PayloadType = "application/json" }), public,
			`payload type is "application/json", want application/vnd.in-toto+json`},
		{"another payload type, back again", func() []byte {
			signer, _ := privateKey(private)
			s, _ := dsse.NewEnvelopeSigner(signer)
			e, _ := s.SignPayload(t.Context(), "application/json", payload(t, mustOpen(t, envelope)))
			e.PayloadType = PayloadType
			text, _ := json.Marshal(e)
			return text
		}(), public, "the signature does not fit"},
		{"truncated", envelope[:len(envelope)/2], public, "is damaged or cut off"},
		{"a truncated payload", without(func(e *dsse.Envelope) { e.Payload = e.Payload[:400] }), public, "the signature does not fit"},
		{"a payload that is no base64", without(func(e *dsse.Envelope) { e.Payload = "§" }), public, "the signature does not fit"},
		{"a truncated signature", without(func(e *dsse.Envelope) { e.Signatures[0].Sig = e.Signatures[0].Sig[:20] }), public, "the signature does not fit"},
		{"no payload", without(func(e *dsse.Envelope) { e.Payload = "" }), public, "has no payload"},
		{"no signature", without(func(e *dsse.Envelope) { e.Signatures = nil }), public, "has no signature: nobody vouches for it"},
		{"an empty signature", without(func(e *dsse.Envelope) { e.Signatures[0].Sig = "" }), public, "the signature does not fit"},
		{"empty", nil, public, "the envelope is empty"},
		{"blank", []byte(" \n"), public, "the envelope is empty"},
		{"null", []byte("null"), public, `payload type is ""`},
		{"a list", []byte("[]"), public, "it is no JSON object"},
		{"a manifest", []byte(`{"schemaVersion": 1}`), public, `payload type is ""`},
		{"a private key", envelope, private, "the public key is a private key"},
		{"no key", envelope, nil, "the public key is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			verified, err := Verify(test.envelope, test.key)
			if err == nil || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 500 {
				t.Fatalf("got %+v, %v\nwant %s", verified, err, test.want)
			}
			if !reflect.DeepEqual(verified, Verified{}) {
				t.Errorf("beside the error it returned %+v", verified)
			}
		})
	}
}

func mustOpen(t *testing.T, envelope []byte) *dsse.Envelope {
	t.Helper()
	opened, err := opened(envelope)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// TestSignedNonsense signs what is no statement on a model: a good signature alone opens nothing.
func TestSignedNonsense(t *testing.T) {
	private, public := pair(t)
	text, err := Statement(sample(), nil)
	if err != nil {
		t.Fatal(err)
	}
	change := func(edit func(*statement)) []byte {
		var found statement
		if err := json.Unmarshal(text, &found); err != nil {
			t.Fatal(err)
		}
		edit(&found)
		again, _ := json.Marshal(found)
		return again
	}
	carry := func(manifest []byte) []byte {
		return change(func(s *statement) {
			sum := sha256.Sum256(manifest)
			s.Predicate.RunDetails.Byproducts[0].Content = manifest
			s.Predicate.RunDetails.Byproducts[0].Digest["sha256"] = hex.EncodeToString(sum[:])
		})
	}
	for _, test := range []struct {
		name string
		text []byte
		want string
	}{
		{"text", []byte("yes"), "the statement cannot be read"},
		{"another type", change(func(s *statement) { s.Type = "https://in-toto.io/Statement/v0.1" }), "_type"},
		{"another predicate", change(func(s *statement) { s.PredicateType = "https://spdx.dev/Document" }), "predicateType"},
		{"another build", change(func(s *statement) { s.Predicate.BuildDefinition.BuildType = "x" }), "buildType"},
		{"no subject", change(func(s *statement) { s.Subject = nil }), "it is about no model"},
		{"no model", change(func(s *statement) { s.Subject = s.Subject[1:] }), "it is about no model"},
		{"another model", change(func(s *statement) { s.Subject[0].Digest["sha256"] = strings.Repeat("b", 64) }), "they do not belong together"},
		{"a subject without digest", change(func(s *statement) { s.Subject[1].Digest = nil }), "has no sha256 digest"},
		{"a subject twice", change(func(s *statement) { s.Subject = append(s.Subject, s.Subject[1]) }), "twice"},
		{"no manifest", change(func(s *statement) { s.Predicate.RunDetails.Byproducts = nil }), "carries no manifest.json"},
		{"a manifest of another digest", change(func(s *statement) { s.Predicate.RunDetails.Byproducts[0].Content[0] = ' ' }), "has the digest"},
		{"no manifest by that name", carry([]byte(`{}`)), "has no schemaVersion"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if envelope, err := Sign(test.text, private); err == nil || !strings.Contains(err.Error(), "nothing was signed") || envelope != nil {
				t.Errorf("signed: %s, %v", envelope, err)
			}
			signer, err := privateKey(private)
			if err != nil {
				t.Fatal(err)
			}
			s, err := dsse.NewEnvelopeSigner(signer)
			if err != nil {
				t.Fatal(err)
			}
			made, err := s.SignPayload(t.Context(), PayloadType, test.text)
			if err != nil {
				t.Fatal(err)
			}
			envelope, _ := json.Marshal(made)
			if verified, err := Verify(envelope, public); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v; want %s", verified, err, test.want)
			}
		})
	}
}

func TestKeysRefused(t *testing.T) {
	private, public := pair(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecdsaKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text, err := Statement(sample(), nil)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind, content string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(content)})
	}
	for _, test := range []struct {
		name, want string
		key        []byte
	}{
		{"empty", "is empty", nil},
		{"blank", "is empty", []byte("\n")},
		{"text", "is no PEM text", []byte("secret-of-mine")},
		{"cut off", "is no PEM text", private[:len(private)/2]},
		{"a public key", "is a public key, which cannot sign", public},
		{"RSA", "is of the type rsa", privatePEM(t, rsaKey)},
		{"ECDSA", "is of the type ecdsa", privatePEM(t, ecdsaKey)},
		{"locked", "is locked with a passphrase", block("ENCRYPTED PRIVATE KEY", "secret-of-mine")},
		{"a certificate", `of the type "CERTIFICATE"`, block("CERTIFICATE", "secret-of-mine")},
		{"nonsense in a block", "cannot be read", block("PRIVATE KEY", "secret-of-mine")},
		{"two keys", "more than one PEM block", append(append([]byte{}, private...), private...)},
	} {
		t.Run(test.name, func(t *testing.T) {
			envelope, err := Sign(text, test.key)
			if err == nil || !strings.Contains(err.Error(), test.want) || envelope != nil {
				t.Fatalf("got %s, %v; want %s", envelope, err, test.want)
			}
			for line := range strings.Lines(string(test.key)) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "-----") && strings.Contains(err.Error(), line) {
					t.Errorf("the message shows the key: %s", err)
				}
			}
		})
	}
	for name, key := range map[string][]byte{"rsa": publicPEM(t, &rsaKey.PublicKey), "ecdsa": publicPEM(t, &ecdsaKey.PublicKey)} {
		if _, err := Verify(signed(t, private), key); err == nil || !strings.Contains(err.Error(), "is of the type "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
