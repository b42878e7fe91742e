package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

func (t *Tests) releaseDamage(ctx context.Context) error {
	outputs, digests, key, err := models(ctx)
	if err != nil {
		return err
	}
	server, err := startS3(ctx, "damage", 0)
	if err != nil {
		return err
	}
	defer server.stop(ctx)
	options := server.store("team")
	options.PublicKey = key
	open := func() *dagger.TensorflowCiRelease { return line(tiny(), servesAtOnce).Release(options) }
	if err := toCanary(ctx, open, outputs); err != nil {
		return err
	}
	before, err := server.read(ctx, "team/tiny/state.json")
	if err != nil {
		return err
	}
	promote := func() error {
		_, err := open().Promote(ctx, dagger.TensorflowCiReleasePromoteOpts{Approval: []*dagger.File{approval("bea", digests[1], time.Now())}})
		return err
	}
	// Somebody else is at work.
	lock := fmt.Sprintf(`{"by": "carl", "action": "rollback", "model": "tiny", "since": %q, "holds": true}`, time.Now().UTC().Format(time.RFC3339))
	planted := dag.Directory().WithNewFile("carl.json", lock)
	if _, err := server.rclone(ctx, planted, "copy", "/planted", "store:models/team/_locks"); err != nil {
		return err
	}
	if err := refused(promote(), "another transition is running: rollback of tiny by carl"); err != nil {
		return err
	}
	if err := server.remove(ctx, "team/_locks/carl.json"); err != nil {
		return err
	}
	// An object goes.
	if err := server.remove(ctx, "team/tiny/2/saved_model.pb"); err != nil {
		return err
	}
	if err := refused(promote(), "promote of tiny 2 refused", "saved_model.pb is gone", "push the model again"); err != nil {
		return err
	}
	after, err := server.read(ctx, "team/tiny/state.json")
	if err != nil || before != after {
		return fmt.Errorf("the state was %s and is %s (%v)", before, after, err)
	}
	text, err := open().Push(ctx, outputs[1])
	if err := said(text, err, "this model was pushed already", "are put back"); err != nil {
		return err
	}
	// The pointer goes: the history knows.
	if err := server.remove(ctx, "team/tiny/state.json"); err != nil {
		return err
	}
	if err := promote(); err != nil {
		return err
	}
	// A record goes.
	if err := server.remove(ctx, "team/tiny/history/0002.json"); err != nil {
		return err
	}
	_, err = open().Push(ctx, outputs[0])
	return refused(err, "the history has lost 0002.json")
}

func (t *Tests) releaseFaults(ctx context.Context) error {
	output, _, err := released(ctx, tiny(), nil)
	if err != nil {
		return err
	}
	server, err := startS3(ctx, "faults", 0)
	if err != nil {
		return err
	}
	defer server.stop(ctx)
	small, err := startS3(ctx, "full", 40_000)
	if err != nil {
		return err
	}
	defer small.stop(ctx)
	for _, fault := range []struct {
		name    string
		options dagger.TensorflowCiReleaseOpts
		change  func(*dagger.TensorflowCiReleaseOpts)
		want    []string
	}{
		{"wrong credentials", server.store("x"), func(o *dagger.TensorflowCiReleaseOpts) {
			o.SecretKey = dag.SetSecret("store-wrong", "wrong-planted-secret")
		}, []string{"the store refuses the credentials"}},
		{"half the credentials", server.store("x"), func(o *dagger.TensorflowCiReleaseOpts) { o.SecretKey = nil }, []string{"--access-key and --secret-key go together"}},
		{"no such bucket", server.store("x"), func(o *dagger.TensorflowCiReleaseOpts) { o.Store = "s3://elsewhere/x" }, []string{"there is no such bucket"}},
		{"unreachable", server.store("x"), func(o *dagger.TensorflowCiReleaseOpts) { o.Endpoint = "http://127.0.0.1:1" }, []string{"the store cannot be reached"}},
		{"full", small.store("x"), func(*dagger.TensorflowCiReleaseOpts) {}, []string{"nothing points at what is there"}},
		{"a config for another store", server.store("x"), func(o *dagger.TensorflowCiReleaseOpts) {
			o.StoreConfig = dag.SetSecret("store-config", "[drive]\ntype = drive\n")
		}, []string{`has no remote of the type "s3"`}},
	} {
		fault.change(&fault.options)
		_, err := line(tiny()).Release(fault.options).Push(ctx, output)
		if err := refused(err, fault.want...); err != nil {
			return fmt.Errorf("%s: %w", fault.name, err)
		}
		if strings.Contains(err.Error(), "planted-secret") {
			return fmt.Errorf("%s: the message shows the secret: %w", fault.name, err)
		}
	}
	// By a file, as rclone's users have it.
	options := server.store("by-file")
	options.AccessKey, options.SecretKey = nil, nil
	options.StoreConfig = dag.SetSecret("store-config-right", fmt.Sprintf(
		"[ours]\ntype = s3\nprovider = Other\nendpoint = %s\naccess_key_id = %s\nsecret_access_key = %s\n", server.endpoint, storeKey, storeSecret))
	text, err := line(tiny()).Release(options).Push(ctx, output)
	return said(text, err, "tiny 1: pushed")
}
