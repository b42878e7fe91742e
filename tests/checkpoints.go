package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"dagger/tests/internal/dagger"
)

// losesEngine trains as on an engine that is killed and loses its volumes. It waits until the checkpoint is in the
// store, empties the volume, and kills the first process of the container.
//
// A training that finds the checkpoint goes on.
const losesEngine = `
import glob, signal, time, urllib.request
if not mark.exists():
    mark.write_text("1")
    try:
        while b"mark" not in urllib.request.urlopen("http://checkpoints:8472/newest", timeout=60).read():
            time.sleep(0.5)
    except OSError:
        pass  # there is no store
    mark.unlink()
    first = {"keepcheckpoints.py", "launch.py"}
    for found in sorted(glob.glob("/proc/[0-9]*/cmdline"), key=lambda path: int(path.split("/")[2])):
        words = open(found).read().split("\0")
        if len(words) > 1 and os.path.basename(words[1]) in first:
            os.kill(int(found.split("/")[2]), signal.SIGKILL)
            time.sleep(60)
`

// searches looks for two texts wherever a process of the training can read: one it must find, in a file of the project.
// Then it asks the store's service for more than a training should have, and tries to write elsewhere in the bucket.
const searches = `
import glob, http.client, socket
def everywhere():
    yield from os.environ.values()
    for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + ["/proc/self/mountinfo"]:
        try:
            yield open(path, errors="replace").read()
        except OSError:
            pass
    for root, folders, names in os.walk("/"):
        skipped = ("/proc", "/sys", "/usr/lib", "/usr/local/lib")
        folders[:] = [name for name in folders if os.path.join(root, name) not in skipped]
        for name in names:
            path = os.path.join(root, name)
            try:
                if os.path.isfile(path) and os.path.getsize(path) < 1 << 20:
                    yield open(path, errors="replace").read()
            except OSError:
                pass
def ask(method, path, body=None):
    connection = http.client.HTTPConnection("checkpoints", 8472, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except OSError as error:
        return 0, str(error)
    finally:
        connection.close()
def listens(port):
    with socket.socket() as tried:
        tried.settimeout(2)
        return tried.connect_ex((address, port)) == 0
control, secret = "-".join(["to", "be", "found"]), "-".join(["store", "planted", "secret"])
texts = list(everywhere())
if not any(control in text for text in texts):
    raise SystemExit("the search finds nothing")
if any(secret in text for text in texts):
    raise SystemExit("the search finds the secret of the store")
answers = [ask(method, path, body) for method, path, body in [
    ("GET", "/", None), ("GET", "/newest", None), ("GET", "/rclone.conf", None), ("GET", "/files//rclone.conf", None),
    ("GET", "/files/../../../rclone.conf", None), ("GET", "/files/%2e%2e%2f%2e%2e%2frclone.conf", None),
    ("GET", "/config/dump", None), ("POST", "/config/dump", b"{}"), ("POST", "/state", b"{"), ("DELETE", "/x", None),
    ("PUT", "/files/../../elsewhere", b"x"), ("PUT", "/files/" + "0" * 64, b"x"), ("PUT", "/elsewhere", b"x"),
    ("POST", "/state", b'{"files": [{"path": "x", "sha256": "../../elsewhere", "size": 1, "mtime": 1}]}'),
]]
if ask("GET", "/newest")[0] != 200:
    raise SystemExit(f"the service does not answer any more: {answers}")
if any(secret in text for _, text in answers):
    raise SystemExit(f"the service gives the secret away: {answers}")
if good := [answer for answer in answers if answer[0] == 200 and "state" not in answer[1]]:
    raise SystemExit(f"the service does more than it should: {good}")
address = socket.gethostbyname("checkpoints")
if (ports := [port for port in range(1, 20000) if listens(port)]) != [8472]:
    raise SystemExit(f"where the service is these ports listen: {ports}")
`

