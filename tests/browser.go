package main

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

//go:embed testdata/browser
var browserFiles embed.FS

// driven is a file of what drives the browser. As text it has a place in the cache of its own, as a file of the module it has the module's.
func driven(name string) string {
	text, err := browserFiles.ReadFile("testdata/browser/" + name)
	if err != nil {
		panic(err) // a name that this file itself misspelt
	}
	return string(text)
}

// hostile is an evaluation in which every name is an attack on whoever shows it.
const hostile = `{
  "task": "binary", "metrics": {"accuracy": 0.5, "<script>alert(1)</script>": 0.1234567890123, "\"><img src=x onerror=alert(2)>": null, "examples": 4},
  "confusion": [[1, 1], [1, 1]], "nonFinite": [], "output": "o", "signature": "s",
  "slices": {"a=</script><script>alert(3)</script>": {"metrics": {"accuracy": 0.25}}, "b='\"&$x^$": {"metrics": {"accuracy": 0.75}}},
  "gate": {"passed": false, "verdicts": [{"metric": "<b>x</b>", "limit": "minimum", "want": 0.5, "got": 0.1, "by": 0.4, "passed": false, "reason": "<iframe src=//example.com>"}]}
}`

// browser: the report's page in a real Chromium, on white, on black and on a phone.
func (t *Tests) browser() []check {
	return []check{
		{"browser/the page of a run", func(ctx context.Context) error {
			out := line(t.Phishing).Pipeline()
			return t.seen(ctx, out.Directory("report"), out.File("reports/evaluation.json"))
		}},
		{"browser/a page beside a baseline, ten classes", func(ctx context.Context) error {
			model := line(t.Digits).Train()
			baseline := model.SavedModel()
			return t.seen(ctx, model.Report(dagger.TensorflowCiModelReportOpts{Baseline: baseline}),
				model.Evaluate(dagger.TensorflowCiModelEvaluateOpts{Baseline: baseline}).Report())
		}},
		{"browser/a page whose names are attacks", func(ctx context.Context) error {
			result := dag.Directory().
				WithNewFile("evaluation.json", hostile).
				WithNewFile("reports/steps.json", `[{"name": "<script>alert(4)</script>", "verdict": "<img src=x onerror=alert(5)>", "seconds": 1}]`).
				WithNewFile("verdict.txt", "<script>alert(6)</script>")
			return t.seen(ctx, line(tiny()).Report(result), result.File("evaluation.json"))
		}},
		{"browser/what is wrong with a page is seen", func(ctx context.Context) error {
			result := dag.Directory().WithNewFile("evaluation.json", hostile)
			other := dag.Directory().WithNewFile("evaluation.json", strings.Replace(hostile, "0.25", "0.26", 1))
			page, err := line(tiny()).Report(result).File("index.html").Contents(ctx)
			if err != nil {
				return err
			}
			page = strings.Replace(page, "default-src 'none'", "default-src *", 1)
			page = strings.Replace(page, "<main>", `<main><img src="http://127.0.0.1:9/x.png" alt="">`, 1)
			err = t.seen(ctx, dag.Directory().WithNewFile("index.html", page), other.File("evaluation.json"))
			return refused(err, "shows accuracy as 0.25, evaluation.json says 0.26", "console error")
		}},
	}
}

// Screenshots returns the page of a run as people see it: report-light.png, report-dark.png and report-phone.png.
func (t *Tests) Screenshots() *dagger.Directory {
	if t.Database != "" {
		always = []string{"scan.database=" + t.Database}
	}
	out := line(t.Phishing).Pipeline()
	return look(out.Directory("report"), out.File("reports/evaluation.json")).Directory("/pictures")
}

// seen wants a page to be without fault.
func (t *Tests) seen(ctx context.Context, report *dagger.Directory, evaluation *dagger.File) error {
	said, err := look(report, evaluation).CombinedOutput(ctx)
	if err != nil {
		return err
	}
	if !strings.Contains(said, " 0 problems") {
		return fmt.Errorf("the page in Chromium: %s", said)
	}
	return nil
}

// look opens a page in Chromium, whatever is wrong with it.
func look(report *dagger.Directory, evaluation *dagger.File) *dagger.Container {
	driver := dag.Directory()
	for _, name := range []string{"package.json", "package-lock.json"} {
		driver = driver.WithNewFile(name, driven(name))
	}
	node := dag.Container().From("node:22.20.0-bookworm-slim")
	installed := node.
		WithDirectory("/driver", driver).
		WithWorkdir("/driver").
		WithEnvVariable("NODE_EXTRA_CA_CERTS", "/etc/ssl/certs/ca-certificates.crt").
		WithExec([]string{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"}).
		Directory("/driver")
	return node.
		WithExec([]string{"apt-get", "update"}).
		WithEnvVariable("DEBIAN_FRONTEND", "noninteractive").
		WithExec([]string{"apt-get", "install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"}).
		WithDirectory("/driver", installed).
		WithNewFile("/driver/report.mjs", driven("report.mjs")).
		WithMountedDirectory("/report", report).
		WithMountedFile("/evaluation.json", evaluation).
		WithDirectory("/pictures", dag.Directory()).
		WithExec([]string{"node", "/driver/report.mjs", "/report/index.html", "/evaluation.json", "/pictures"},
			dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny})
}
