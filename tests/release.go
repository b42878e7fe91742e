package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// servesAtOnce is for servers that nobody waits for.
const servesAtOnce = "release.settle=0s"

// release: on a real S3 server, from the first push to a rollback, and everything that is refused on the way.
func (t *Tests) release() []check {
	return []check{
		{"release/from the first push to a rollback, on an S3 server", t.releasePath},
		{"release/what is refused changes nothing", t.releaseRefusals},
		{"release/what was changed behind its back", t.releaseDamage},
		{"release/a store that fails", t.releaseFaults},
		{"release/a folder of the engine, to try it out", t.releaseFolder},
		{"release/a model that is not what its manifest says", func(ctx context.Context) error {
			output, _, err := released(ctx, tiny(), nil)
			if err != nil {
				return err
			}
			store := dagger.TensorflowCiReleaseOpts{Store: "file:///tests-refused", By: "ann"}
			for _, bad := range []struct {
				model *dagger.Directory
				want  []string
			}{
				{output.WithNewFile("model/assets/added.txt", "x"), []string{"it was changed after the run that made it"}},
				{output.WithoutFile("manifest.json"), []string{"want the output of run: model/ and manifest.json"}},
				{output.Directory("model"), []string{"want the output of run"}},
				{output.WithNewFile("manifest.json", "{}"), []string{"manifest.json has no schemaVersion"}},
			} {
				_, err := line(tiny()).Release(store).Push(ctx, bad.model)
				if err := refused(err, append(bad.want, "push")...); err != nil {
					return err
				}
			}
			_, err = line(tiny(), "model=other").Release(store).Push(ctx, output)
			return refused(err, `the manifest is of the model "tiny"`, `this project's is called "other"`)
		}},
		{"release/stores that are none", func(ctx context.Context) error {
			for address, want := range map[string]string{
				"": "no store is named", "/srv/models": "is no address", "s3://key:secret@models/x": "holds a user or a password", "ftp://x/y": "kind that is not known",
			} {
				_, err := line(tiny()).Release(dagger.TensorflowCiReleaseOpts{Store: address, By: "ann"}).Status(ctx)
				if err := refused(err, want); err != nil {
					return fmt.Errorf("%q: %w", address, err)
				}
			}
			return nil
		}},
	}
}

// approval is what approve makes, by hand: for whom, of which model, when.
func approval(by, digest string, at time.Time) *dagger.File {
	text, _ := json.Marshal(map[string]any{
		"schemaVersion": 1, "model": "tiny", "canonicalDigest": digest, "by": by, "at": at.UTC().Format(time.RFC3339),
	})
	return file("approval.json", string(text))
}

// models are two signed models, the second trained for longer.
func models(ctx context.Context) (outputs [2]*dagger.Directory, digests [2]string, key *dagger.File, err error) {
	by := signerOf("the tests")
	for at := range outputs {
		if outputs[at], digests[at], err = released(ctx, tiny(), &by, fmt.Sprintf("train.args.epochs=%d", at+1)); err != nil {
			return
		}
	}
	key, err = by.public()
	return
}

// said wants a call to succeed and to say each of parts.
func said(text string, err error, parts ...string) error {
	if err != nil {
		return err
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return fmt.Errorf("it does not say %q; it says: %s", part, text)
		}
	}
	return nil
}

// toCanary brings one model into production and makes the other a canary.
func toCanary(ctx context.Context, open func() *dagger.TensorflowCiRelease, outputs [2]*dagger.Directory) error {
	text, err := open().Push(ctx, outputs[0])
	if err := said(text, err, "tiny 1: pushed"); err != nil {
		return err
	}
	text, err = open().DeployTest(ctx)
	if err := said(text, err, "tiny 1: pushed → test"); err != nil {
		return err
	}
	approved, err := open().Approve("bea").Sync(ctx)
	if err != nil {
		return err
	}
	text, err = open().Promote(ctx, dagger.TensorflowCiReleasePromoteOpts{Approval: []*dagger.File{approved}})
	if err := said(text, err, "tiny 1: test → production"); err != nil {
		return err
	}
	text, err = open().Push(ctx, outputs[1])
	if err := said(text, err, "tiny 2: pushed"); err != nil {
		return err
	}
	text, err = open().DeployTest(ctx)
	if err := said(text, err, "tiny 2: pushed → test"); err != nil {
		return err
	}
	text, err = open().Canary(ctx)
	return said(text, err, "tiny 2: test → canary (10 % of the traffic)")
}

