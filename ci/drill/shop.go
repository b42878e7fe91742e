package drill

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"dagger/tensorflow-ci/objectstore"
	"dagger/tensorflow-ci/release"
)

const (
	shopKey, shopSecret = "drill", "drill-secret"
	shopModel           = "phishing"
)

// shop is a store of models: a real S3 server, what rclone reaches it through, and a real rclone.
type shop struct {
	folder string // where the server keeps the objects: a bucket is a folder
	delay  atomic.Int64
	site   *Site
	ports  struct{ server, rclone int }
	front  *http.Server
	at     string // address of the front
	server *started
	rclone *started
	model  string
}

// openShop starts a store whose objects lie in a folder.
func openShop(site *Site, folder string) (_ *shop, err error) {
	s := &shop{folder: folder, site: site, model: filepath.Join(site.Folder, "shop-model")}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	for _, needed := range []string{"rclone", "versitygw"} {
		if _, err := os.Stat(site.Machine.TestProgram(needed)); err != nil {
			return nil, notDone{"there is no " + needed + " here: " + err.Error()}
		}
	}
	if err := os.MkdirAll(filepath.Join(folder, "objects", "models"), 0o755); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(folder, "side"), 0o755); err != nil {
		return nil, err
	}
	if s.ports.server, err = freePort(); err != nil {
		return nil, err
	}
	if err := s.serve(); err != nil {
		return nil, err
	}
	if err := s.stand(); err != nil {
		return nil, err
	}
	s.ports.rclone, s.rclone, err = s.startRclone(shopSecret)
	return s, err
}

// serve starts the S3 server, on the same port each time.
func (s *shop) serve() (err error) {
	address := fmt.Sprintf("127.0.0.1:%d", s.ports.server)
	s.server, err = start(s.folder, []string{"ROOT_ACCESS_KEY=" + shopKey, "ROOT_SECRET_KEY=" + shopSecret},
		s.site.Machine.TestProgram("versitygw"), "--port", address, "posix", "--sidecar", filepath.Join(s.folder, "side"), filepath.Join(s.folder, "objects"))
	if err != nil {
		return err
	}
	return listens(s.server, address)
}

// stand puts a proxy before the server, which lets each request wait.
func (s *shop) stand() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.at = "http://" + listener.Addr().String()
	server := &url.URL{Scheme: "http", Host: fmt.Sprintf("127.0.0.1:%d", s.ports.server)}
	pass := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(server)
			request.Out.Host = request.In.Host // it is signed
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }, // as a network: it breaks, and says nothing
	}
	s.front = &http.Server{Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		select {
		case <-time.After(time.Duration(s.delay.Load())):
			pass.ServeHTTP(answer, request)
		case <-request.Context().Done():
		}
	})}
	go s.front.Serve(listener)
	return nil
}

