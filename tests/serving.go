package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// conformance is a program that asks a server what clients and operators rely on: of the official image and of its stand-in
// the same.
//
//go:embed conformance.py
var conformance string

// serving: what is served answers as the model does, also while the next version is rolled out, and what cannot be served is refused.
func (t *Tests) serving() []check {
	trained := func(set ...string) *dagger.TensorflowCiModel { return line(tiny(), set...).Train() }
	smoke := func(opts dagger.TensorflowCiModelSmokeTestOpts) *dagger.TensorflowCiSmokeTest {
		opts.Seconds = max(opts.Seconds, 1)
		return trained().SmokeTest(opts)
	}
	checks := []check{
		{"serving/the served model answers as the model does", func(ctx context.Context) error {
			test := trained().Warmup().SmokeTest(dagger.TensorflowCiModelSmokeTestOpts{Seconds: 1})
			if err := test.Check(ctx); err != nil {
				return err
			}
			report, err := readSmoke(ctx, test)
			if err != nil {
				return err
			}
			for _, way := range []string{"rest", "restColumns", "grpc"} {
				if apart := report.MaxAbsDiffs[way]; apart == nil || *apart > 1e-5 {
					return fmt.Errorf("over %s the answers differ by %v, want at most 1e-5", way, apart)
				}
			}
			if report.Examples != 32 || report.Load.Requests == 0 || report.Load.LatencyMs.P99 <= 0 || report.Load.PerSecond <= 0 {
				return fmt.Errorf("want 32 rows, requests, latency and throughput, have %+v", report)
			}
			return nil
		}},
		{"serving/no request fails while the next version is rolled out", func(ctx context.Context) error {
			test := smoke(dagger.TensorflowCiModelSmokeTestOpts{Clients: 50, Seconds: 4, Rollout: trained("train.args.epochs=20").SavedModel()})
			if err := test.Check(ctx); err != nil {
				return err
			}
			report, err := readSmoke(ctx, test)
			if err == nil && (report.Rollout == nil || report.Rollout.Pushes != 3 || report.Rollout.AnsweredBefore == 0 || report.Rollout.AnsweredAfter == 0) {
				return fmt.Errorf("want answers before and after a rollout of three pushes, have %+v", report.Rollout)
			}
			return err
		}},
		{"serving/a server with another model fails, with the difference", func(ctx context.Context) error {
			other := trained("train.args.epochs=20").Serve()
			return refused(smoke(dagger.TensorflowCiModelSmokeTestOpts{Server: other}).Check(ctx), "smoke test:", "maxAbsDiff is", "above the maximum 1e-05 by")
		}},
		{"serving/a model that answers otherwise each time it is asked", func(ctx context.Context) error {
			moody := line(tiny().WithNewFile("train.py", trainMoody)).Train()
			return refused(moody.SmokeTest(dagger.TensorflowCiModelSmokeTestOpts{Seconds: 1}).Check(ctx), "maxAbsDiff is")
		}},
		{"serving/too slow is told with figure and limit, and the report can be exported", func(ctx context.Context) error {
			test := smoke(dagger.TensorflowCiModelSmokeTestOpts{MaxP99: "0.001"})
			if err := refused(test.Check(ctx), "p99Ms is", "above the maximum 0.001"); err != nil {
				return err
			}
			_, err := readSmoke(ctx, test)
			return err
		}},
		{"serving/a server that cannot be started", func(ctx context.Context) error {
			test := line(tiny(), "images.serving=tensorflow/tensorflow:2.16.2").Train().SmokeTest()
			return refused(test.Check(ctx), "TensorFlow Serving did not start", "tensorflow_model_server")
		}},
		{"serving/a model whose warm-up the server refuses", func(ctx context.Context) error {
			broken := trained().SavedModel().WithNewFile("assets.extra/tf_serving_warmup_requests", strings.Repeat("no records ", 10))
			return refused(line(tiny()).Model(broken).SmokeTest().Check(ctx), "TensorFlow Serving did not start", "Loading servable: {name: tiny version: 1} failed")
		}},
		{"serving/a model without a signature", func(ctx context.Context) error {
			bare := trained().SavedModel().WithNewFile("saved_model.pb", "\x08\x01\x12\x09\x0a\x07\x22\x05serve")
			_, err := line(tiny()).Model(bare).Serve().ID(ctx)
			return refused(err, "the model cannot be served", "has no signature to call")
		}},
		{"serving/no rows to ask for", func(ctx context.Context) error {
			return refused(smoke(dagger.TensorflowCiModelSmokeTestOpts{Data: file("rows.csv", "a,b,y\n")}).Check(ctx), "has no rows")
		}},
		{"serving/limits and numbers that are none", func(ctx context.Context) error {
			for _, wrong := range []struct {
				opts dagger.TensorflowCiModelSmokeTestOpts
				want string
			}{
				{dagger.TensorflowCiModelSmokeTestOpts{MaxDifference: "NaN"}, "--max-difference is"},
				{dagger.TensorflowCiModelSmokeTestOpts{MaxDifference: "1; touch x"}, "--max-difference is"},
				{dagger.TensorflowCiModelSmokeTestOpts{MaxP99: "0"}, "--max-p99 is"},
				{dagger.TensorflowCiModelSmokeTestOpts{Clients: -1}, "--clients is -1: want 1 to 1000"},
				{dagger.TensorflowCiModelSmokeTestOpts{Clients: 1001}, "--clients is 1001"},
				{dagger.TensorflowCiModelSmokeTestOpts{Seconds: 3601}, "--seconds is 3601: want 1 to 3600"},
			} {
				if err := refused(trained().SmokeTest(wrong.opts).Check(ctx), wrong.want); err != nil {
					return err
				}
			}
			_, err := trained().Serve(dagger.TensorflowCiModelServeOpts{Version: -1}).ID(ctx)
			return refused(err, "--version is -1: want 1 to 2147483647")
		}},
		{"serving/the server keeps to what clients and operators rely on", func(ctx context.Context) error {
			said, err := t.beside(trained().Serve()).
				WithNewFile("/conformance.py", conformance).
				WithExec([]string{"python3", "/conformance.py", "server", "tiny"}).
				Stdout(ctx)
			var failed *dagger.ExecError
			if errors.As(err, &failed) {
				return fmt.Errorf("%s", failed.Stderr)
			}
			if err == nil && !strings.HasSuffix(said, "conforms\n") {
				return fmt.Errorf("the program ended early: %s", said)
			}
			return err
		}},
		{"serving/the stand-in's own tests", func(ctx context.Context) error {
			said, err := dag.Container().From("tensorflow/tensorflow:2.16.2").
				WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
				WithEnvVariable("TF_CPP_MIN_LOG_LEVEL", "3").
				With(t.tools).
				WithMountedDirectory("/standin", t.Standin).
				WithWorkdir("/standin").
				WithExec([]string{"python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"}).
				Stdout(ctx)
			if err == nil && !strings.Contains(said, " passed") {
				return fmt.Errorf("no test ran: %s", said)
			}
			return err
		}},
		{"serving/the image serves the model, as a user without rights", func(ctx context.Context) error {
			image := trained().ServingImage()
			user, err := image.User(ctx)
			if err != nil || user != "65532:65532" {
				return fmt.Errorf("it runs as %q (%v), want 65532:65532", user, err)
			}
			server := image.AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
			return smoke(dagger.TensorflowCiModelSmokeTestOpts{Server: server}).Check(ctx)
		}},
		{"serving/equal models give one digest, another model another", func(ctx context.Context) error {
			digest := func(model *dagger.Directory) (string, error) {
				return line(tiny()).Model(model).ServingImageDigest(ctx)
			}
			first, err := digest(trained().SavedModel().WithTimestamps(1))
			if err != nil {
				return err
			}
			again, err := digest(trained().SavedModel().WithTimestamps(1_700_000_000))
			if err != nil {
				return err
			}
			other, err := digest(trained("train.args.epochs=20").SavedModel())
			if err == nil && (first != again || first == other || !strings.HasPrefix(first, "sha256:")) {
				return fmt.Errorf("digests: first %s, again %s (want equal), another model's %s (want another)", first, again, other)
			}
			return err
		}},
	}
	if t.Database == "" {
		return checks
	}
	return append(checks,
		check{"serving/publish scans model and image, and gives the digest", func(ctx context.Context) error {
			address := t.registry() + "/tests/tiny-serving:1"
			published, err := trained().PublishServing(ctx, address)
			if err != nil {
				return err
			}
			digest, err := trained().ServingImageDigest(ctx)
			if err == nil && published != address+"@"+digest {
				return fmt.Errorf("published %s, want %s@%s", published, address, digest)
			}
			return err
		}},
		check{"serving/an image with a finding that nobody accepts is not published", func(ctx context.Context) error {
			strict := tiny().WithNewFile(".trivyignore.yaml", accepted(time.Now().AddDate(0, 1, 0), "CVE-2000-0001"))
			_, err := line(strict).Model(trained().SavedModel()).PublishServing(ctx, t.registry()+"/tests/tiny-serving:2")
			return refused(err, "nothing was published", "CVE-2026-0994")
		}},
	)
}