func (t *Tests) releasePath(ctx context.Context) error {
	outputs, _, key, err := models(ctx)
	if err != nil {
		return err
	}
	server, err := startS3(ctx, "path", 0)
	if err != nil {
		return err
	}
	defer server.stop(ctx)
	options := server.store("team")
	options.PublicKey, options.PipelineURL = key, "https://ci.example.com/pipelines/7"
	open := func() *dagger.TensorflowCiRelease { return line(tiny(), servesAtOnce).Release(options) }
	if err := toCanary(ctx, open, outputs); err != nil {
		return err
	}
	text, err := server.read(ctx, "team/models.config")
	if err := said(text, err, "versions: 1", "versions: 2", `key: "stable"`, `key: "canary"`, `base_path: "/models/tiny"`); err != nil {
		return err
	}
	text, err = open().Canary(ctx, dagger.TensorflowCiReleaseCanaryOpts{Percent: 100})
	if err := said(text, err, "tiny 2: canary (100 % of the traffic)"); err != nil {
		return err
	}
	text, err = open().Promote(ctx, dagger.TensorflowCiReleasePromoteOpts{Approval: []*dagger.File{open().Approve("bea")}})
	if err := said(text, err, "tiny 1: production → retired; tiny 2: canary → production"); err != nil {
		return err
	}
	for _, want := range []string{"tiny 2: production → rolled-back; tiny 1: retired → production", "nothing to do"} { // twice is once
		text, err = open().Rollback(ctx, "it answers wrongly")
		if err := said(text, err, want); err != nil {
			return err
		}
	}
	text, err = open().Status(ctx)
	if err := said(text, err, "1        production   100 %", "2        rolled-back"); err != nil {
		return err
	}
	text, err = server.read(ctx, "team/models.config")
	if err != nil || strings.Contains(text, "canary") || strings.Contains(text, "versions: 2") {
		return fmt.Errorf("after the rollback models.config is %s (%v)", text, err)
	}
	text, err = open().History(ctx)
	return said(text, err, "ann  tiny 1: pushed", "bea", "it answers wrongly", "https://ci.example.com/pipelines/7",
		"9   ", "tiny 2: production → rolled-back; tiny 1: retired → production")
}

