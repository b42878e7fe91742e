package main

import (
	"context"
	"fmt"
	"strings"
)

// lint: findings can be read and exported, and only the check fails.
func (t *Tests) lint() []check {
	untidy := tiny().WithNewFile("untidy.py", "import os\nx = {  'a':1 }\n")
	return []check{
		{"lint/tidy code passes", func(ctx context.Context) error {
			return line(t.Phishing).Lint().Check(ctx)
		}},
		{"lint/findings fail the check and name themselves", func(ctx context.Context) error {
			return refused(line(untidy).Lint().Check(ctx), "untidy.py:1: F401", "not as ruff format writes them")
		}},
		{"lint/the report of findings is SARIF and text", func(ctx context.Context) error {
			reports := line(untidy).Lint().Reports()
			sarif, err := reports.File("lint.sarif").Contents(ctx)
			if err != nil {
				return err
			}
			text, err := reports.File("lint.txt").Contents(ctx)
			if err == nil && (!strings.Contains(sarif, `"2.1.0"`) || !strings.Contains(text, "untidy.py")) {
				return fmt.Errorf("lint.sarif: %.200s; lint.txt: %.200s", sarif, text)
			}
			return err
		}},
		{"lint/findings stop the pipeline", func(ctx context.Context) error {
			_, err := line(untidy).Pipeline().Sync(ctx)
			return refused(err, "lint: ", "untidy.py")
		}},
		{"lint/a configuration that ruff cannot read", func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("ruff.toml", "line-length = \"wide\"\n")).Lint().Reports().Sync(ctx)
			return refused(err, "ruff could not check the project", "line-length")
		}},
		{"lint/a path that the project does not have", func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("tensorflow-ci.yaml", "version: 1\nlint: {paths: [src]}\n")).Lint().Reports().Sync(ctx)
			return refused(err, "lint.paths names src")
		}},
	}
}
