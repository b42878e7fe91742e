package objectstore_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger/tensorflow-ci/objectstore"
	"dagger/tensorflow-ci/release"
)

// These tests run a release against real stores: a folder, and an S3 server, each behind a real rclone. The programs are
// named by two variables of the environment; `go run ./ci test` builds them and sets both.
const (
	rcloneVariable    = "TENSORFLOW_CI_RCLONE"
	versitygwVariable = "TENSORFLOW_CI_VERSITYGW"
)

const accessKey, secretKey = "tester", "tester-planted-secret"

// program runs a program for the time of a test, and waits until it listens on a port.
func program(t *testing.T, port int, environment []string, name string, args ...string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, args...)
	command.Env = append(environment, "HOME="+t.TempDir(), "PATH="+os.Getenv("PATH"))
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s said:\n%s", filepath.Base(name), text)
		}
	})
	for range 200 {
		if connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second); err == nil {
			connection.Close()
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("%s does not listen", name)
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// rclone starts rclone with variables of the environment, for a store at a place.
func rclone(t *testing.T, at string, environment ...string) *objectstore.Client {
	t.Helper()
	name := os.Getenv(rcloneVariable)
	if name == "" {
		t.Skipf("%s names no rclone: `go run ./ci test` does", rcloneVariable)
	}
	port := freePort(t)
	program(t, port, append(environment,
		fmt.Sprintf("RCLONE_RC_ADDR=127.0.0.1:%d", port), "RCLONE_RC_SERVE=true", "RCLONE_RC_USER=line", "RCLONE_RC_PASS=pass",
		"RCLONE_CONFIG=/notfound", "RCLONE_LOW_LEVEL_RETRIES=3", "RCLONE_RETRIES=1", "RCLONE_USE_SERVER_MODTIME=true", "RCLONE_S3_NO_CHECK_BUCKET=true",
	), name, "rcd")
	return &objectstore.Client{URL: fmt.Sprintf("http://127.0.0.1:%d", port), User: "line", Password: "pass", At: at}
}

// server starts an S3 server with one bucket, and returns its address and the folder where it keeps the objects.
func server(t *testing.T) (endpoint, folder string) {
	t.Helper()
	name := os.Getenv(versitygwVariable)
	if name == "" {
		t.Skipf("%s names no S3 server: `go run ./ci test` does", versitygwVariable)
	}
	folder, side := t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "models"), 0o755); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	program(t, port, []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey},
		name, "--port", fmt.Sprintf("127.0.0.1:%d", port), "posix", "--sidecar", side, folder)
	return fmt.Sprintf("http://127.0.0.1:%d", port), folder
}

func s3(t *testing.T, endpoint, secret, at string) *objectstore.Client {
	return rclone(t, "store:"+at+"/", "RCLONE_CONFIG_STORE_TYPE=s3", "RCLONE_CONFIG_STORE_PROVIDER=Other", "RCLONE_CONFIG_STORE_ENDPOINT="+endpoint,
		"RCLONE_CONFIG_STORE_ACCESS_KEY_ID="+accessKey, "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY="+secret)
}

// stores runs a test on each kind of store; damage changes an object behind its back.
func stores(t *testing.T, test func(t *testing.T, open func(t *testing.T, prefix string) *objectstore.Client, damage func(prefix, name string, content *string))) {
	change := func(root string) func(string, string, *string) {
		return func(prefix, name string, content *string) {
			name = filepath.Join(root, prefix, name)
			err := os.Remove(name)
			if content != nil {
				err = os.WriteFile(name, []byte(*content), 0o644)
			}
			if err != nil {
				t.Error(err)
			}
		}
	}
	t.Run("folder", func(t *testing.T) {
		root := t.TempDir()
		client := rclone(t, root)
		test(t, func(_ *testing.T, prefix string) *objectstore.Client {
			opened := *client
			opened.At, opened.Beside = filepath.Join(root, prefix), true
			return &opened
		}, change(root))
	})
	t.Run("S3", func(t *testing.T) {
		endpoint, root := server(t)
		client := s3(t, endpoint, secretKey, "")
		test(t, func(_ *testing.T, prefix string) *objectstore.Client {
			opened := *client
			opened.At = "store:models/" + prefix + "/"
			return &opened
		}, change(filepath.Join(root, "models")))
	})
}

