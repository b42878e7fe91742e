//go:build e2e

package e2e

import (
	"errors"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/setup"
)

// TestFromAnAddress calls the module by the address of a Git repository and a tag, from a project's folder outside of any
// checkout, as a user does.
func TestFromAnAddress(t *testing.T) {
	succeed(t, "up")
	folder := t.TempDir()
	served := filepath.Join(folder, "served", "tensorflow-ci.git")
	git(t, "clone", "--quiet", "--bare", checkout, served)
	git(t, "-C", served, "tag", "v0.1.0", "HEAD")
	address := "http://" + serveGit(t, filepath.Dir(served)) + "/tensorflow-ci.git"
	project := filepath.Join(folder, "project")
	if err := os.CopyFS(project, os.DirFS(filepath.Join(checkout, "testdata", "phishing"))); err != nil {
		t.Fatal(err)
	}

	said, err := callAt(t, project, address+"@v0.1.0", "lint", "summary")
	if err != nil || !strings.Contains(said, "0 findings") {
		t.Errorf("%v: %s", err, said)
	}
	said, err = callAt(t, project, address+"@v9.9.9", "lint", "summary")
	if err == nil || !strings.Contains(said, "v9.9.9") {
		t.Errorf("a tag that is not there: %v, it says:\n%s", err, said)
	}
}

// callAt calls a function of a module by its address, on the project in the folder, and gives all that was printed.
func callAt(t *testing.T, folder, module string, function ...string) (string, error) {
	t.Helper()
	args := append([]string{"--progress=plain", "call", "-m", module, "--source", "."}, function...)
	call := exec.CommandContext(t.Context(), builtCLI(t), args...)
	call.Dir = folder
	call.Env = append(os.Environ(), dagger.Plain...)
	output, err := call.CombinedOutput()
	return string(output), err
}

// serveGit serves the repositories below a folder by Git's own protocol over HTTP, where containers reach it, and gives
// its address.
func serveGit(t *testing.T, folder string) string {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatal(err)
	}
	bridge, err := setup.BridgeAddress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// the engine asks for a module by HTTP at the usual port, whatever port the address names
	listener, err := net.Listen("tcp", net.JoinHostPort(bridge, "80"))
	if errors.Is(err, os.ErrPermission) {
		t.Skip("only root may listen at port 80")
	}
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: &cgi.Handler{
		Path: program, Args: []string{"http-backend"},
		Env: []string{"GIT_PROJECT_ROOT=" + folder, "GIT_HTTP_EXPORT_ALL=1"},
	}}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return bridge
}

func git(t *testing.T, args ...string) {
	t.Helper()
	if output, err := exec.CommandContext(t.Context(), "git", args...).CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v: %s", strings.Join(args, " "), err, output)
	}
}
