package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"

	"dagger/tests/internal/dagger"
)

// keys are those of one signer.
type keys struct {
	private *dagger.Secret
	public  *dagger.File
}

// newKeys makes an ed25519 key that no other run has.
func newKeys() (keys, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return keys{}, err
	}
	publicDER, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return keys{}, err
	}
	privateDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return keys{}, err
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	publicPEM := text("PUBLIC KEY", publicDER)
	return keys{
		private: dag.SetSecret("signing-key-"+publicPEM, text("PRIVATE KEY", privateDER)),
		public:  dag.Directory().WithNewFile("public.pem", publicPEM).File("public.pem"),
	}, nil
}

// attest: a model is vouched for by a key, and whatever was changed afterwards is found and named.
func (t *Tests) attest() []check {
	// signed is the output of one run with a new key, which is the same for all that a check does.
	signed := func(ctx context.Context) (*dagger.Directory, keys, error) {
		signer, err := newKeys()
		if err != nil {
			return nil, signer, err
		}
		out, err := line(tiny()).Pipeline(dagger.TensorflowCiPipelineOpts{SigningKey: signer.private}).Sync(ctx)
		return out, signer, err
	}
	quick := func(ctx context.Context, out *dagger.Directory, public *dagger.File) (string, error) {
		return line(tiny()).Verify(ctx, out, dagger.TensorflowCiVerifyOpts{Quick: true, PublicKey: public})
	}
	return []check{
		{"attest/a signed run, and everything that can be changed in it", func(ctx context.Context) error {
			out, signer, err := signed(ctx)
			if err != nil {
				return err
			}
			other, err := newKeys()
			if err != nil {
				return err
			}
			envelope := out.File("attestation.json")
			said, err := line(tiny()).VerifySignature(ctx, envelope, signer.public)
			if err != nil {
				return err
			}
			manifest, err := out.File("manifest.json").Contents(ctx)
			if err != nil {
				return err
			}
			var made struct{ CanonicalDigest string }
			if err := json.Unmarshal([]byte(manifest), &made); err != nil {
				return err
			}
			for _, part := range []string{"the signature is good", made.CanonicalDigest, "gate    passed", "vouches for exports/tflite/model.tflite sha256:"} {
				if !strings.Contains(said, part) {
					return fmt.Errorf("verify-signature does not say %q: %s", part, said)
				}
			}
			if said, err = quick(ctx, out, signer.public); err != nil || !strings.Contains(said, "the signature is good") {
				return fmt.Errorf("unchanged: %s, %v", said, err)
			}
			flip := func(text, key string) string {
				at := strings.Index(text, key) + len(key)
				digit := "0"
				if text[at] == '0' {
					digit = "1"
				}
				return text[:at] + digit + text[at+1:]
			}
			payload, err := envelope.Contents(ctx)
			if err != nil {
				return err
			}
			for _, change := range []struct {
				name   string
				out    *dagger.Directory
				public *dagger.File
				want   []string
			}{
				{"another key", out, other.public, []string{"the envelope was signed by another key"}},
				{"another payload type", out.WithNewFile("attestation.json", strings.Replace(payload, "application/vnd.in-toto+json", "application/json", 1)),
					signer.public, []string{`payload type is "application/json", want application/vnd.in-toto+json`}},
				{"a flipped digit in the payload", out.WithNewFile("attestation.json", flip(payload, `"payload": "eyJfdHlwZSI6Imh0dHBz`)), signer.public,
					[]string{"the signature does not fit"}},
				{"half an envelope", out.WithNewFile("attestation.json", payload[:len(payload)/2]), signer.public, []string{"is damaged or cut off"}},
				{"no envelope", out.WithoutFile("attestation.json"), signer.public, []string{"holds no attestation.json"}},
				{"a flipped digit in the manifest, an export that was changed, a file added where some may be",
					out.WithNewFile("manifest.json", flip(manifest, `"seed": `)).WithNewFile("exports/tflite/model.tflite", "x").WithNewFile("model/assets.extra/notes", "x"),
					signer.public, []string{"manifest.json is not the one that was signed", "exports/tflite/model.tflite was changed", "assets.extra/notes was added"}},
				{"a flipped digit in the digest", out.WithNewFile("manifest.json", flip(manifest, `"canonicalDigest": "sha256:`)), nil,
					[]string{"the model is " + made.CanonicalDigest + ", and manifest.json says sha256:"}},
				{"a manifest cut off", out.WithNewFile("manifest.json", manifest[:100]), nil, []string{"manifest.json is no manifest"}},
				{"a file added where none may be", out.WithNewFile("model/run.sh", "x"), nil, []string{"run.sh does not belong in a SavedModel"}},
				{"a weight changed by 1 ulp", out.WithDirectory("model", t.nudged(out.Directory("model"))), nil, []string{": other weights", "variables/variables.index was changed"}},
			} {
				said, err := quick(ctx, change.out, change.public)
				if err := refused(err, change.want...); err != nil {
					return fmt.Errorf("%s: %w (it said %q)", change.name, err, said)
				}
			}
			// nothing that was changed is signed, whoever asks
			nudged := out.WithDirectory("model", t.nudged(out.Directory("model")))
			_, err = line(tiny()).Model(nudged).Sign(signer.private).Contents(ctx)
			if err := refused(err, "nothing was signed", ": other weights"); err != nil {
				return err
			}
			again, err := line(tiny()).Model(out).Sign(signer.private).Contents(ctx)
			if err == nil && again != payload {
				return fmt.Errorf("signed by a later job, the same output has another envelope")
			}
			return err
		}},
		{"attest/a key that cannot sign stops a run before anything is made", func(ctx context.Context) error {
			for text, want := range map[string]string{"hunter2-planted-secret": "is no PEM text", "": "is empty"} {
				secret := dag.SetSecret("bad-key-"+want, text)
				_, err := line(tiny().WithoutFile("train.py")).Pipeline(dagger.TensorflowCiPipelineOpts{SigningKey: secret}).Sync(ctx)
				if err := refused(err, "the signing key "+want); err != nil {
					return err
				}
				if strings.Contains(err.Error(), "planted-secret") {
					return fmt.Errorf("the message shows the key: %w", err)
				}
			}
			return nil
		}},
		{"attest/a model of which nothing is known is not signed", func(ctx context.Context) error {
			signer, err := newKeys()
			if err != nil {
				return err
			}
			_, err = line(tiny()).Model(line(tiny()).Train().SavedModel()).Sign(signer.private).Contents(ctx)
			return refused(err, "nothing is known of how this model was made")
		}},
	}
}

