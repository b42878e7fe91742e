package drill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"dagger/tensorflow-ci/ci/dagger"
	"dagger/tensorflow-ci/ci/host"
	"dagger/tensorflow-ci/ci/proc"
	"dagger/tensorflow-ci/ci/setup"
)

// checkpointEngine is the second engine's container, and the volume with its state.
const checkpointEngine = "tensorflow-ci-checkpoints"

// pauses makes the sample's training wait after some epochs, to be killed between two. The model stays the same.
const pauses = `
import time

from src import checkpoint

_keep = checkpoint.Checkpoints.on_epoch_end


def _keep_and_wait(self, epoch, logs=None):
    _keep(self, epoch, logs)
    if 9 <= epoch < 14:
        time.sleep(4)


checkpoint.Checkpoints.on_epoch_end = _keep_and_wait


`

// checkpointDrills kill an engine in mid-training, whose checkpoints go to a store outside of it.
func checkpointDrills() []Drill {
	return []Drill{
		checkpointDrill("checkpoints", "engine killed during train, checkpoints in a store", false),
		checkpointDrill("checkpoints-disk", "engine and its disk lost during train, checkpoints in a store", true),
	}
}

// checkpointDrill kills a second engine. It is started again with its state as that is after the kill, or with none.
func checkpointDrill(name, fault string, diskLost bool) Drill {
	return Drill{Name: name, Fault: fault, run: func(ctx context.Context, site *Site) (account Account, err error) {
		if err := ours(site); err != nil {
			return account, err
		}
		if err := site.prepare(ctx); err != nil {
			return account, err
		}
		kept, err := openKept(ctx, site)
		if err != nil {
			return account, err
		}
		defer func() { err = errors.Join(err, kept.close(context.WithoutCancel(ctx))) }()
		return kept.killed(ctx, site, diskLost)
	}}
}

// kept is a store for checkpoints outside of the engine, and the engine that is killed.
type kept struct {
	address string // of the S3 server, as containers reach it
	folder  string // where the server keeps the objects
	project string
	config  string // rclone.conf
	like    string // container of the engine that the killed one is made like
	server  *started
	engine  func(context.Context) error // removes the engine's container; nil while there is none
}

func openKept(ctx context.Context, site *Site) (_ *kept, err error) {
	if _, err := os.Stat(site.Machine.TestProgram("versitygw")); err != nil {
		return nil, notDone{"there is no versitygw here: " + err.Error()}
	}
	gateway, err := setup.BridgeAddress(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	k := &kept{
		address: net.JoinHostPort(gateway, strconv.Itoa(port)), folder: filepath.Join(site.Folder, "checkpoints"),
		like: site.Machine.EngineContainer(),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close(context.WithoutCancel(ctx)))
		}
	}()
	for _, name := range []string{"objects/models", "side"} {
		if err := os.MkdirAll(filepath.Join(k.folder, name), 0o755); err != nil {
			return nil, err
		}
	}
	keys := []string{"ROOT_ACCESS_KEY=" + shopKey, "ROOT_SECRET_KEY=" + shopSecret}
	k.server, err = start(k.folder, keys, site.Machine.TestProgram("versitygw"), "--port", k.address, "posix",
		"--sidecar", filepath.Join(k.folder, "side"), filepath.Join(k.folder, "objects"))
	if err != nil {
		return nil, err
	}
	if err := listens(k.server, k.address); err != nil {
		return nil, err
	}
	k.config = filepath.Join(k.folder, "rclone.conf")
	text := "[s3]\ntype = s3\nprovider = Other\nendpoint = http://" + k.address + "\n" +
		"access_key_id = " + shopKey + "\nsecret_access_key = " + shopSecret + "\n"
	if err := os.WriteFile(k.config, []byte(text), 0o600); err != nil {
		return nil, err
	}
	if k.project, err = site.project(training); err != nil {
		return nil, err
	}
	script := filepath.Join(k.project, "train.py")
	code, err := os.ReadFile(script)
	if err != nil {
		return nil, err
	}
	const guard = "if __name__ == \"__main__\":\n"
	return k, os.WriteFile(script, []byte(strings.Replace(string(code), guard, pauses+guard, 1)), 0o644)
}

// close ends what was started and removes what it left.
func (k *kept) close(ctx context.Context) error {
	var failed []error
	if k.engine != nil {
		failed = append(failed, k.engine(ctx))
	}
	if k.server != nil {
		_ = syscall.Kill(-k.server.cmd.Process.Pid, syscall.SIGKILL)
		<-k.server.ended
	}
	failed = append(failed, docker("volume", "rm", "--force", checkpointEngine).Run(ctx, io.Discard))
	failed = append(failed, os.RemoveAll(k.folder))
	if k.project != "" {
		failed = append(failed, os.RemoveAll(k.project))
	}
	return errors.Join(failed...)
}