// startRclone starts rclone as a release does, with the store's key and a secret.
func (s *shop) startRclone(secret string) (int, *started, error) {
	port, err := freePort()
	if err != nil {
		return 0, nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	rclone, err := start(s.folder, []string{
		"RCLONE_RC_ADDR=" + address, "RCLONE_RC_SERVE=true", "RCLONE_RC_USER=line", "RCLONE_RC_PASS=pass", "RCLONE_CONFIG=/notfound",
		"RCLONE_CONTIMEOUT=10s", "RCLONE_TIMEOUT=1m", "RCLONE_LOW_LEVEL_RETRIES=3", "RCLONE_RETRIES=1", "RCLONE_USE_SERVER_MODTIME=true",
		"RCLONE_S3_NO_CHECK_BUCKET=true", "RCLONE_CONFIG_STORE_TYPE=s3", "RCLONE_CONFIG_STORE_PROVIDER=Other", "RCLONE_CONFIG_STORE_ENDPOINT=" + s.at,
		"RCLONE_CONFIG_STORE_ACCESS_KEY_ID=" + shopKey, "RCLONE_CONFIG_STORE_SECRET_ACCESS_KEY=" + secret,
	}, s.site.Machine.TestProgram("rclone"), "rcd")
	if err != nil {
		return 0, nil, err
	}
	return port, rclone, listens(rclone, address)
}

// close ends what was started.
func (s *shop) close() {
	for _, program := range []*started{s.rclone, s.server} {
		if program != nil {
			syscall.Kill(-program.cmd.Process.Pid, syscall.SIGKILL)
			<-program.ended
		}
	}
	if s.front != nil {
		s.front.Close()
	}
}

// client is the store as a release sees it, through an rclone.
func (s *shop) client(port int) *objectstore.Client {
	return &objectstore.Client{
		URL: fmt.Sprintf("http://127.0.0.1:%d", port), User: "line", Password: "pass", At: "store:models/", Model: s.model,
	}
}

// do carries out one word, such as "push a" or "canary 10", through an rclone.
func (s *shop) do(ctx context.Context, port int, words string) error {
	client := s.client(port)
	word, rest, _ := strings.Cut(words, " ")
	order := release.Order{Action: release.Action(word), By: "ann", At: time.Now(), Reason: "a drill"}
	var lineage map[string][]byte
	switch order.Action {
	case release.Push:
		candidate, err := s.candidate(ctx, rest)
		if err != nil {
			return err
		}
		order.Candidate = candidate
		lineage = map[string][]byte{"attestation.json": []byte(candidate.Digest), "manifest.json": []byte("{}")}
	case release.SetCanary:
		if _, err := fmt.Sscan(rest, &order.Percent); err != nil {
			return err
		}
	case release.Promote:
		order.Approvals = []release.Approval{{SchemaVersion: 1, Model: shopModel, Digest: digestOf(rest), By: "bea", At: time.Now()}}
	}
	_, err := s.book(client).Do(ctx, order, lineage)
	return err
}

func (s *shop) book(store release.Store) release.Book {
	return release.Book{
		Store: store, Model: shopModel, Base: "/models", Policy: release.Policy{Approvals: 1, Expiry: time.Hour, CanaryFirst: true},
		Verify: func(envelope []byte) (string, bool, string, error) { return string(envelope), true, "", nil },
	}
}

func digestOf(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// candidate writes a model that a letter decides, and has it measured as a release does.
func (s *shop) candidate(ctx context.Context, letter string) (release.Candidate, error) {
	if err := os.RemoveAll(s.model); err != nil {
		return release.Candidate{}, err
	}
	for name, content := range map[string]string{
		"saved_model.pb": "graph " + letter, "variables/variables.index": letter, "variables/variables.data-00000-of-00001": strings.Repeat(letter, 1<<20),
	} {
		path := filepath.Join(s.model, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return release.Candidate{}, err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return release.Candidate{}, err
		}
	}
	client := s.client(s.ports.rclone)
	hashes, err := client.ModelHashes(ctx)
	if err != nil {
		return release.Candidate{}, err
	}
	sizes, err := client.ModelSizes(ctx)
	candidate := release.Candidate{Digest: digestOf(letter), Files: map[string]release.File{}}
	for name, hash := range hashes {
		candidate.Files[name] = release.File{Size: sizes[name], Sha256: hash}
	}
	return candidate, err
}

// object is where the server keeps an object.
func (s *shop) object(name string) string {
	return filepath.Join(s.folder, "objects", "models", name)
}

// state is a digest of all that says what is served and why: the state, the history, the configurations.
func (s *shop) state() (string, error) {
	var all strings.Builder
	for _, name := range []string{shopModel + "/state.json", shopModel + "/history", "models.config", "_test"} {
		digest, err := tree(s.object(name))
		if err != nil {
			return "", err
		}
		fmt.Fprintln(&all, name, digest)
	}
	return all.String(), nil
}

// complete holds that the history is whole, has so many records, and leads to versions whose files are those that were pushed.
func (s *shop) complete(ctx context.Context, records int) error {
	client := s.client(s.ports.rclone)
	found, err := s.book(client).History(ctx)
	if err != nil {
		return fmt.Errorf("the history: %w", err)
	}
	if len(found) != records {
		return fmt.Errorf("the history has %d records, want %d:\n%s", len(found), records, release.HistoryTable(found))
	}
	for _, record := range found {
		if record.Pushed == nil {
			continue
		}
		hashes, err := client.Hashes(ctx, fmt.Sprintf("%s/%d", shopModel, record.Version))
		if err != nil {
			return err
		}
		for name, file := range record.Pushed.Files {
			if hashes[name] != file.Sha256 {
				return fmt.Errorf("%s of version %d is not the one that was pushed", name, record.Version)
			}
		}
	}
	locks, err := client.List(ctx, "_locks")
	if err == nil && len(locks) > 0 {
		err = fmt.Errorf("%d locks are left in the store", len(locks))
	}
	return err
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// listens waits until a program listens at an address.
func listens(program *started, address string) error {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline) && program.running(); time.Sleep(50 * time.Millisecond) {
		if connection, err := net.DialTimeout("tcp", address, time.Second); err == nil {
			connection.Close()
			return nil
		}
	}
	return errors.New(filepath.Base(program.cmd.Path) + " does not listen: " + program.stdout.String() + program.stderr.String())
}
