package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"dagger/tensorflow-ci/attest"
	"dagger/tensorflow-ci/config"
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

// repeated trains again from the recorded inputs, and compares what comes out.
func (m *TensorflowCi) repeated(ctx context.Context, recorded lineage.Manifest, output *dagger.Directory, limits verification.Limits) (verification.Verdict, error) {
	var verdict verification.Verdict
	settings, err := m.settings(ctx)
	if err != nil {
		return verdict, err
	}
	now, err := m.same(ctx, settings, recorded)
	if err != nil {
		return verdict, err
	}
	installed, err := m.installed(ctx, settings)
	if err != nil {
		return verdict, err
	}
	line := *m
	line.Again = time.Now().Format(time.RFC3339Nano)
	model, err := line.train(ctx, settings, installed)
	if err != nil {
		return verdict, fmt.Errorf("trained again from the recorded inputs: %w", err)
	}
	if err := model.addTraining(ctx, &now); err != nil {
		return verdict, err
	}
	if now.CanonicalDigest, err = model.Digest(ctx); err != nil {
		return verdict, err
	}
	var found *verification.Comparison
	if now.CanonicalDigest != recorded.CanonicalDigest {
		if found, err = model.compared(ctx, settings, output); err != nil {
			return verdict, err
		}
	}
	return verification.Judge(recorded, now, found, limits), nil
}

// same refuses inputs that are not the recorded ones, cheapest first; nothing is trained of other inputs.
func (m *TensorflowCi) same(ctx context.Context, settings config.Config, recorded lineage.Manifest) (lineage.Manifest, error) {
	now := intended(settings)
	now.Threads, now.Device.Kind = map[string]string{}, "cpu"
	for _, variable := range reproducibleVariables(settings) {
		if strings.HasPrefix(variable.Name, "TF_NUM_") {
			now.Threads[variable.Name] = variable.Value
		}
	}
	if settings.Train.GPUs != config.NoGPUs {
		now.Device.Kind = "gpu"
	}
	for _, add := range []func(context.Context, config.Config, *lineage.Manifest) error{m.addInputs, m.addImage, m.addRequirements} {
		if err := add(ctx, settings, &now); err != nil {
			return now, err
		}
	}
	if err := otherInputs(recorded, now); err != nil {
		return now, err
	}
	if err := m.addInstalled(ctx, settings, &now); err != nil {
		return now, fmt.Errorf("the recorded requirements cannot be installed any more, so that the model cannot be made again: %w", err)
	}
	return now, otherInputs(recorded, now)
}

func otherInputs(recorded, now lineage.Manifest) error {
	differences := verification.Inputs(recorded, now)
	if len(differences) == 0 {
		return nil
	}
	lines := []string{"verify: these are not the inputs that the model was made from, so that nothing was trained"}
	for _, difference := range differences {
		lines = append(lines, difference.String())
	}
	from := "Give the source that it was made from"
	if recorded.Source.Commit != "" {
		from = "Check out the commit " + recorded.Source.Commit + " that it was made from"
	}
	return errors.New(strings.Join(append(lines, from+", and --set, --data and --images as they were then"), "\n"))
}

// compared says where the model differs from the recorded one; nil where the output does not hold that.
func (m *Model) compared(ctx context.Context, settings config.Config, output *dagger.Directory) (*verification.Comparison, error) {
	if found, err := output.Exists(ctx, "model/saved_model.pb"); err != nil || !found {
		return nil, err
	}
	python, err := m.Line.python(ctx)
	if err != nil {
		return nil, err
	}
	command := []string{"python3", lineDir + "/modeldiff.py", "--before", "/recorded", "--after", "/model", "--out", outDir + "/difference.json"}
	if settings.Evaluate.Data != "" {
		data, err := m.Line.heldOut(ctx, settings)
		if err != nil {
			return nil, err
		}
		rows, err := rowsPath(ctx, "/held-out", data)
		if err != nil {
			return nil, fmt.Errorf("held-out data: %w", err)
		}
		python = python.WithMountedFile(rows, data)
		command = append(append(command, asked(settings.Evaluate)...), "--data", rows)
	}
	text, err := python.
		With(scripts("modeldiff.py", "evaluate.py", "heldout.py", "metrics.py", "reference.py", "savedmodel.py",
			"modeldigest.py", "modelfile.py", "modelgraph.py", "treedigest.py")).
		WithMountedDirectory("/recorded", output.Directory("model")).
		WithMountedDirectory("/model", m.SavedModel).
		WithNewFile(outDir+"/difference.json", "").
		WithExec(command).
		File(outDir + "/difference.json").
		Contents(ctx)
	if err != nil {
		return nil, failure("the comparison with the recorded model", err)
	}
	var found verification.Comparison
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return nil, fmt.Errorf("the comparison with the recorded model: %w", err)
	}
	return &found, nil
}

// anew makes a training run whatever the cache holds, and begin at the beginning.
func (m *TensorflowCi) anew(checkpoints bool) dagger.WithContainerFunc {
	return func(container *dagger.Container) *dagger.Container {
		if m.Again == "" {
			return container
		}
		if checkpoints {
			container = container.WithMountedTemp(checkpointDir)
		}
		return container.WithNewFile(lineDir+"/again", m.Again)
	}
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
