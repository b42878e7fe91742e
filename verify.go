package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/gate"
	"dagger/tensorflow-ci/internal/dagger"
	"dagger/tensorflow-ci/lineage"
	"dagger/tensorflow-ci/verification"
)

// Verification is what came of checking a model against its manifest.
type Verification struct {
	// verification.json: verdict, whether equal bits were promised, and where the models differ.
	Report *dagger.File
	// Whether the model is what its manifest says.
	Passed bool
	// The verdict in words.
	Summary string
}

// Fail when the model is not what its manifest says, naming where it differs first.
func (v *Verification) Check() error {
	if v.Passed {
		return nil
	}
	return errors.New("verify: " + v.Summary)
}

// Check that a model is what its manifest says, by training it again from the recorded inputs; fail where it is not.
//
// First digests and signature are checked, then that source, data, image, requirements and parameters are the recorded
// ones; only then it trains, never from a cache or a checkpoint. On the recorded class of processor the model must be
// identical; on another one, or with train.reproducible off, it must be within the limits.
//
// +cache="never"
func (m *TensorflowCi) Verify(
	ctx context.Context,
	// Output of a run: manifest.json, and beside it model/, exports/ and attestation.json as far as they were made.
	directory *dagger.Directory,
	// Check digests and signature only; nothing is trained.
	// +optional
	quick bool,
	// Public ed25519 key (PEM); with it attestation.json must be there and fit. Example: public.pem
	// +optional
	publicKey *dagger.File,
	// How far any weight may be off where equal bits are not promised, a number as text; no limit by default. Example: 0.001
	// +optional
	maxWeightDifference string,
	// How far any answer to held-out rows may be off where equal bits are not promised, a number as text.
	// +default="0.0001"
	maxPredictionDifference string,
	// How many held-out rows may be decided otherwise where equal bits are not promised.
	// +default=0
	maxFlipped int,
) (string, error) {
	verification, err := m.Verification(ctx, directory, quick, publicKey, maxWeightDifference, maxPredictionDifference, maxFlipped)
	if err != nil {
		return "", err
	}
	return verification.Summary + "\n", verification.Check()
}

// Check a model as verify does, and return the report whatever the verdict; only its check fails.
//
// +cache="never"
func (m *TensorflowCi) Verification(
	ctx context.Context,
	// Output of a run: manifest.json, and beside it model/, exports/ and attestation.json as far as they were made.
	directory *dagger.Directory,
	// Check digests and signature only; nothing is trained.
	// +optional
	quick bool,
	// Public ed25519 key (PEM); with it attestation.json must be there and fit. Example: public.pem
	// +optional
	publicKey *dagger.File,
	// How far any weight may be off where equal bits are not promised, a number as text; no limit by default. Example: 0.001
	// +optional
	maxWeightDifference string,
	// How far any answer to held-out rows may be off where equal bits are not promised, a number as text.
	// +default="0.0001"
	maxPredictionDifference string,
	// How many held-out rows may be decided otherwise where equal bits are not promised.
	// +default=0
	maxFlipped int,
) (*Verification, error) {
	limits, err := tolerance(maxWeightDifference, maxPredictionDifference, maxFlipped)
	if err != nil {
		return nil, err
	}
	recorded, verdict, err := m.unchanged(ctx, directory, publicKey)
	if err != nil {
		return nil, err
	}
	if verdict.Passed && !quick {
		vouched := verdict.Summary
		if verdict, err = m.repeated(ctx, recorded, directory, limits); err != nil {
			return nil, err
		}
		verdict.Summary = strings.TrimSpace(verdict.Summary + "\n" + vouched)
	}
	text, err := indented(verdict)
	if err != nil {
		return nil, err
	}
	return &Verification{
		Report: dag.Directory().WithNewFile("verification.json", text).File("verification.json"),
		Passed: verdict.Passed, Summary: verdict.Summary,
	}, nil
}

// unchanged checks that an output is what its manifest says, and both what was signed.
func (m *TensorflowCi) unchanged(ctx context.Context, folder *dagger.Directory, publicKey *dagger.File) (lineage.Manifest, verification.Verdict, error) {
	var verdict verification.Verdict
	var signed *attest.Verified
	vouched := "no signature was checked: give --public-key for a model that was signed"
	if publicKey != nil { // first, since it is quick
		if found, err := folder.Exists(ctx, attest.FileName); err != nil || !found {
			return lineage.Manifest{}, verdict, fmt.Errorf("--directory holds no %s: nobody vouches for this model; a run with --signing-key makes one, or sign", attest.FileName)
		}
		verified, err := verifiedEnvelope(ctx, folder.File(attest.FileName), publicKey)
		if err != nil {
			return lineage.Manifest{}, verdict, err
		}
		signed, vouched = &verified, "the signature is good, by the key "+verified.KeyID
	}
	output, err := m.output(ctx, folder)
	if err != nil {
		return lineage.Manifest{}, verdict, err
	}
	output.Signed = signed
	manifest, wrong := output.Check()
	if verdict.Passed = len(wrong) == 0; !verdict.Passed {
		verdict.Summary = strings.Join(wrong, "\n")
		return manifest, verdict, nil
	}
	verdict.Summary = vouched
	if output.CanonicalDigest != "" {
		verdict.Summary = fmt.Sprintf("the model is %s, as %s says, and so are its %d files; %s", output.CanonicalDigest, lineage.FileName, len(output.Files), vouched)
	}
	return manifest, verdict, nil
}

// output reads and digests what lies in the output of a run. A manifest alone is enough.
func (m *TensorflowCi) output(ctx context.Context, folder *dagger.Directory) (verification.Output, error) {
	var output verification.Output
	names, err := folder.Entries(ctx)
	if err != nil {
		return output, failure("cannot read --directory", err)
	}
	if !slices.Contains(names, lineage.FileName) {
		return output, fmt.Errorf("there is no %s: want the output of a run, this folder has %q", lineage.FileName, names)
	}
	text, err := folder.File(lineage.FileName).Contents(ctx)
	if err != nil {
		return output, failure("cannot read "+lineage.FileName, err)
	}
	output.Manifest = []byte(text)
	if _, err := lineage.Read(output.Manifest); err != nil {
		return output, err
	}
	if slices.Contains(names, "metrics.json") {
		text, err := folder.File("metrics.json").Contents(ctx)
		if err != nil {
			return output, failure("cannot read metrics.json", err)
		}
		if err := json.Unmarshal([]byte(text), &output.Metrics); err != nil {
			return output, fmt.Errorf("metrics.json: %w", err)
		}
	}
	if output.Others, err = m.exported(ctx, folder); err != nil {
		return output, err
	}
	if !slices.Contains(names, "model/") {
		return output, nil
	}
	digest, err := (&Model{SavedModel: folder.Directory("model"), Line: m}).digest(ctx)
	output.CanonicalDigest, output.WeightsDigest, output.GraphDigest = digest.CanonicalDigest, digest.WeightsDigest, digest.GraphDigest
	output.Files = digest.Files
	return output, err
}

// tolerance reads the limits of what a model trained again may differ by.
func tolerance(weights, predictions string, flipped int) (verification.Limits, error) {
	limits := verification.Limits{Flipped: flipped}
	if flipped < 0 {
		return limits, fmt.Errorf("--max-flipped is %d: want 0 rows or more", flipped)
	}
	var err error
	if limits.Weights, err = gate.Limit("max-weight-difference", weights, 0, math.Inf(1), "0.0001"); err != nil {
		return limits, err
	}
	limits.Predictions, err = gate.Limit("max-prediction-difference", predictions, 0, math.Inf(1), "0.0001")
	return limits, err
}