// nudged changes the first value of a tiny model's kernel by one unit in the last place.
func (t *Tests) nudged(model *dagger.Directory) *dagger.Directory {
	code := "import pathlib, sample_models, tensorflow as tf\n" +
		"model = pathlib.Path('/model')\n" +
		"keys = tf.train.load_checkpoint(str(model / 'variables/variables')).get_variable_to_shape_map()\n" +
		"for key in keys:\n    if keys[key] == [2, 1]:\n        sample_models.nudge(model, key)\n"
	return dag.Container().From("tensorflow/tensorflow:2.16.2").
		WithEnvVariable("TF_CPP_MIN_LOG_LEVEL", "3").
		WithMountedDirectory("/scripts", t.Scripts).
		WithDirectory("/model", model).
		WithWorkdir("/scripts").
		WithExec([]string{"python3", "-c", code}).
		Directory("/model")
}

// noisy is a tiny project whose model depends on something beside its inputs, by about as much as the last bits.
func noisy() *dagger.Directory {
	const saved = "model.export(options.model_dir)\n"
	noise := "import os\n\nbias = model.layers[-1].bias\nbias.assign(bias + os.urandom(1)[0] * 1e-7 + os.urandom(1)[0] * 1e-9)\n"
	return tiny().WithNewFile("train.py", strings.Replace(trainTiny, saved, noise+saved, 1))
}

// output is what a later job is given of a training: the model and its manifest.
func output(line *dagger.TensorflowCi) *dagger.Directory {
	model := line.Train()
	return dag.Directory().WithDirectory("model", model.SavedModel()).WithFile("manifest.json", model.Manifest())
}