// model makes a SavedModel's files for a letter, and has the store's rclone measure them.
func model(t *testing.T, client *objectstore.Client, letter string) release.Candidate {
	t.Helper()
	client.Model = t.TempDir()
	for name, content := range map[string]string{
		"saved_model.pb": "graph " + letter, "variables/variables.index": letter, "assets/words $(id) é.txt": "", "variables/variables.data-00000-of-00001": strings.Repeat(letter, 200_000),
	} {
		path := filepath.Join(client.Model, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	hashes, err := client.ModelHashes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sizes, err := client.ModelSizes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	candidate := release.Candidate{Digest: "sha256:" + strings.Repeat(letter, 64), Files: map[string]release.File{}}
	for name, hash := range hashes {
		candidate.Files[name] = release.File{Size: sizes[name], Sha256: hash}
	}
	if len(candidate.Files) != 4 || sizes["variables/variables.data-00000-of-00001"] != 200_000 {
		t.Fatalf("measured %v, %v", candidate, sizes)
	}
	return candidate
}

func book(store release.Store) release.Book {
	return release.Book{
		Store: store, Model: "phishing", Base: "/models", Policy: release.Policy{Approvals: 1, Expiry: time.Hour, CanaryFirst: true},
		Verify: func(envelope []byte) (string, bool, string, error) { return string(envelope), true, "", nil },
	}
}

// act does one word of a script.
func act(t *testing.T, client *objectstore.Client, store release.Store, words string) (string, error) {
	t.Helper()
	word, rest, _ := strings.Cut(words, " ")
	order := release.Order{Action: release.Action(word), By: "ann", At: time.Now(), Reason: "because"}
	var lineage map[string][]byte
	switch order.Action {
	case release.Push:
		order.Candidate = model(t, client, rest)
		lineage = map[string][]byte{"attestation.json": []byte(order.Candidate.Digest), "manifest.json": []byte("{}")}
	case release.SetCanary:
		fmt.Sscan(rest, &order.Percent)
	case release.Promote:
		order.Approvals = []release.Approval{{SchemaVersion: 1, Model: "phishing", Digest: "sha256:" + strings.Repeat(rest, 64), By: "bea", At: time.Now()}}
	}
	return book(store).Do(t.Context(), order, lineage)
}

func script(t *testing.T, client *objectstore.Client, words ...string) {
	t.Helper()
	for _, word := range words {
		if _, err := act(t, client, client, word); err != nil {
			t.Fatalf("%s: %v", word, err)
		}
	}
}

var toSecond = []string{"push a", "deploy-test", "promote a", "push b", "deploy-test"}

func TestWholePath(t *testing.T) {
	stores(t, func(t *testing.T, open func(*testing.T, string) *objectstore.Client, _ func(string, string, *string)) {
		client := open(t, "whole")
		script(t, client, toSecond...)
		script(t, client, "canary 10", "promote b", "rollback")
		records, err := book(client).History(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		text := release.HistoryTable(records)
		t.Log("\n" + text)
		for _, want := range []string{"test → canary (10 % of the traffic)", "phishing 2: production → rolled-back; phishing 1: retired → production"} {
			if !strings.Contains(text, want) {
				t.Errorf("the history lacks %q", want)
			}
		}
		config, err := client.Read(t.Context(), "models.config")
		if err != nil || !strings.Contains(string(config), `key: "stable"`) || strings.Contains(string(config), "versions: 2") {
			t.Errorf("models.config is %s, %v", config, err)
		}
	})
}

// cut loses its power after some writes.
type cut struct {
	release.Store
	mu   sync.Mutex
	left int
}

var errCut = errors.New("cut off by the test")

func (c *cut) spend() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == 0 {
		return errCut
	}
	c.left--
	return nil
}

func (c *cut) Write(ctx context.Context, name string, content []byte) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.Store.Write(ctx, name, content)
}

func (c *cut) Upload(ctx context.Context, folder string) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.Store.Upload(ctx, folder)
}

func (c *cut) Remove(ctx context.Context, name string) error {
	if err := c.spend(); err != nil {
		return err
	}
	return c.Store.Remove(ctx, name)
}

// TestKilledAtEveryWrite cuts a push, a canary and a promotion off at each write, on the real stores.
func TestKilledAtEveryWrite(t *testing.T) {
	stores(t, func(t *testing.T, open func(*testing.T, string) *objectstore.Client, _ func(string, string, *string)) {
		for _, test := range []struct {
			name   string
			before []string
			action string
		}{
			{"push", nil, "push a"},
			{"canary", toSecond, "canary 10"},
			{"promote", append(toSecond, "canary 10"), "promote b"},
			{"rollback", append(toSecond, "canary 10", "promote b"), "rollback"},
		} {
			finished := false
			for after := 0; !finished; after++ {
				if after > 20 {
					t.Fatalf("%s takes more than 20 writes", test.name)
				}
				client := open(t, fmt.Sprintf("killed-%s-%d", test.name, after))
				script(t, client, test.before...)
				_, err := act(t, client, &cut{Store: client, left: after}, test.action)
				finished = err == nil
				if err != nil && !errors.Is(err, errCut) {
					t.Fatalf("%s cut after %d: %v", test.name, after, err)
				}
				objects, err := client.List(t.Context(), "_locks")
				if err != nil || len(objects) != min(1, after) {
					t.Fatalf("%s cut after %d: %d locks, %v", test.name, after, len(objects), err)
				}
				for _, object := range objects { // as if its lease had passed
					if err := client.Remove(t.Context(), "_locks/"+object.Name); err != nil {
						t.Fatal(err)
					}
				}
				script(t, client, test.action)
				records, err := book(client).History(t.Context())
				if err != nil {
					t.Fatalf("%s cut after %d: %v", test.name, after, err)
				}
				if got, want := len(records), len(test.before)+1; got != want {
					t.Errorf("%s cut after %d and repeated: %d records, want %d", test.name, after, got, want)
				}
			}
		}
	})
}

