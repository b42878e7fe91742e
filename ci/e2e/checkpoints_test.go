//go:build e2e

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ci/state"
)

// TestCheckpointCredentials trains with a store for checkpoints, and then with other credentials, which the store refuses:
// they are no part of what the training is cached by, so that nothing is trained and the store is not asked.
func TestCheckpointCredentials(t *testing.T) {
	succeed(t, "up", "--tests")
	address := startStore(t)
	project := filepath.Join(t.TempDir(), "project")
	if err := os.CopyFS(project, os.DirFS(filepath.Join(checkout, "testdata", "phishing"))); err != nil {
		t.Fatal(err)
	}
	// a training that no earlier run of this test left in the cache
	fresh := fmt.Sprintf("train.seed=%d", time.Now().Unix()%1_000_000)
	var digests []string
	for _, secret := range []string{storeSecret, "another-secret"} {
		config := filepath.Join(t.TempDir(), "rclone.conf")
		text := fmt.Sprintf("[s3]\ntype = s3\nprovider = Other\nendpoint = http://%s\naccess_key_id = %s\nsecret_access_key = %s\n",
			address, storeKey, secret)
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		call := exec.CommandContext(t.Context(), builtCLI(t), "--progress=plain", "call", "-m", checkout, "--source", project,
			"--set", fresh, "--set", "train.args.epochs=1", "--set", "train.checkpoints=s3://models/kept",
			"--checkpoint-config", "file:"+config, "train", "digest")
		call.Env = append(os.Environ(), dagger.Plain...)
		var log strings.Builder
		call.Stderr = &log
		digest, err := call.Output()
		if err != nil {
			t.Fatalf("with the secret %q: %v: %s", secret, err, dagger.Message(log.String()))
		}
		if strings.Contains(log.String(), secret) {
			t.Errorf("the log has the secret %q", secret)
		}
		digests = append(digests, string(digest))
	}
	if digests[0] != digests[1] || !strings.HasPrefix(digests[0], "sha256:") {
		t.Errorf("two models: %q", digests)
	}
}

// The credentials of the store that startStore starts.
const storeKey, storeSecret = "a-key-of-the-tests", "a-secret-of-the-tests"

// startStore starts an S3 server with the bucket models, where containers reach it, and gives its address.
func startStore(t *testing.T) string {
	t.Helper()
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	bridge, err := setup.BridgeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(bridge, "0"))
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	objects, side := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(objects, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	machine := setup.Machine{Folder: folder}
	server := exec.Command(machine.TestProgram("versitygw"), "--port", address, "posix", "--sidecar", side, objects)
	server.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+storeKey, "ROOT_SECRET_KEY="+storeSecret)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Kill()
		server.Wait()
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		connection, err := net.Dial("tcp", address)
		if err == nil {
			connection.Close()
			return address
		}
		if time.Now().After(deadline) {
			t.Fatalf("the S3 server does not listen: %v", err)
		}
	}
}
