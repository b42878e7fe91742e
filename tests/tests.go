package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// tests: a suite's report can be had whatever its result, and only its check fails.
func (t *Tests) tests() []check {
	failing := tiny().WithNewFile("tests/test_tiny.py", testTiny+"\n\ndef test_wrong():\n    assert 1 + 1 == 3\n")
	return []check{
		{"tests/pass, with JUnit and coverage", func(ctx context.Context) error {
			report := line(t.Phishing).Test()
			if err := report.Check(ctx); err != nil {
				return err
			}
			for _, name := range []string{"junit.xml", "coverage.xml"} {
				text, err := report.Reports().File(name).Contents(ctx)
				if err != nil {
					return err
				}
				if !strings.Contains(text, "<testsuite") && !strings.Contains(text, "<coverage") {
					return fmt.Errorf("%s is not the report that its name says: %.80s", name, text)
				}
			}
			return nil
		}},
		{"tests/a failing test fails the check and names itself", func(ctx context.Context) error {
			return refused(line(failing).Test().Check(ctx), "1 of 2 failed", "test_wrong")
		}},
		{"tests/a failing test's report can be exported", func(ctx context.Context) error {
			text, err := line(failing).Test().Reports().File("junit.xml").Contents(ctx)
			if err == nil && !strings.Contains(text, "<failure") {
				return fmt.Errorf("junit.xml holds no failure: %s", text)
			}
			return err
		}},
		{"tests/a failing test stops the pipeline", func(ctx context.Context) error {
			_, err := line(failing).Pipeline().Sync(ctx)
			return refused(err, "tests: 1 of 2 failed")
		}},
		{"tests/a failing test ends the training beside it", func(ctx context.Context) error {
			const training = 15 * time.Minute
			began := time.Now()
			_, err := line(failing.WithNewFile("train.py", fmt.Sprintf("import time\n\ntime.sleep(%g)\n", training.Seconds()))).Pipeline().Sync(ctx)
			if err := refused(err, "tests: 1 of 2 failed"); err != nil {
				return err
			}
			if took := time.Since(began); took > training {
				return fmt.Errorf("the run waited for its training: it failed after %s", took)
			}
			return nil
		}},
		{"tests/too little coverage fails the check", func(ctx context.Context) error {
			return refused(line(tiny(), "test.coverage.source=.", "test.coverage.minimum=99").Test().Check(ctx), "test.coverage.minimum of 99 %")
		}},
		{"tests/no test at all fails the check", func(ctx context.Context) error {
			return refused(line(tiny().WithNewFile("tests/test_tiny.py", "")).Test().Check(ctx), "no test was found")
		}},
		{"tests/a suite that hangs is stopped", func(ctx context.Context) error {
			hanging := tiny().WithNewFile("tests/test_tiny.py", "import time\n\n\ndef test_hangs():\n    time.sleep(600)\n")
			return refused(line(hanging, "test.time-limit=3s").Test().Check(ctx), "stopped after 3 s", "test.time-limit")
		}},
	}
}
