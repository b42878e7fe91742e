//go:build e2e

package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/ci/host"
)

// TestRegistries lets registries of our own, behind a proxy, answer in place of the real ones, and reads what doctor says.
func TestRegistries(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		after  time.Duration
		says   string
	}{
		"all open":    {200, 0, "ok         image registry registry-1.docker.io answers\n"},
		"with logins": {401, 0, "ok         image registry registry-1.docker.io answers; for images that are not public it wants a login\n"},
		"slow":        {401, 4 * time.Second, "ok         image registry registry.dagger.io answers;"},
		"limited":     {429, 0, "problem    image registry registry-1.docker.io: its limit of pulls is reached (HTTP status 429): wait, or log in by `docker login`,"},
		"refusing":    {403, 0, "problem    image registry registry.dagger.io: it refuses this machine (HTTP status 403)"},
		"broken":      {503, 0, "problem    image registry registry-1.docker.io: it is out of order (HTTP status 503)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, trust := registries(t, test.status, test.after)
			doctor := start(t, fresh(t, "HTTPS_PROXY=http://me:secret@"+proxy, "SSL_CERT_FILE="+trust), "doctor")
			doctor.end(t)
			output := doctor.stdout.String() + doctor.stderr.String()
			if !strings.Contains(output, test.says) || strings.Contains(output, "out of reach") {
				t.Errorf("it lacks %q:\n%s", test.says, output)
			}
			if strings.Contains(output, "stand-ins are built here") {
				t.Errorf("a registry that answers leads to stand-ins:\n%s", output)
			}
		})
	}
}

// fresh is the environment of a user whose machine has made nothing yet, and who names no other engine.
func fresh(t *testing.T, more ...string) []string {
	return append(more, "XDG_CACHE_HOME="+t.TempDir(), host.EngineVariable+"=")
}

// TestWrongProxy is a mistake in the environment: it must not end in images of our own.
func TestWrongProxy(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	environment := fresh(t, "HTTPS_PROXY=http://me:secret@"+address)
	for _, command := range []string{"doctor", "up"} {
		call := refuse(t, environment, "the proxy http://"+address+" does not work: connection refused", command)
		if output := call.stdout.String() + call.stderr.String(); strings.Contains(output, "secret") {
			t.Errorf("the password of the proxy is shown:\n%s", output)
		}
	}
}

// registries is a proxy behind which each name leads to one registry, which gives each request a status after a while; trust is
// a file with its certificate.
func registries(t *testing.T, status int, after time.Duration) (proxy, trust string) {
	t.Helper()
	registry := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(after)
		w.WriteHeader(status)
	}))
	certificate := certify(t, "registry-1.docker.io", "registry.dagger.io")
	registry.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	registry.StartTLS()
	t.Cleanup(registry.Close)
	trust = filepath.Join(t.TempDir(), "trust.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})
	if err := os.WriteFile(trust, text, 0o644); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		upstream, err := net.Dial("tcp", registry.Listener.Addr().String())
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer upstream.Close()
		client, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer client.Close()
		io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
		go io.Copy(upstream, client)
		io.Copy(client, upstream)
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), trust
}

// certify makes a certificate that vouches for itself.
func certify(t *testing.T, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: names, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	encoded, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{encoded}, PrivateKey: key}
}
