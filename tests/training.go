package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"dagger/tests/internal/dagger"
)

// training: the script's contract, kept and broken, and what the model is a function of.
func (t *Tests) training() []check {
	const parsed = "import argparse, pathlib, sys\np = argparse.ArgumentParser()\np.add_argument('--model-dir', type=pathlib.Path)\np.add_argument('--data-path', type=pathlib.Path)\na = p.parse_args()\n"
	scripts := []struct {
		name, code string
		want       []string
	}{
		{"exits 3", "import sys; sys.exit(3)\n", []string{"train.py exited with status 3"}},
		{"writes no model", parsed, []string{"left no SavedModel", "model.export"}},
		{"saves a damaged .keras file", parsed + "(a.model_dir / 'model.keras').write_text('x')\n", []string{"left no SavedModel", "model.keras cannot be loaded"}},
		{"calls model.save as in Keras 2", parsed + "import keras\nkeras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(str(a.model_dir))\n",
			[]string{"call model.export"}},
		{"eats memory", "kept = [bytearray(b'x' * (16 << 20)) for _ in range(192)]\n", []string{"train.py was stopped when it held", "above 1GiB, the limit in train.memory"}},
		{"looks for the held-out rows", parsed + "sys.exit(9 if (a.data_path / 'held-out.csv').exists() else 4)\n", []string{"exited with status 4"}},
	}
	var checks []check
	for _, script := range scripts {
		checks = append(checks, check{"train/a script that " + script.name, func(ctx context.Context) error {
			_, err := line(tiny().WithNewFile("train.py", script.code), "train.memory=1GiB").Train().SavedModel().Sync(ctx)
			return refused(err, script.want...)
		}})
	}
	return append(checks,
		check{"train/a script that hangs", func(ctx context.Context) error {
			hanging := tiny().WithNewFile("train.py", "import time\nprint('thinking', flush=True)\ntime.sleep(600)\n")
			_, err := line(hanging, "train.time-limit=12s").Train().SavedModel().Sync(ctx)
			return refused(err, "stopped after 12 s", "train.time-limit")
		}},
		check{"train/a project without train.py", func(ctx context.Context) error {
			_, err := line(tiny().WithoutFile("train.py")).Train().SavedModel().Sync(ctx)
			return refused(err, "train.script names train.py, which the project does not have")
		}},
		check{"train/an empty data folder", func(ctx context.Context) error {
			_, err := line(tiny().WithoutDirectory("data").WithNewDirectory("data")).Train().SavedModel().Sync(ctx)
			return refused(err, "the data folder data is empty")
		}},
		check{"train/data from outside the project", func(ctx context.Context) error {
			outside := dag.TensorflowCi(dagger.TensorflowCiOpts{Source: tiny().WithoutDirectory("data"), Data: tiny().Directory("data")})
			_, err := outside.Train().SavedModel().File("saved_model.pb").Sync(ctx)
			return err
		}},
		check{"train/trains on real data and logs for TensorBoard", func(ctx context.Context) error {
			logs, err := line(t.Phishing, "train.args.epochs=2").Train().Logs().Glob(ctx, "**/events.out.tfevents.*")
			if err == nil && len(logs) == 0 {
				return fmt.Errorf("no event files in logs/")
			}
			return err
		}},
		check{"train/two real runs give equal models, another seed another", func(ctx context.Context) error {
			digest := func(project *dagger.Directory, set ...string) (string, error) {
				return line(project, append(set, "train.args.epochs=2")...).Train().Digest(ctx)
			}
			first, err := digest(t.Phishing)
			if err != nil {
				return err
			}
			// A file that the script never reads: enough for the engine to run the training again.
			again, err := digest(t.Phishing.WithNewFile("src/unread.txt", "x"))
			if err != nil {
				return err
			}
			other, err := digest(t.Phishing, "train.seed=8")
			if err != nil {
				return err
			}
			if first != again || first == other || !strings.HasPrefix(first, "sha256:") {
				return fmt.Errorf("digests: first %s, again %s (want equal), other seed %s (want another)", first, again, other)
			}
			return nil
		}},
		check{"train/threads: auto is the number of this engine's processors, and recorded", func(ctx context.Context) error {
			threads := func(set ...string) (string, error) {
				text, err := line(tiny(), set...).Train().Manifest().Contents(ctx)
				if err != nil {
					return "", err
				}
				var manifest struct{ Threads map[string]string }
				err = json.Unmarshal([]byte(text), &manifest)
				return manifest.Threads["TF_NUM_INTRAOP_THREADS"], err
			}
			counted, err := line(tiny()).Environment().WithExec([]string{"python3", "-c", "import os; print(len(os.sched_getaffinity(0)))"}).Stdout(ctx)
			if err != nil {
				return err
			}
			most, err := strconv.Atoi(strings.TrimSpace(counted))
			if err != nil {
				return err
			}
			got, err := threads("train.threads=auto")
			if err != nil {
				return err
			}
			// A control group can allow fewer than the scheduler does.
			if number, err := strconv.Atoi(got); err != nil || number < 1 || number > most {
				return fmt.Errorf("auto is recorded as %q threads, of %d processors", got, most)
			}
			if got, err = threads("train.threads=auto", "train.reproducible=portable"); err == nil && got != "1" {
				return fmt.Errorf("portable with auto is recorded as %q threads, want 1", got)
			}
			return err
		}},
	)
}
