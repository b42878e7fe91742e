package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

// experiments: a grid gives one table and one best model, and a cell that fails takes no other with it.
func (t *Tests) experiments() []check {
	const failsAtThree = "if options.epochs == 3:\n    raise SystemExit('three is not to be')\n"
	breaking := tiny().WithNewFile("train.py", strings.Replace(trainTiny, "rows = ", failsAtThree+"rows = ", 1))
	bad := []struct {
		name, grid string
		want       []string
	}{
		{"a grid of something else", "epochs: [1]\n", []string{"grid: line 1", "epochs", "train.args.NAME"}},
		{"a list that is empty", "train.seed: [1]\ntrain.args.epochs: []\n", []string{"grid: line 2", "train.args.epochs", "empty"}},
		{"a value given twice", "train.seed: [1, 1]\n", []string{"grid: line 1", "train.seed", "twice"}},
		{"a value that no setting can have", "train.seed: [-1]\n", []string{"train.seed", "-1 is out of range"}},
		{"too many cells", "train.seed: [" + strings.TrimSuffix(strings.Repeat("%d, ", 1001), ", ") + "]\n", []string{"1001 cells", "1000"}},
	}
	var checks []check
	for _, bad := range bad {
		text := bad.grid
		if count := strings.Count(text, "%d"); count > 0 {
			numbers := make([]any, count)
			for at := range numbers {
				numbers[at] = at
			}
			text = fmt.Sprintf(text, numbers...)
		}
		checks = append(checks, check{"experiments/refuses " + bad.name, func(ctx context.Context) error {
			_, err := line(tiny()).Experiments(gridFile(text)).Summary(ctx)
			return refused(err, bad.want...)
		}})
	}
	return append(checks,
		check{"experiments/refuses no cell at a time", func(ctx context.Context) error {
			_, err := line(tiny()).Experiments(gridFile("train.seed: [1]\n"), dagger.TensorflowCiExperimentsOpts{Parallel: -1}).Summary(ctx)
			return refused(err, "--parallel is -1")
		}},
		check{"experiments/one failing cell loses no other", func(ctx context.Context) error {
			done := line(breaking).Experiments(gridFile("train.args.epochs: [1, 3]\ntrain.seed: [1, 2]\n"))
			if err := refused(done.Check(ctx), "2 of 4 cells failed", "args.epochs=3, seed=1", "train.py exited with status 1"); err != nil {
				return err
			}
			rows, err := cells(ctx, done)
			if err != nil {
				return err
			}
			for at, row := range rows {
				failed := row.Parameters["train.args.epochs"] == "3"
				if failed == (row.Error == "") || failed == (row.Metrics["accuracy"] != nil) || failed == strings.HasPrefix(row.CanonicalDigest, "sha256:") {
					return fmt.Errorf("cell %d of the table: %+v", at+1, row)
				}
			}
			if len(rows) != 4 || rows[0].CanonicalDigest == rows[1].CanonicalDigest {
				return fmt.Errorf("want 4 cells, and another model for another seed, have %+v", rows)
			}
			text, err := done.Table().File("table.md").Contents(ctx)
			if err == nil && strings.Count(text, "failed: ") != 2 {
				return fmt.Errorf("table.md does not show the two cells that failed:\n%s", text)
			}
			return err
		}},
		check{"experiments/the best model is that of the best cell", func(ctx context.Context) error {
			for metric, best := range map[string]string{"accuracy": "50", "loss": "50"} {
				done := line(t.Phishing).Experiments(gridFile("train.args.epochs: [1, 50]\n"), dagger.TensorflowCiExperimentsOpts{Metric: metric})
				if err := done.Check(ctx); err != nil {
					return err
				}
				got, err := done.Best().Digest(ctx)
				if err != nil {
					return err
				}
				want, err := line(t.Phishing, "train.args.epochs="+best).Train().Digest(ctx)
				if err != nil {
					return err
				}
				if got != want {
					return fmt.Errorf("best by %s is %s, want the model of %s epochs, %s", metric, got, best, want)
				}
			}
			return nil
		}},
		check{"experiments/a metric that is not measured", func(ctx context.Context) error {
			done := line(tiny()).Experiments(gridFile("train.seed: [1]\n"), dagger.TensorflowCiExperimentsOpts{Metric: "beauty"})
			if err := refused(done.Check(ctx), `"beauty" was not measured`, "accuracy"); err != nil {
				return err
			}
			_, err := done.Best().SavedModel().Sync(ctx)
			return refused(err, `"beauty" was not measured`)
		}},
	)
}

func gridFile(text string) *dagger.File {
	return dag.Directory().WithNewFile("grid.yaml", text).File("grid.yaml")
}

// cell is a row of table.json.
type cell struct {
	Parameters      map[string]string
	Metrics         map[string]*float64
	CanonicalDigest string
	Error           string
}

func cells(ctx context.Context, done *dagger.TensorflowCiExperiments) ([]cell, error) {
	text, err := done.Table().File("table.json").Contents(ctx)
	if err != nil {
		return nil, err
	}
	var rows []cell
	return rows, json.Unmarshal([]byte(text), &rows)
}