func (t *Tests) releaseRefusals(ctx context.Context) error {
	outputs, digests, key, err := models(ctx)
	if err != nil {
		return err
	}
	unsigned, unsignedDigest, err := released(ctx, tiny(), nil, "train.args.epochs=3")
	if err != nil {
		return err
	}
	otherKey, err := signerOf("somebody else").public()
	if err != nil {
		return err
	}
	server, err := startS3(ctx, "refusals", 0)
	if err != nil {
		return err
	}
	defer server.stop(ctx)
	options := server.store("team")
	options.PublicKey = key
	open := func(set ...string) *dagger.TensorflowCiRelease {
		return line(tiny(), append(set, servesAtOnce)...).Release(options)
	}
	if err := toCanary(ctx, func() *dagger.TensorflowCiRelease { return open() }, outputs); err != nil {
		return err
	}
	before, err := open().State().Contents(ctx)
	if err != nil {
		return err
	}
	now := time.Now()
	promote := func(release *dagger.TensorflowCiRelease, approvals ...*dagger.File) error {
		_, err := release.Promote(ctx, dagger.TensorflowCiReleasePromoteOpts{Approval: approvals})
		return err
	}
	with := func(change func(*dagger.TensorflowCiReleaseOpts)) *dagger.TensorflowCiRelease {
		changed := options
		change(&changed)
		return line(tiny(), servesAtOnce, "release.four-eyes=true").Release(changed)
	}
	_, lone := open().Canary(ctx, dagger.TensorflowCiReleaseCanaryOpts{Percent: 101})
	_, nobody := with(func(o *dagger.TensorflowCiReleaseOpts) { o.By = "" }).Rollback(ctx, "x")
	_, silent := open().Rollback(ctx, " ")
	_, absent := open().DeployTest(ctx, dagger.TensorflowCiReleaseDeployTestOpts{Version: 9})
	for _, refusal := range []struct {
		name string
		err  error
		want []string
	}{
		{"no approval", promote(open()), []string{"promote of tiny 2 refused", "0 of 1 approvals"}},
		{"another digest", promote(open(), approval("bea", digests[0], now)), []string{"promote of tiny 2 refused", "bea approved another model"}},
		{"expired", promote(open(), approval("bea", digests[1], now.AddDate(0, 0, -4))), []string{"release.approval-expiry is 72h0m0s: ask again"}},
		{"not four eyes", promote(with(func(o *dagger.TensorflowCiReleaseOpts) { o.StartedBy = "bea" }), approval("bea", digests[1], now)), []string{"bea approved and started the pipeline"}},
		{"another key", promote(with(func(o *dagger.TensorflowCiReleaseOpts) { o.PublicKey = otherKey }), approval("bea", digests[1], now)), []string{"promote of tiny 2 refused", "signature"}},
		{"too much traffic", lone, []string{"--percent is 101"}},
		{"nobody", nobody, []string{"--by is empty"}},
		{"no reason", silent, []string{"needs a reason"}},
		{"no such version", absent, []string{"there is no version 9 of tiny"}},
	} {
		if err := refused(refusal.err, refusal.want...); err != nil {
			return fmt.Errorf("%s: %w", refusal.name, err)
		}
	}
	after, err := open().State().Contents(ctx)
	if err != nil || before != after {
		return fmt.Errorf("the state was %s and is %s (%v)", before, after, err)
	}
	// An unsigned model goes no further than the test environment.
	options.Store += "-unsigned"
	if _, err := open().Push(ctx, unsigned); err != nil {
		return err
	}
	if _, err := open().DeployTest(ctx); err != nil {
		return err
	}
	if err := refused(promote(open(), approval("bea", unsignedDigest, now)), "promote of tiny 1 refused", "it has no attestation in the store"); err != nil {
		return err
	}
	// Nor does one whose gate did not pass, however well it is signed.
	by := signerOf("the tests")
	strict := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"gate: [{metric: loss, maximum: 0.000001}]\n")
	failed, failedDigest, err := released(ctx, strict, &by)
	if err != nil {
		return err
	}
	options.Store += "-failed"
	if _, err := open().Push(ctx, failed); err != nil {
		return err
	}
	if _, err := open().DeployTest(ctx); err != nil {
		return err
	}
	return refused(promote(open(), approval("bea", failedDigest, now)), "promote of tiny 1 refused", "its gate did not pass")
}

func (t *Tests) releaseFolder(ctx context.Context) error {
	outputs, digests, _, err := models(ctx)
	if err != nil {
		return err
	}
	options := dagger.TensorflowCiReleaseOpts{Store: fmt.Sprintf("file:///tests-%d", time.Now().UnixNano()), By: "ann"}
	open := func() *dagger.TensorflowCiRelease { return line(tiny(), servesAtOnce).Release(options) }
	for range 2 {
		text, err := open().Push(ctx, outputs[0])
		if err := said(text, err, "tiny 1: "); err != nil {
			return err
		}
	}
	text, err := open().DeployTest(ctx)
	if err := said(text, err, "tiny 1: pushed → test"); err != nil {
		return err
	}
	// As a pipeline calls it: a number of its own for the model that is there, and the model by its digest.
	text, err = open().Push(ctx, outputs[0], dagger.TensorflowCiReleasePushOpts{Version: 12})
	if err := said(text, err, "tiny 1: this model was pushed already, it is test; there is no version 12 of it"); err != nil {
		return err
	}
	text, err = open().DeployTest(ctx, dagger.TensorflowCiReleaseDeployTestOpts{Digest: digests[0]})
	if err := said(text, err, "tiny 1: it is in the test environment, nothing to do"); err != nil {
		return err
	}
	_, err = open().DeployTest(ctx, dagger.TensorflowCiReleaseDeployTestOpts{Digest: digests[1]})
	if err := refused(err, "no version of tiny is the model "+digests[1]); err != nil {
		return err
	}
	_, err = open().Promote(ctx, dagger.TensorflowCiReleasePromoteOpts{Digest: digests[0], Version: 1})
	if err := refused(err, "--digest and --version are both given"); err != nil {
		return err
	}
	store, err := open().Directory().Sync(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{"_test/models.config", "tiny/state.json", "tiny/history/0002.json", "tiny/1/saved_model.pb", "tiny/1/variables/variables.index", "tiny/lineage/1/attestation.json"} {
		if found, err := store.Exists(ctx, name); err != nil || !found {
			return fmt.Errorf("%s is missing (%v)", name, err)
		}
	}
	return nil
}
