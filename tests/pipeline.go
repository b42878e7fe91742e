package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// pipeline: the shape of what comes out is fixed, because others build on it.
func (t *Tests) pipeline() []check {
	return []check{
		{"pipeline/makes every file that it promises", func(ctx context.Context) error {
			out, err := line(t.Phishing).Pipeline().Sync(ctx)
			if err != nil {
				return err
			}
			for _, name := range []string{
				"model/saved_model.pb", "model/fingerprint.pb", "model/variables/variables.index", "metrics.json", "manifest.json",
				"exports/tflite/model.tflite", "report/index.html", "report/report.md", "reports/junit.xml", "reports/coverage.xml", "reports/evaluation.json", "reports/predictions.csv", "reports/tflite.json", "reports/steps.json",
				"reports/scan.json", "reports/scan.sarif", "reports/sbom.cdx.json", "reports/gl-container-scanning-report.json",
			} {
				if found, err := out.Exists(ctx, name); err != nil || !found {
					return fmt.Errorf("%s is missing (%v)", name, err)
				}
			}
			logs, err := out.Glob(ctx, "logs/**/events.out.tfevents.*")
			if err == nil && len(logs) == 0 {
				return fmt.Errorf("logs/ holds no TensorBoard events")
			}
			return err
		}},
		{"pipeline/a second project: a CNN on another TensorFlow, from uv.lock", func(ctx context.Context) error {
			text, err := line(t.Digits).Pipeline().File("metrics.json").Contents(ctx)
			if err != nil {
				return err
			}
			var metrics struct{ Accuracy float64 }
			if err := json.Unmarshal([]byte(text), &metrics); err != nil || metrics.Accuracy < 0.95 {
				return fmt.Errorf("metrics.json: want an accuracy of at least 0.95, have %s", text)
			}
			return nil
		}},
		{"pipeline/the manifest says what the model is a function of", func(ctx context.Context) error {
			text, err := line(t.Phishing).Pipeline().File("manifest.json").Contents(ctx)
			if err != nil {
				return err
			}
			var manifest struct {
				CanonicalDigest string
				Source, Data    struct{ Digest string }
				Images          map[string]struct{ Reference, Digest string }
				Seed            *int
				Metrics         map[string]any
			}
			if err := json.Unmarshal([]byte(text), &manifest); err != nil {
				return err
			}
			for name, digest := range map[string]string{
				"canonicalDigest": manifest.CanonicalDigest, "source": manifest.Source.Digest, "data": manifest.Data.Digest,
				"image": manifest.Images["tensorflow"].Digest,
			} {
				if !strings.HasPrefix(digest, "sha256:") || len(digest) != len("sha256:")+64 {
					return fmt.Errorf("%s digest in the manifest is %q", name, digest)
				}
			}
			if manifest.Seed == nil || *manifest.Seed != 7 || manifest.Metrics["accuracy"] == nil {
				return fmt.Errorf("the manifest lacks seed or metrics: %s", text)
			}
			return nil
		}},
		{"pipeline/equal inputs give an equal manifest", func(ctx context.Context) error {
			first, err := line(tiny()).Pipeline().File("manifest.json").Contents(ctx)
			if err != nil {
				return err
			}
			second, err := line(tiny().WithNewFile("README.md", "not an input")).Pipeline().File("manifest.json").Contents(ctx)
			if err == nil && first != second {
				return fmt.Errorf("a file that is no input changed the manifest:\n%s\nthen\n%s", first, second)
			}
			return err
		}},
	}
}