// TestTwoAtOnce lets two and more promote at the same moment.
func TestTwoAtOnce(t *testing.T) {
	stores(t, func(t *testing.T, open func(*testing.T, string) *objectstore.Client, _ func(string, string, *string)) {
		client := open(t, "two")
		script(t, client, toSecond...)
		script(t, client, "canary 10")
		for round := range 5 {
			var group sync.WaitGroup
			errs := make([]error, 4)
			for at := range errs {
				group.Go(func() { _, errs[at] = act(t, client, client, fmt.Sprintf("canary %d", 11+4*round+at)) })
			}
			group.Wait()
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.As(err, new(release.BusyError)) {
					t.Errorf("refused by %v", err)
				}
			}
			if won == 0 {
				t.Error("nobody got through")
			}
			records, err := book(client).History(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("round %d: %d of %d got through, %d records", round, won, len(errs), len(records))
			if locks, err := client.List(t.Context(), "_locks"); err != nil || len(locks) > 0 {
				t.Errorf("locks left: %v, %v", locks, err)
			}
		}
	})
}

func TestBehindOurBack(t *testing.T) {
	stores(t, func(t *testing.T, open func(*testing.T, string) *objectstore.Client, damage func(string, string, *string)) {
		client := open(t, "damage")
		script(t, client, toSecond...)
		other := "graph x"
		for _, test := range []struct {
			object  string
			content *string
			want    string
		}{
			{"phishing/2/saved_model.pb", &other, "saved_model.pb has another content"},
			{"phishing/2/saved_model.pb", nil, "saved_model.pb is gone"},
		} {
			before, err := client.Read(t.Context(), "phishing/state.json")
			if err != nil {
				t.Fatal(err)
			}
			damage("damage", test.object, test.content)
			if _, err := act(t, client, client, "canary 10"); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
			if after, err := client.Read(t.Context(), "phishing/state.json"); err != nil || string(after) != string(before) {
				t.Errorf("the state changed: %s, %v", after, err)
			}
		}
		script(t, client, "push b", "canary 10") // put back
		damage("damage", "phishing/state.json", nil)
		script(t, client, "canary 20")
	})
}

func TestStoresThatFail(t *testing.T) {
	endpoint, _ := server(t)
	for _, test := range []struct {
		name, want string
		client     func(t *testing.T) *objectstore.Client
	}{
		{"wrong credentials", "the store refuses the credentials", func(t *testing.T) *objectstore.Client { return s3(t, endpoint, "wrong-planted-secret", "models/x") }},
		{"no bucket", "there is no such bucket", func(t *testing.T) *objectstore.Client { return s3(t, endpoint, secretKey, "other/x") }},
		{"unreachable", "the store cannot be reached", func(t *testing.T) *objectstore.Client {
			return s3(t, fmt.Sprintf("http://127.0.0.1:%d", freePort(t)), secretKey, "models/x")
		}},
		{"no such host", "the store cannot be reached", func(t *testing.T) *objectstore.Client { return s3(t, "http://store.invalid", secretKey, "models/x") }},
		{"a password of rclone's that is wrong", "rclone does not know who calls it", func(t *testing.T) *objectstore.Client {
			client := s3(t, endpoint, secretKey, "models/x")
			client.Password = "guessed"
			return client
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			client := test.client(t)
			_, err := act(t, client, client, "deploy-test")
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "planted-secret") {
				t.Errorf("got %v, want %s", err, test.want)
			}
			t.Log(err)
			if _, _, _, err := book(client).Look(t.Context()); err == nil && test.name != "no bucket" {
				t.Error("a look succeeds")
			}
		})
	}
}

// TestCutUploadGoesOn cuts an upload in the middle of its files.
func TestCutUploadGoesOn(t *testing.T) {
	stores(t, func(t *testing.T, open func(*testing.T, string) *objectstore.Client, damage func(string, string, *string)) {
		client := open(t, "part")
		for name, content := range map[string]string{"saved_model.pb": "graph a", "variables/variables.index": "of another model", "left.txt": "over"} {
			if err := client.Write(t.Context(), "phishing/1/"+name, []byte(content)); err != nil {
				t.Fatal(err)
			}
		}
		script(t, client, "push a", "deploy-test")
	})
}

func TestLogs(t *testing.T) {
	stores(t, func(t *testing.T, open func(*testing.T, string) *objectstore.Client, _ func(string, string, *string)) {
		client := open(t, "logs")
		folder := t.TempDir()
		write := func(name, content string) {
			if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("events.1", "one")
		add := func(want int) {
			t.Helper()
			moved, err := client.Add(t.Context(), folder, "_logs/run-1")
			if err != nil || moved != want {
				t.Errorf("moved %d, %v, want %d", moved, err, want)
			}
		}
		add(1)
		add(0)
		write("events.1", "one more")
		write("events.2", "two")
		add(2)
		to := t.TempDir()
		if err := client.Fetch(t.Context(), "_logs/run-1", to); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(to, "events.1")); err != nil || string(text) != "one more" {
			t.Errorf("got %s, %v", text, err)
		}
	})
}