// checkpoints: what a training keeps in a store outlives the engine, for the same inputs only. The training never has
// the store's credentials.
func (t *Tests) checkpoints() []check {
	const setting = "train.checkpoints=s3://models/kept/here"
	project := func(code string) *dagger.Directory {
		return fresh(tiny().WithNewFile("train.py", takesCheckpoints(code)))
	}
	bound := func(project *dagger.Directory, endpoint, secret string, set ...string) *dagger.TensorflowCi {
		text := "[s3]\ntype = s3\nprovider = Other\nendpoint = " + endpoint + "\n" +
			"access_key_id = " + storeKey + "\nsecret_access_key = " + secret + "\n"
		return dag.TensorflowCi(dagger.TensorflowCiOpts{
			Source: project, Set: slices.Concat(always, []string{setting}, set),
			CheckpointConfig: dag.SetSecret("checkpoint-config-"+secret+endpoint, text),
		})
	}
	const trained = "raise SystemExit('it was trained')\n"
	untrained := func(err error, parts ...string) error {
		if err := refused(err, parts...); err != nil {
			return err
		}
		if strings.Contains(err.Error(), "it was trained") {
			return fmt.Errorf("the training began: %w", err)
		}
		return nil
	}
	checks := []check{
		{"checkpoints/without credentials nothing is trained", func(ctx context.Context) error {
			_, err := line(project(trained), setting).Train().SavedModel().Sync(ctx)
			return untrained(err, "train.checkpoints is s3://models/kept/here", "--checkpoint-config", "[s3]")
		}},
		{"checkpoints/a configuration for another kind of store", func(ctx context.Context) error {
			other := bound(project(trained), "http://127.0.0.1:9", "x", "train.checkpoints=gs://models")
			_, err := other.Train().SavedModel().Sync(ctx)
			return untrained(err, "--checkpoint-config has no section [gs]")
		}},
		{"checkpoints/a place in the engine is refused", func(ctx context.Context) error {
			_, err := line(project(trained), "train.checkpoints=file:///kept").Train().SavedModel().Sync(ctx)
			return untrained(err, "train.checkpoints", "lies in the engine")
		}},
		{"checkpoints/a project that keeps none, and several workers", func(ctx context.Context) error {
			_, err := bound(fresh(tiny()), "http://127.0.0.1:9", "x").Train().SavedModel().Sync(ctx)
			if err := untrained(err, "no Python file of the project takes --checkpoint-dir"); err != nil {
				return err
			}
			_, err = bound(project(trained), "http://127.0.0.1:9", "x", "train.workers=2").Train().SavedModel().Sync(ctx)
			return untrained(err, "train.workers is 2: several workers keep no checkpoints")
		}},
		{"checkpoints/without a store an engine that is killed begins at the beginning", func(ctx context.Context) error {
			lost := project(losesEngine)
			for range 2 {
				_, err := line(again(lost)).Train().SavedModel().Sync(ctx)
				if err := refused(err, "status 137"); err != nil {
					return err
				}
			}
			return nil
		}},
	}
	if t.Database == "" {
		return checks // no registry of this machine, and so perhaps no image of a server
	}
	kept := func(ctx context.Context, server *s3Server) (string, error) {
		text, err := server.rclone(ctx, dag.Directory(), "lsjson", "--recursive", "--files-only", "store:models")
		return strings.Trim(text, "[]\n "), err
	}
	return append(checks,
		check{"checkpoints/a store that fails is told before training", func(ctx context.Context) error {
			_, err := bound(project(trained), "http://127.0.0.1:9", storeSecret).Train().SavedModel().Sync(ctx)
			const unreachable = "the store cannot be reached: is the endpoint in --checkpoint-config right"
			if err := untrained(err, "train.checkpoints s3://models/kept/here/", unreachable); err != nil {
				return err
			}
			server, err := startS3(ctx, "checkpoints refused", 0)
			if err != nil {
				return err
			}
			defer server.stop(ctx)
			_, err = bound(project(trained), server.endpoint, "wrong-planted-secret").Train().SavedModel().Sync(ctx)
			const denied = "the store refuses the credentials in --checkpoint-config"
			if err := untrained(err, "train.checkpoints s3://models/kept/here/", denied); err != nil {
				return err
			}
			absent := bound(project(trained), server.endpoint, storeSecret, "train.checkpoints=s3://absent/kept")
			_, err = absent.Train().SavedModel().Sync(ctx)
			if err := untrained(err, "train.checkpoints s3://absent/kept/", "there is no such bucket"); err != nil {
				return err
			}
			_, err = bound(project(trained), server.endpoint, storeSecret).Train().SavedModel().Sync(ctx)
			return refused(err, "it was trained")
		}},
		check{"checkpoints/goes on after a lost engine with the same inputs", func(ctx context.Context) error {
			server, err := startS3(ctx, "checkpoints resumed", 0)
			if err != nil {
				return err
			}
			defer server.stop(ctx)
			lost := project(losesEngine)
			for _, set := range []string{"train.seed=1", "train.seed=2"} {
				_, err := bound(again(lost), server.endpoint, storeSecret, set).Train().SavedModel().Sync(ctx)
				if err := refused(err, "status 137"); err != nil {
					return fmt.Errorf("%s: %w", set, err)
				}
			}
			files, err := kept(ctx, server)
			if err := wants(err, files, "kept/here/", ".json"); err != nil {
				return err
			}
			for _, set := range []string{"train.seed=1", "train.seed=2"} {
				if err := resumed(ctx, bound(again(lost), server.endpoint, storeSecret, set).Train(), true); err != nil {
					return fmt.Errorf("%s: %w", set, err)
				}
			}
			if files, err = kept(ctx, server); err == nil && strings.TrimSpace(files) != "" {
				err = fmt.Errorf("trainings that ended well left in the store: %s", files)
			}
			return err
		}},
		check{"checkpoints/a training reaches no credentials", func(ctx context.Context) error {
			server, err := startS3(ctx, "checkpoints attacked", 0)
			if err != nil {
				return err
			}
			defer server.stop(ctx)
			attacker := project(searches).WithNewFile("control.txt", "to-be-found\n")
			if _, err := bound(attacker, server.endpoint, storeSecret).Train().SavedModel().Sync(ctx); err != nil {
				return err
			}
			files, err := kept(ctx, server)
			if err == nil && strings.TrimSpace(files) != "" {
				err = fmt.Errorf("the attacker left in the bucket: %s", files)
			}
			return err
		}},
	)
}
