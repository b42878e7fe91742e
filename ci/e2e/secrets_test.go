//go:build e2e

package e2e

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/state"
)

// planted is a name and a password that open nothing but what this test has made.
type planted struct{ user, password string }

func plant(t *testing.T) planted {
	t.Helper()
	drawn := make([]byte, 16)
	if _, err := rand.Read(drawn); err != nil {
		t.Fatal(err)
	}
	return planted{"builder", "planted-" + hex.EncodeToString(drawn)}
}

// forms are the password as it is, and as it goes over the wire.
func (p planted) forms() []string {
	return []string{p.password, base64.StdEncoding.EncodeToString([]byte(p.user + ":" + p.password))}
}

// plantedSecrets runs and publishes with the password of a package index and that of a registry, and looks for both
// wherever a run can leave something. A word that is no secret is planted beside them: where it is not found, the
// search itself is broken.
func plantedSecrets(t *testing.T) {
	folder, err := state.Locate()
	if err != nil {
		t.Fatal(err)
	}
	index, registry, marker := plant(t), plant(t), "marker-"+plant(t).password
	forms := append(index.forms(), registry.forms()...)
	address := privateRegistry(t, folder, registry)
	began := time.Now()
	project := filepath.Join(t.TempDir(), "project")
	if err := os.CopyFS(project, os.DirFS(filepath.Join(checkout, "testdata", "phishing"))); err != nil {
		t.Fatal(err)
	}
	appendTo(t, filepath.Join(project, "requirements.txt"), "inhouse==1.0\n# "+marker+"\n")
	appendTo(t, filepath.Join(project, "train.py"), "# "+marker+"\n")
	t.Setenv("PLANTED_INDEX", privateIndex(t, index))
	t.Setenv("PLANTED_PASSWORD", registry.password)
	t.Setenv("PLANTED_WRONG", plant(t).password)

	out := filepath.Join(t.TempDir(), "out")
	job := succeed(t, "run", project, "--out", out, "--", "--package-index", "env://PLANTED_INDEX")
	said := []string{job.stdout.String(), job.stderr.String(), readAll(t, folder.Log("run"))}

	publish := func(password string) (string, error) {
		var log, reference strings.Builder
		call := dagger.Call{CLI: folder.Path("bin", host.Current, "dagger"), Module: checkout, Out: &reference, Args: []string{
			"--source", project, "--package-index", "env://PLANTED_INDEX", "--set", "scan.database=" + mirrorAddress(t, folder) + "/aquasec/trivy-db:2",
			"publish", "--address", address + "/tests/planted:1", "--username", registry.user, "--password", "env://" + password,
		}}
		err := call.Run(t.Context(), &log, func(string) {})
		said = append(said, log.String())
		return strings.TrimSpace(reference.String()), err
	}
	if _, err := publish("PLANTED_WRONG"); err == nil {
		t.Error("a wrong password was enough to publish")
	}
	forms = append(forms, os.Getenv("PLANTED_WRONG"))
	reference, err := publish("PLANTED_PASSWORD")
	if err != nil {
		t.Fatalf("%v\n%s", err, said[len(said)-1])
	}

	wanted := func(where string, found, control []string) {
		for _, one := range found {
			t.Errorf("a secret is in %s: %s", where, one)
		}
		if len(control) == 0 {
			t.Errorf("%s: what was planted to be found was not, so that nothing is known", where)
		}
	}
	log := strings.Join(said, "\n")
	wanted("what was said", matching("the output", strings.NewReader(log), forms), matching("", strings.NewReader(log), []string{"install.py"}))
	wanted("the result", inFolder(t, out, forms), inFolder(t, out, []string{"inhouse"}))
	wanted("the published image", inImage(t, reference, registry, forms), inImage(t, reference, registry, []string{marker}))
	for _, one := range inCLI(t, forms) {
		t.Errorf("a secret is in the CLI's folders: %s", one)
	}
	if os.Getenv(host.EngineVariable) == "" {
		found := inEngine(t, began, append([]string{marker}, forms...)) // one long search for all
		wanted("the engine's state", inEngineFiles(t, found, forms), found)
		wanted("the engine's log", inEngineLog(t, began, forms), inEngineLog(t, began, []string{"msg="}))
	}
}