// smokeReport is what a smoke test leaves, as far as the tests look at it.
type smokeReport struct {
	Examples    int
	MaxAbsDiffs map[string]*float64
	Load        struct {
		Requests  int
		PerSecond float64
		LatencyMs struct{ P99 float64 }
	}
	Rollout *struct{ Pushes, AnsweredBefore, AnsweredAfter int }
}

func readSmoke(ctx context.Context, test *dagger.TensorflowCiSmokeTest) (smokeReport, error) {
	var report smokeReport
	text, err := test.Report().Contents(ctx)
	if err != nil {
		return report, err
	}
	return report, json.Unmarshal([]byte(text), &report)
}

// beside is a container that reaches a server under the name server, with the line's own programs for asking one.
func (t *Tests) beside(server *dagger.Service) *dagger.Container {
	return dag.Container().From("tensorflow/tensorflow:2.16.2").
		WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
		With(t.tools).
		WithMountedDirectory("/scripts", t.Scripts).
		WithEnvVariable("PYTHONPATH", "/tools:/scripts").
		WithServiceBinding("server", server).
		// A server that is asked again may answer otherwise.
		WithEnvVariable("NOW", time.Now().String())
}

// tools adds pytest and the messages of TensorFlow Serving, in a folder of their own.
func (t *Tests) tools(container *dagger.Container) *dagger.Container {
	install := []string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--target", "/tools", "--no-deps", "--require-hashes"}
	return container.
		WithFile("/pytest.txt", t.Scripts.File("requirements/pytest.txt")).
		WithFile("/serving.txt", t.Scripts.File("requirements/serving.txt")).
		WithEnvVariable("PIP_CERT", certificates).
		WithExec(append(install, "-r", "/pytest.txt", "-r", "/serving.txt")).
		WithEnvVariable("PYTHONPATH", "/tools")
}

// trainMoody exports a model whose answers drift with each request: one that no server may be trusted with.
const trainMoody = `import argparse

import tensorflow as tf

parser = argparse.ArgumentParser()
parser.add_argument("--data-path")
parser.add_argument("--model-dir")
options = parser.parse_args()


class Moody(tf.Module):
    def __init__(self):
        super().__init__()
        self.count = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="x")])
    def serve(self, x):
        return {"score": tf.sigmoid(x[:, :1]) * 0.5 + self.count.assign_add(1e-3)}


moody = Moody()
tf.saved_model.save(moody, options.model_dir, signatures={"serving_default": moody.serve.get_concrete_function()})
`
