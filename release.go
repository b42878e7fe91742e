package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/release"
)

// Release is a model's way into production and out of it, in a store.
type Release struct {
	// +private
	Line *TensorflowCi
	// +private
	Address string
	// +private
	StoreConfig *dagger.Secret
	// +private
	AccessKey *dagger.Secret
	// +private
	SecretKey *dagger.Secret
	// +private
	SessionToken *dagger.Secret
	// +private
	ServiceAccount *dagger.Secret
	// +private
	Endpoint string
	// +private
	Region string
	// +private
	PublicKey *dagger.File
	// +private
	By string
	// +private
	StartedBy string
	// +private
	PipelineURL string
}

// Open a store of models, to push one into it, canary it, promote it, or roll it back.
//
// The store holds MODEL/VERSION/… (each a SavedModel, as TensorFlow Serving looks for it), models.config (what production
// serves), _test/models.config (what the test environment serves), and for each model state.json and history/NNNN.json:
// who, when, what, why, only ever added to. One transition at a time changes a store; one that was killed is finished by
// the next call, whatever it is. What production serves is never changed by a call that is refused.
//
// +cache="session"
func (m *TensorflowCi) Release(
	// Where the models are: s3://bucket/prefix, gs://bucket/prefix or, to try it out, file:///NAME, a folder in a cache volume
	// of the engine (directory export copies it out), which an engine of v0.21 that is killed deletes. Takes the place of
	// release.store. Example: s3://models/team
	// +optional
	store string,
	// rclone.conf with the store's credentials; of several remotes of a kind, the one called [s3] or [gs] is used.
	// Example: file:rclone.conf
	// +optional
	storeConfig *dagger.Secret,
	// Key id for an S3 store, in place of a file. Example: env://AWS_ACCESS_KEY_ID
	// +optional
	accessKey *dagger.Secret,
	// Secret key for an S3 store. Example: env://AWS_SECRET_ACCESS_KEY
	// +optional
	secretKey *dagger.Secret,
	// Session token beside them, where the keys are of a role for a time. Example: env://AWS_SESSION_TOKEN
	// +optional
	sessionToken *dagger.Secret,
	// Key file (JSON) of a service account for a Google store. Example: env://GOOGLE_CREDENTIALS
	// +optional
	serviceAccount *dagger.Secret,
	// Address of an S3 server that is not Amazon's. Example: https://s3.example.com
	// +optional
	endpoint string,
	// Region of the bucket. Example: eu-central-1
	// +optional
	region string,
	// Public key (PEM) of those who sign models; canary and promote need it.
	// +optional
	publicKey *dagger.File,
	// Who acts, for the history: a name or a login. Everything that changes the store needs it. Example: $GITLAB_USER_LOGIN
	// +optional
	by string,
	// Who started the pipeline; with release.four-eyes they cannot approve. Example: $GITLAB_USER_LOGIN
	// +optional
	startedBy string,
	// Address of the pipeline, for the history. Example: $CI_PIPELINE_URL
	// +optional
	pipelineUrl string,
) *Release {
	return &Release{
		Line: m, Address: store, PublicKey: publicKey, By: by, StartedBy: startedBy, PipelineURL: pipelineUrl,
		StoreConfig: storeConfig, AccessKey: accessKey, SecretKey: secretKey, SessionToken: sessionToken, ServiceAccount: serviceAccount,
		Endpoint: endpoint, Region: region,
	}
}

// Push a model into the store, as its next version; one that is there already is found and checked.
//
// All files go up first and are read back and compared with the manifest; only then anything points at them.
//
// +cache="never"
func (r *Release) Push(
	ctx context.Context,
	// Output of run: model/ and manifest.json and, for a model that is to go into production, attestation.json.
	model *dagger.Directory,
	// Number of the version, higher than all before; 0 for the next one.
	// +optional
	version int,
) (string, error) {
	settings, err := r.Line.settings(ctx)
	if err != nil {
		return "", err
	}
	candidate, err := r.candidate(ctx, settings, model)
	if err != nil {
		return "", err
	}
	order := r.order(release.Push, version, "")
	if err := order.Check(); err != nil {
		return "", err
	}
	store, err := r.open(ctx, settings, candidate.savedModel)
	if err != nil {
		return "", err
	}
	defer store.close(ctx)
	order.Candidate, err = candidate.measured(ctx, store)
	if err != nil {
		return "", err
	}
	return store.do(ctx, order, candidate.lineage)
}