// privateIndex starts a package index that asks for a password, and gives its address with that in it.
func privateIndex(t *testing.T, secret planted) string {
	t.Helper()
	run := exec.Command("docker", "run", "--detach", "--rm", "--volume", filepath.Join(checkout, "tests", "testdata", "index.py")+":/index.py:ro",
		"--volume", "/etc/ssl/certs:/etc/ssl/certs:ro", "tensorflow/tensorflow:2.16.2", "python3", "/index.py", secret.user, secret.password, "8080")
	run.Stderr = os.Stderr
	id, err := run.Output()
	if err != nil {
		t.Fatal(err)
	}
	container := strings.TrimSpace(string(id))
	t.Cleanup(func() { exec.Command("docker", "rm", "--force", container).Run() })
	inspected, err := exec.Command("docker", "inspect", "--format", "{{.NetworkSettings.IPAddress}}", container).Output()
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + secret.user + ":" + secret.password + "@" + strings.TrimSpace(string(inspected)) + ":8080/simple/"
}

// privateRegistry stands before this machine's registry, asks for a password, and gives its own address.
func privateRegistry(t *testing.T, folder state.Folder, secret planted) string {
	t.Helper()
	mirror := mirrorAddress(t, folder)
	bridge, _, err := net.SplitHostPort(mirror)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(bridge, "0"))
	if err != nil {
		t.Fatal(err)
	}
	behind := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(&url.URL{Scheme: "http", Host: mirror})
			request.Out.Host = request.In.Host // the registry says where to go on by it
		},
		Transport: &http.Transport{},
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != secret.user || password != secret.password {
			w.Header().Set("WWW-Authenticate", `Basic realm="planted"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		behind.ServeHTTP(w, r)
	})}
	go server.Serve(listener)
	t.Cleanup(func() { server.Close() })
	return listener.Addr().String()
}

// mirrorAddress is where this machine's registry listens; a machine that has none is left out of the test.
func mirrorAddress(t *testing.T, folder state.Folder) string {
	t.Helper()
	text, err := os.ReadFile(folder.Path("registry.yml"))
	if err != nil {
		t.Skip("no registry was brought up here: there is none to publish to")
	}
	var settings struct{ HTTP struct{ Addr string } }
	if err := yaml.Unmarshal(text, &settings); err != nil || settings.HTTP.Addr == "" {
		t.Fatalf("registry.yml: %v\n%s", err, text)
	}
	return settings.HTTP.Addr
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	before := readAll(t, path)
	if err := os.WriteFile(path, []byte(before+text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// inEngine names the files of the engine's state, all its layers, volumes and databases, that have come or changed since
// the test began and that hold one of the words.
func inEngine(t *testing.T, since time.Time, words []string) []string {
	t.Helper()
	// The words come by the standard input: no command line holds them. grep's status says only whether it found some.
	const search = `cat >/tmp/words && find /var/lib/dagger -xdev -type f -newerct "$1" -exec grep -laF -f /tmp/words {} + ; rm /tmp/words`
	return searched(t, words, search, fmt.Sprintf("@%d", since.Unix()))
}

// inEngineFiles names those among some files of the engine that hold one of the words.
func inEngineFiles(t *testing.T, files, words []string) []string {
	t.Helper()
	const search = `cat >/tmp/words && grep -laF -f /tmp/words "$@" ; rm /tmp/words`
	if len(files) == 0 {
		return nil
	}
	return searched(t, words, search, files...)
}

func searched(t *testing.T, words []string, search string, arguments ...string) []string {
	t.Helper()
	command := exec.Command("docker", append([]string{"exec", "--interactive", host.EngineContainer(host.Current), "sh", "-c", search, "sh"}, arguments...)...)
	command.Stdin = strings.NewReader(strings.Join(words, "\n"))
	var complaints bytes.Buffer
	command.Stderr = &complaints
	output, err := command.Output()
	if err != nil {
		t.Fatalf("the engine cannot be searched: %v: %s", err, complaints.String())
	}
	return slices.DeleteFunc(strings.Split(string(output), "\n"), func(line string) bool { return line == "" })
}

// inEngineLog names the lines of the engine's own log that hold one of the words.
func inEngineLog(t *testing.T, since time.Time, words []string) []string {
	t.Helper()
	output, err := exec.Command("docker", "logs", "--since", fmt.Sprint(since.Unix()), host.EngineContainer(host.Current)).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	return matching("docker logs", bytes.NewReader(output), words)
}