// verify: a training that is repeated proves the model, or says where it differs first.
func (t *Tests) verify() []check {
	anywhere := dagger.TensorflowCiVerifyOpts{}
	return []check{
		{"verify/trained again it is identical", func(ctx context.Context) error {
			said, err := line(tiny()).Verify(ctx, output(line(tiny())), anywhere)
			if err == nil && !strings.HasPrefix(said, "identical: trained again from the recorded inputs") {
				return fmt.Errorf("it says: %s", said)
			}
			return err
		}},
		{"verify/other inputs are named before anything is trained", func(ctx context.Context) error {
			out, err := output(line(tiny())).Sync(ctx)
			if err != nil {
				return err
			}
			rows, err := tiny().File("data/train.csv").Contents(ctx)
			if err != nil {
				return err
			}
			lines := strings.SplitAfter(rows, "\n")
			lines[1], lines[2] = lines[2], lines[1]
			for _, change := range []struct {
				name string
				line *dagger.TensorflowCi
				want []string
			}{
				{"one row of the data swapped", line(tiny().WithNewFile("data/train.csv", strings.Join(lines, ""))), []string{"data differs: recorded sha256:"}},
				{"another script", line(tiny().WithNewFile("train.py", trainTiny+"# x\n")), []string{"source differs", "train.py was changed"}},
				{"another seed", line(tiny(), "train.seed=9"), []string{"train.seed differs: recorded 0, now 9"}},
				{"another argument", line(tiny(), "train.args.epochs=2"), []string{"train.args differs: recorded nothing, now --epochs=2"}},
				{"other threads", line(tiny(), "train.threads=3"), []string{"TF_NUM_INTRAOP_THREADS differs: recorded 2, now 3"}},
				{"another image", line(tiny(), "images.tensorflow=tensorflow/tensorflow:2.21.0"), []string{"image tensorflow differs: recorded tensorflow/tensorflow:2.16.2@sha256:"}},
			} {
				_, err := change.line.Verify(ctx, out, anywhere)
				if err := refused(err, append(change.want, "nothing was trained")...); err != nil {
					return fmt.Errorf("%s: %w", change.name, err)
				}
			}
			return nil
		}},
		{"verify/threads: auto repeats the recorded number", func(ctx context.Context) error {
			out, err := output(line(tiny(), "train.threads=3")).Sync(ctx) // more than some engines have processors
			if err != nil {
				return err
			}
			said, err := line(tiny(), "train.threads=auto").Verify(ctx, out, anywhere)
			if err == nil && !strings.HasPrefix(said, "identical: ") {
				return fmt.Errorf("it said %q", said)
			}
			return err
		}},
		{"verify/requirements that no longer resolve", func(ctx context.Context) error {
			// else the file is part of the source too
			project := tiny().WithNewFile("tensorflow-ci.yaml", settingsTiny+"train: {ignore: [requirements.txt, tests/, tensorflow-ci.yaml]}\n")
			gone := line(project.WithNewFile("requirements.txt", "pytest==0.0.0.dev99\n"))
			out, err := output(line(project)).Sync(ctx)
			if err != nil {
				return err
			}
			_, err = gone.Verify(ctx, out, anywhere)
			if err := refused(err, "requirements differs: recorded sha256:"); err != nil {
				return err
			}
			digests := regexp.MustCompile(`requirements differs: recorded (sha256:\w+), now (sha256:\w+)`).FindStringSubmatch(err.Error())
			manifest, err := out.File("manifest.json").Contents(ctx)
			if err != nil {
				return err
			}
			// of a project whose requirements could be installed when it was trained
			recorded := out.WithNewFile("manifest.json", strings.Replace(manifest, digests[1], digests[2], 1))
			_, err = gone.Verify(ctx, recorded, anywhere)
			return refused(err, "the recorded requirements cannot be installed any more", "pytest")
		}},
		{"verify/a training that is no function of its inputs", func(ctx context.Context) error {
			out, err := output(line(noisy())).Sync(ctx)
			if err != nil {
				return err
			}
			_, err = line(noisy()).Verify(ctx, out, anywhere)
			if err := refused(err, "differs: recorded is sha256:", "weights: first ", "ulp)", "answers to 32 held-out rows", "equal bits are promised here"); err != nil {
				return err
			}
			// The same difference, where it comes of another class of processor, is judged by limits.
			manifest, err := out.File("manifest.json").Contents(ctx)
			if err != nil {
				return err
			}
			elsewhere := out.WithNewFile("manifest.json", regexp.MustCompile(`(?s)("processor": \{.*?"model": )"[^"]*"`).ReplaceAllString(manifest, `$1"Another CPU"`))
			said, err := line(noisy()).Verify(ctx, elsewhere, anywhere)
			if err != nil || !strings.HasPrefix(said, "not identical, within tolerance") || !strings.Contains(said, "(Another CPU") {
				return fmt.Errorf("within tolerance: %s, %v", said, err)
			}
			strict := line(noisy()).Verification(elsewhere, dagger.TensorflowCiVerificationOpts{MaxPredictionDifference: "1e-12"})
			if err := refused(strict.Check(ctx), "out of tolerance: answers differ by up to ", "the limit is 1e-12"); err != nil {
				return err
			}
			return holds(ctx, strict.Report(), `"passed": false`, `"maxUlps":`, `"reason": "it was made on another class of processor`)
		}},
		{"verify/limits that are none", func(ctx context.Context) error {
			for _, bad := range []string{"-1", "NaN", "+Inf", "little"} {
				_, err := line(tiny()).Verify(ctx, dag.Directory(), dagger.TensorflowCiVerifyOpts{MaxPredictionDifference: bad})
				if err := refused(err, "--max-prediction-difference is "+fmt.Sprintf("%q", bad)); err != nil {
					return err
				}
			}
			_, err := line(tiny()).Verify(ctx, dag.Directory().WithNewFile("x", ""), anywhere)
			return refused(err, "there is no manifest.json: want the output of a run")
		}},
	}
}