// startEngine starts the second engine with what its volume holds.
func (k *kept) startEngine(ctx context.Context) (err error) {
	k.engine, err = setup.SecondEngine(ctx, k.like, checkpointEngine, checkpointEngine)
	return err
}

// killed trains, kills the engine when a checkpoint is in the store, and trains again.
func (k *kept) killed(ctx context.Context, site *Site, diskLost bool) (account Account, err error) {
	if err := k.startEngine(ctx); err != nil {
		return account, err
	}
	if account.Saw, err = k.interrupted(ctx, site); err != nil {
		return account, err
	}
	if err := k.engine(ctx); err != nil {
		return account, err
	}
	k.engine = nil
	if diskLost {
		if err := docker("volume", "rm", checkpointEngine).Run(ctx, io.Discard); err != nil {
			return account, fmt.Errorf("the engine's volume: %w", err)
		}
	}
	var manifest strings.Builder
	var log proc.Lines
	account.Recover, err = timed(func() error {
		if err := k.startEngine(ctx); err != nil {
			return err
		}
		call := k.call(site)
		call.Out = &manifest
		bounded, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("it hangs: it still ran after %s", patience))
		defer cancel()
		if err := call.Run(bounded, &log, func(string) {}); err != nil {
			return fmt.Errorf("the training, repeated, fails: %w: %s", err, dagger.Message(log.String()))
		}
		return nil
	})
	if err != nil {
		return account, err
	}
	if diskLost && !strings.Contains(log.String(), "of an interrupted run from s3://models/drill/") {
		return account, errors.New("the training, repeated, does not say that it restored anything from the store")
	}
	if err := goneOn(manifest.String(), site.digest); err != nil {
		return account, err
	}
	if left := k.objects("*"); len(left) > 0 {
		return account, fmt.Errorf("after the training ended well the store still has %s", strings.Join(left, " "))
	}
	return account, nil
}

// goneOn holds a manifest against that of a training which was resumed and made the model that is wanted.
func goneOn(text, digest string) error {
	var manifest struct {
		CanonicalDigest string
		Parameters      struct{ Resumed bool }
	}
	if err := json.Unmarshal([]byte(text), &manifest); err != nil {
		return fmt.Errorf("the manifest of the repeated training: %w", err)
	}
	switch {
	case !manifest.Parameters.Resumed:
		return errors.New("the training, repeated, began at the beginning")
	case manifest.CanonicalDigest != digest:
		return fmt.Errorf("the model is %s, of an undisturbed run %s", manifest.CanonicalDigest, digest)
	}
	return nil
}

// interrupted trains until the store has a checkpoint and kills the engine; it gives what the user saw.
func (k *kept) interrupted(ctx context.Context, site *Site) (saw string, err error) {
	calling, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	var log proc.Lines
	go func() { ended <- k.call(site).Run(calling, &log, func(string) {}) }()
	for deadline := time.Now().Add(patience); len(k.objects("*.json")) == 0; {
		select {
		case err := <-ended:
			return "", fmt.Errorf("the training ended before a checkpoint was in the store: %w\n%s",
				err, dagger.Message(log.String()))
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return "", fmt.Errorf("within %s no checkpoint came to the store:\n%s", patience, log.String())
		}
	}
	if err := docker("kill", checkpointEngine).Run(ctx, io.Discard); err != nil {
		return "", err
	}
	select {
	case err = <-ended:
		saw = dagger.Message(log.String())
	case <-time.After(20 * time.Second):
		stop() // as the user's Ctrl-C, or the time limit of a job, does
		err = <-ended
		saw = "nothing: the CLI, called by itself, waits for the engine that is gone; interrupted after 20 s"
	}
	if err == nil {
		return "", errors.New("the training ends well, in spite of the fault")
	}
	if saw == "" {
		saw = strings.TrimSpace(lastLine(log.String()))
	}
	return saw, nil
}

// objects are those in the store's folder of the one training, by a pattern of their names.
func (k *kept) objects(pattern string) []string {
	found, _ := filepath.Glob(filepath.Join(k.folder, "objects", "models", "drill", "*", pattern))
	return found
}

// call trains on the second engine.
func (k *kept) call(site *Site) dagger.Call {
	return dagger.Call{
		CLI: site.Machine.CLI(), Module: site.Machine.Repository, Logs: true,
		Env: []string{host.EngineVariable + "=container://" + checkpointEngine},
		Args: []string{
			"--source", k.project, "--set", "train.checkpoints=s3://models/drill",
			"--checkpoint-config", "file:" + k.config, "train", "manifest", "contents",
		},
	}
}