// Give a version to the test environment: it is what _test/models.config serves from then on.
//
// +cache="never"
func (r *Release) DeployTest(
	ctx context.Context,
	// Version; 0 for the newest that was pushed.
	// +optional
	version int,
	// Canonical digest of the model, in place of a version; one that is further on its way is left there. Example: $MODEL_DIGEST
	// +optional
	digest string,
) (string, error) {
	return r.do(ctx, r.order(release.DeployTest, version, digest))
}

// Give a tested version a part of production's traffic, beside the stable one; again with another part to change it.
//
// models.config is written twice: first it loads the version, then, after release.settle, the label canary points at it.
// The part is kept in state.json, for who splits the traffic: inference-service renders it for KServe.
//
// +cache="never"
func (r *Release) Canary(
	ctx context.Context,
	// Part of the traffic, 0 to 100; 0 and 100 are exactly that. -1 for release.canary-percent, or 100 where nothing is in
	// production that could take the rest.
	// +default=-1
	percent int,
	// Version; 0 for the one in the test environment.
	// +optional
	version int,
	// Canonical digest of the model, in place of a version; one that is further on its way is left there. Example: $MODEL_DIGEST
	// +optional
	digest string,
) (string, error) {
	order := r.order(release.SetCanary, version, digest)
	order.Percent = percent
	if percent == -1 {
		settings, err := r.Line.settings(ctx)
		if err != nil {
			return "", err
		}
		if settings.Release.CanaryPercent == 0 {
			return "canary: release.canary-percent is 0, this project has none (--percent makes one all the same): nothing to do, promote comes next\n", nil
		}
		order.Percent, order.FirstTakesAll = settings.Release.CanaryPercent, true
	}
	return r.do(ctx, order)
}

// Put a version into production for all traffic; the one before is retired and can be gone back to.
//
// It needs an attestation that --public-key verifies, a gate that passed, and as many approvals of this very model as
// release.approvals says, of different people and not older than release.approval-expiry. There is no way around them.
//
// +cache="never"
func (r *Release) Promote(
	ctx context.Context,
	// Files that approve made, each of one person.
	// +optional
	approval []*dagger.File,
	// Version; 0 for the one that was approved.
	// +optional
	version int,
	// Canonical digest of the model, in place of a version; one that is further on its way is left there. Example: $MODEL_DIGEST
	// +optional
	digest string,
) (string, error) {
	order := r.order(release.Promote, version, digest)
	for _, file := range approval {
		text, err := file.Contents(ctx)
		if err != nil {
			return "", failure("promote: cannot read an approval", err)
		}
		read, err := release.ReadApproval([]byte(text))
		if err != nil {
			return "", fmt.Errorf("promote: %w", err)
		}
		order.Approvals = append(order.Approvals, read)
	}
	return r.do(ctx, order)
}

// Take a version back: a canary out of the traffic, or production to the version before.
//
// Called once more it changes nothing; to go back further, name the version.
//
// +cache="never"
func (r *Release) Rollback(
	ctx context.Context,
	// Why, for whoever reads the history.
	reason string,
	// Version; 0 for the canary, or where there is none for production.
	// +optional
	version int,
	// Canonical digest of the model, in place of a version. Example: $MODEL_DIGEST
	// +optional
	digest string,
) (string, error) {
	order := r.order(release.Rollback, version, digest)
	order.Reason = reason
	return r.do(ctx, order)
}

// Take a version out of service for good; its files and its history stay.
//
// +cache="never"
func (r *Release) Retire(
	ctx context.Context,
	// Version.
	version int,
	// Why, for whoever reads the history.
	reason string,
) (string, error) {
	order := r.order(release.Retire, version, "")
	order.Reason = reason
	return r.do(ctx, order)
}

// order is what all actions have in common.
func (r *Release) order(action release.Action, version int, digest string) release.Order {
	return release.Order{Action: action, Version: int64(version), Digest: digest, By: r.By, At: time.Now(), StartedBy: r.StartedBy, Pipeline: r.PipelineURL}
}

// do carries out an action that needs no model.
func (r *Release) do(ctx context.Context, order release.Order) (string, error) {
	if err := order.Check(); err != nil {
		return "", err
	}
	settings, err := r.Line.settings(ctx)
	if err != nil {
		return "", err
	}
	store, err := r.open(ctx, settings, nil)
	if err != nil {
		return "", err
	}
	defer store.close(ctx)
	return store.do(ctx, order, nil)
}

// joined is notes and a result, a line each.
func joined(notes []string, said string) string {
	return strings.Join(append(notes, said), "\n") + "\n"
}
