package main

import (
	"context"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// schemaTiny is what the rows of the tiny project must be.
const schemaTiny = `version: 1
tables:
  - paths: [data/train.csv, data/held-out.csv]
    columns:
      a: {dtype: float64, greater_than_or_equal_to: 0.0, less_than_or_equal_to: 1.0}
      b: {dtype: float64, greater_than_or_equal_to: 0.0, less_than_or_equal_to: 1.0}
      y: {dtype: int64, isin: [0, 1]}
`

// rowsTiny are rows of the tiny project with some of them replaced.
func rowsTiny(replaced map[int]string) string {
	rows := []string{"a,b,y"}
	for at := range 8 {
		rows = append(rows, fmt.Sprintf("0.%d1,0.%d9,%d", at, 8-at, at%2))
		if row, found := replaced[at+1]; found {
			rows[at+1] = row
		}
	}
	return strings.Join(rows, "\n") + "\n"
}

// data: rows that break a rule, and data that are not those of the lock, stop the line before anything is trained.
func (t *Tests) data() []check {
	broken := tiny().WithNewFile("data-schema.yaml", schemaTiny).
		WithNewFile("data/train.csv", rowsTiny(map[int]string{3: "1.5,0.9,0", 5: "0.1,,0", 6: "0.9,0.1,2", 7: "0.9,much,1"}))
	says := []string{
		"data-schema.yaml is broken",
		"data/train.csv, column a: less_than_or_equal_to(1.0): broken by 1 row: 3; the first is 1.5",
		"data/train.csv, column b: no value may be missing: broken by 1 row: 5",
		"data/train.csv, column b: every value is float64: broken by 1 row: 7; the first is much",
		"data/train.csv, column y: isin([0, 1]): broken by 1 row: 6; the first is 2",
	}
	locked := func(project *dagger.Directory) *dagger.Directory {
		return project.WithFile("data.lock", line(project).DataLock())
	}
	swapped := rowsTiny(map[int]string{1: "0.11,0.79,1", 2: "0.01,0.89,0"})
	return []check{
		{"data/real data fit their committed schemas, a table and arrays", func(ctx context.Context) error {
			for _, project := range []*dagger.Directory{t.Phishing, t.Digits} {
				report := line(project).DataCheck()
				if err := report.Check(ctx); err != nil {
					return err
				}
				summary, err := report.Summary(ctx)
				if err != nil {
					return err
				}
				if !strings.HasSuffix(summary, "rows in 2 files fit data-schema.yaml") {
					return fmt.Errorf("the summary is %q", summary)
				}
			}
			return nil
		}},
		{"data/an inferred schema holds for what it was inferred from", func(ctx context.Context) error {
			project := tiny().WithFile("data-schema.yaml", line(tiny()).DataSchema())
			return line(project).DataCheck().Check(ctx)
		}},
		{"data/rows that break a rule stop the line, with column, rule and rows", func(ctx context.Context) error {
			_, err := line(broken).Train().SavedModel().Sync(ctx)
			if err := refused(err, says...); err != nil {
				return fmt.Errorf("train: %w", err)
			}
			_, err = line(broken).Pipeline().Sync(ctx)
			return refused(err, says...)
		}},
		{"data/the report of rows that break a rule can be exported", func(ctx context.Context) error {
			reports := line(broken).DataCheck().Reports()
			text, err := reports.File("data-violations.json").Contents(ctx)
			if err == nil && strings.Count(text, `"rule"`) != 4 {
				return fmt.Errorf("data-violations.json: want 4 rules, have %s", text)
			}
			if err != nil {
				return err
			}
			text, err = reports.File("data-profile.json").Contents(ctx)
			if err == nil && !strings.Contains(text, `"rows": 8`) {
				return fmt.Errorf("data-profile.json: want 8 rows, have %s", text)
			}
			return err
		}},
		{"data/a schema that is none", func(ctx context.Context) error {
			for text, want := range map[string]string{
				"version: 2\ntables: []\n": "version is 2",
				"tables: [\n":              "is no YAML",
				strings.Replace(schemaTiny, "isin", "is-in", 1): "tables[0].columns.y has the unknown key 'is-in'",
			} {
				if err := refused(line(tiny().WithNewFile("data-schema.yaml", text)).DataCheck().Check(ctx), "data-schema.yaml: ", want); err != nil {
					return err
				}
			}
			return nil
		}},
		{"data/data of a lock hold", func(ctx context.Context) error {
			return line(locked(tiny())).DataCheck().Check(ctx)
		}},
		{"data/data that changed under the same name are refused", func(ctx context.Context) error {
			says := []string{"data: data changed under the same name", "data.lock says sha256:"}
			project := locked(tiny().WithNewFile("data/train.csv", rowsTiny(nil))).WithNewFile("data/train.csv", swapped)
			_, err := line(project).Train().SavedModel().Sync(ctx)
			if err := refused(err, says...); err != nil {
				return fmt.Errorf("train: %w", err)
			}
			if err := refused(line(project).DataCheck().Check(ctx), says...); err != nil {
				return err
			}
			held := locked(tiny()).WithNewFile("data/held-out.csv", swapped)
			return refused(line(held).DataCheck().Check(ctx), "data/held-out.csv changed under the same name")
		}},
		{"data/a lock that is none, or of other data", func(ctx context.Context) error {
			if err := refused(line(tiny().WithNewFile("data.lock", "data: 1\n")).DataCheck().Check(ctx), "data.lock: want a JSON object"); err != nil {
				return err
			}
			other := `{"rows": "sha256:` + strings.Repeat("0", 64) + `"}`
			return refused(line(tiny().WithNewFile("data.lock", other)).DataCheck().Check(ctx), "data.lock does not name data; it names rows")
		}},
		{"data/the tests of the programs that need pandera, beside both versions of NumPy", func(ctx context.Context) error {
			for _, version := range []string{"2.16.2", "2.21.0"} {
				said, err := dag.Container().From("tensorflow/tensorflow:"+version).
					WithEnvVariable("PIP_CERT", certificates).
					WithEnvVariable("PYTHONDONTWRITEBYTECODE", "1").
					WithDirectory("/requirements", t.Scripts.Directory("requirements").Filter(dagger.DirectoryFilterOpts{Include: []string{"pytest.txt", "pandera.txt"}})).
					WithExec([]string{"python3", "-m", "pip", "install", "--quiet", "--no-cache-dir", "--no-deps", "--target", "/tools", "--require-hashes",
						"-r", "/requirements/pytest.txt", "-r", "/requirements/pandera.txt"}).
					WithEnvVariable("PYTHONPATH", "/tools").
					WithMountedDirectory("/scripts", t.Scripts.Filter(dagger.DirectoryFilterOpts{
						Include: []string{"data*.py", "schemafile.py", "treedigest.py", "step.py"},
					})).
					WithWorkdir("/scripts").
					WithExec([]string{"python3", "-m", "pytest", "-q", "-p", "no:cacheprovider"}).
					Stdout(ctx)
				if err != nil {
					return err
				}
				if !strings.Contains(said, " passed") || strings.Contains(said, "skipped") {
					return fmt.Errorf("on TensorFlow %s: %s", version, said)
				}
			}
			return nil
		}},
	}
}
