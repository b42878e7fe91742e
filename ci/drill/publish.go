package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
	"dagger/tensorflow-ci/ociimage"
)

const published = "drill/phishing"

// publishDrill kills the engine while layers of an image are on their way to a registry.
func publishDrill() Drill {
	return Drill{Name: "engine-publish", Fault: "engine killed during publish", run: func(ctx context.Context, site *Site) (Account, error) {
		if err := ours(site); err != nil {
			return Account{}, err
		}
		if err := site.prepare(ctx); err != nil {
			return Account{}, err
		}
		target, err := openTarget(ctx, site)
		if err != nil {
			return Account{}, err
		}
		defer target.close()
		return target.killed(ctx, site)
	}}
}

// target is a registry that takes an image, and nothing else.
type target struct {
	address string // as the engine's containers reach it
	folder  string // where it keeps what it is sent
	program *started
}

// openTarget starts Debian's registry on the Docker bridge.
func openTarget(ctx context.Context, site *Site) (*target, error) {
	gateway, err := setup.BridgeAddress(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	t := &target{address: net.JoinHostPort(gateway, strconv.Itoa(port)), folder: filepath.Join(site.Folder, "target")}
	settings := filepath.Join(site.Folder, "target.yml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: warn}\nstorage:\n  filesystem: {rootdirectory: %q}\nhttp: {addr: %q}\n", t.folder, t.address)
	if err := os.WriteFile(settings, []byte(text), 0o644); err != nil {
		return nil, err
	}
	if t.program, err = start(site.Folder, nil, "docker-registry", "serve", settings); err != nil {
		return nil, notDone{"a registry cannot be started here: " + err.Error()}
	}
	if err := listens(t.program, t.address); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (t *target) close() {
	t.program.stop()
	os.RemoveAll(t.folder)
}

// killed publishes, kills the engine in the middle of it, and publishes again.
func (t *target) killed(ctx context.Context, site *Site) (Account, error) {
	call, err := t.call(ctx, site)
	if err != nil {
		return Account{}, err
	}
	calling, stop := context.WithCancel(ctx)
	defer stop()
	publish := make(chan error, 1)
	var log proc.Lines
	go func() { publish <- call.Run(calling, &log, func(string) {}) }()
	for len(t.uploads()) == 0 {
		select {
		case err := <-publish:
			return Account{}, fmt.Errorf("publishing ended before a layer was on its way: %w\n%s", err, dagger.Message(log.String()))
		case <-time.After(20 * time.Millisecond):
		}
	}
	if _, err := killEngine(ctx, site, nil); err != nil {
		return Account{}, err
	}
	var account Account
	select {
	case err = <-publish:
		account.Saw = dagger.Message(log.String())
	case <-time.After(20 * time.Second):
		stop() // as the user's Ctrl-C, or the time limit of a job, does
		err = <-publish
		account.Saw = "nothing: the CLI, called by itself, waits for the engine that is gone; interrupted after 20 s"
	}
	if err == nil {
		return account, errors.New("publishing ends well, in spite of the fault")
	}
	if account.Saw == "" {
		account.Saw = strings.TrimSpace(lastLine(log.String()))
	}
	there, err := t.image(ctx)
	if err == nil && there != "" {
		err = fmt.Errorf("publishing failed, and the registry has the tag all the same, with %s", there)
	}
	if err != nil {
		return account, err
	}
	var reference strings.Builder
	call.Out = &reference
	account.Recover, err = timed(func() error {
		if _, err := site.succeed(ctx, "up"); err != nil {
			return err
		}
		var again proc.Lines
		if err := call.Run(ctx, &again, func(string) {}); err != nil {
			return fmt.Errorf("publishing, repeated, fails: %w: %s", err, dagger.Message(again.String()))
		}
		return nil
	})
	if err != nil {
		return account, err
	}
	there, err = t.image(ctx)
	if said := strings.TrimSpace(reference.String()); err == nil && (there == "" || !strings.HasSuffix(said, "@"+there)) {
		err = fmt.Errorf("publishing, repeated, says %q, and the registry has %q", said, there)
	}
	return account, err
}

// call publishes the sample project's training image.
func (t *target) call(ctx context.Context, site *Site) (dagger.Call, error) {
	database, err := site.Machine.ScanDatabase(ctx)
	return dagger.Call{
		CLI: site.Machine.CLI(), Module: site.Machine.Repository, Env: site.Machine.Environment(),
		Args: []string{
			"--source", filepath.Join(site.Machine.Repository, sample), "--set", "scan.database=" + database,
			"publish", "--address", t.address + "/" + published + ":1",
		},
	}, err
}

// uploads are the layers that the registry has a part of.
func (t *target) uploads() []string {
	found, _ := filepath.Glob(filepath.Join(t.folder, "docker", "registry", "v2", "repositories", published, "_uploads", "*", "data"))
	return found
}

// image is the digest that the registry has for the tag, "" for none; that all its layers are there is checked.
func (t *target) image(ctx context.Context) (string, error) {
	answer, err := t.ask(ctx, http.MethodGet, "/manifests/1")
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return "", nil
	}
	var manifest ociimage.Manifest
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("the published manifest: the registry answers %s", answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(&manifest); err != nil {
		return "", fmt.Errorf("the published manifest: %w", err)
	}
	for _, part := range append(manifest.Layers, manifest.Config) {
		found, err := t.ask(ctx, http.MethodHead, "/blobs/"+part.Digest)
		if err != nil {
			return "", err
		}
		found.Body.Close()
		if found.StatusCode != http.StatusOK || found.ContentLength != part.Size {
			return "", fmt.Errorf("the published manifest names %s of %d bytes, and the registry answers %s with %d", part.Digest, part.Size, found.Status, found.ContentLength)
		}
	}
	return answer.Header.Get("Docker-Content-Digest"), nil
}

func (t *target) ask(ctx context.Context, method, path string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+t.address+"/v2/"+published+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // without a proxy
	return client.Do(request)
}

// lastLine is the last line of an output that says something.
func lastLine(text string) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return all[len(all)-1]
}
