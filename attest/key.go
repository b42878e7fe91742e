package attest

import (
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/secure-systems-lab/go-securesystemslib/signerverifier"
)

const (
	makeKey    = "`openssl genpkey -algorithm ed25519 -out key.pem` makes one"
	makePublic = "`openssl pkey -in key.pem -pubout -out public.pem` makes it of the signing key"
)

// privateKey reads the key that signs. No message repeats any of it.
func privateKey(text []byte) (dsse.SignerVerifier, error) {
	key, err := readKey(text, "the signing key", makeKey)
	if err != nil {
		return nil, err
	}
	if key.KeyVal.Private == "" {
		return nil, errors.New("the signing key is a public key, which cannot sign: give the private one; " + makeKey)
	}
	return signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
}

// publicKey reads the key that verifies.
func publicKey(text []byte) (dsse.SignerVerifier, error) {
	key, err := readKey(text, "the public key", makePublic)
	if err != nil {
		return nil, err
	}
	if key.KeyVal.Private != "" {
		return nil, errors.New("the public key is a private key, which must not leave the job that signs: give the public one; " + makePublic)
	}
	return signerverifier.NewED25519SignerVerifierFromSSLibKey(key)
}

// readKey reads an ed25519 key, private (PKCS #8) or public (PKIX), from PEM.
func readKey(text []byte, what, hint string) (*signerverifier.SSLibKey, error) {
	if strings.TrimSpace(string(text)) == "" {
		return nil, fmt.Errorf("%s is empty: want an ed25519 key as PEM; %s", what, hint)
	}
	block, rest := pem.Decode(text)
	switch {
	case block == nil:
		return nil, fmt.Errorf("%s is no PEM text (its %d bytes hold no whole -----BEGIN … -----END block): want an ed25519 key as PEM; %s", what, len(text), hint)
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, fmt.Errorf("%s is locked with a passphrase, and nobody is there to type it: give it unlocked, as a secret of the job; "+
			"`openssl pkey -in locked.pem -out key.pem` unlocks it", what)
	case block.Type != signerverifier.PrivateKeyPEM && block.Type != signerverifier.PublicKeyPEM:
		return nil, fmt.Errorf("%s is a PEM block of the type %.40q: want an ed25519 key, %s or %s; %s",
			what, block.Type, signerverifier.PrivateKeyPEM, signerverifier.PublicKeyPEM, hint)
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, fmt.Errorf("%s holds more than one PEM block: give one key; %s", what, hint)
	}
	key, err := signerverifier.LoadKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read (%w): want an ed25519 key as PEM; %s", what, err, hint)
	}
	if key.KeyType != signerverifier.ED25519KeyType {
		return nil, fmt.Errorf("%s is of the type %s: want ed25519; %s", what, key.KeyType, hint)
	}
	return key, nil
}
