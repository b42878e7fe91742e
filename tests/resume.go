package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// dies kills the phishing project's training after its second epoch; a run that goes on never ends that epoch again.
const dies = `
import os
import signal

from src import checkpoint

_keep = checkpoint.Checkpoints.on_epoch_end


def _keep_and_die(self, epoch, logs=None):
    _keep(self, epoch, logs)
    if epoch == 1:
        os.kill(os.getpid(), signal.SIGKILL)


checkpoint.Checkpoints.on_epoch_end = _keep_and_die
`

// takesFlag is how the script of takesCheckpoints takes --checkpoint-dir.
const takesFlag = "parser.add_argument(\"--model-dir\")\nparser.add_argument(\"--checkpoint-dir\", type=pathlib.Path)\n"

// takesCheckpoints is the tiny project's script with code before it trains, for which mark is a file among the checkpoints.
func takesCheckpoints(code string) string {
	const parsed = "options = parser.parse_args()\n"
	script := strings.Replace(trainTiny, "parser.add_argument(\"--model-dir\")\n", takesFlag, 1)
	return strings.Replace(script, parsed, parsed+"import os\nmark = options.checkpoint_dir / 'mark'\n"+code, 1)
}

// resume: a training that was killed goes on from its last checkpoint, and the manifest says that it did.
func (t *Tests) resume() []check {
	script := takesCheckpoints
	return []check{
		{"resume/goes on after a kill, and the manifest says so", func(ctx context.Context) error {
			project := fresh(tiny().WithNewFile("train.py", script("if not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), 9)\n")))
			_, err := line(project).Train().SavedModel().Sync(ctx)
			if err := refused(err, "train.py was killed (signal 9)"); err != nil {
				return err
			}
			return resumed(ctx, line(again(project)).Train(), true)
		}},
		{"resume/other inputs find no checkpoint", func(ctx context.Context) error {
			project := fresh(tiny().WithNewFile("train.py", script("if not mark.exists():\n    mark.touch()\n    os.kill(os.getpid(), 9)\n")))
			for _, set := range []string{"train.seed=1", "train.seed=2", "train.args.epochs=2"} {
				_, err := line(project, set).Train().SavedModel().Sync(ctx)
				if err := refused(err, "train.py was killed (signal 9)"); err != nil {
					return fmt.Errorf("%s: %w", set, err)
				}
			}
			return nil
		}},
		{"resume/a run that nobody interrupts does not say so", func(ctx context.Context) error {
			project := fresh(tiny().WithNewFile("train.py", script("mark.touch()\n")))
			return resumed(ctx, line(project).Train(), false)
		}},
		{"resume/a project that takes no checkpoints is given none", func(ctx context.Context) error {
			project := fresh(tiny().WithNewFile("train.py", "import os\nos._exit(5 if os.path.exists('/checkpoints') else 4)\n"))
			_, err := line(project).Train().SavedModel().Sync(ctx)
			return refused(err, "exited with status 4")
		}},
		{"resume/a flag in another file than the script is found", func(ctx context.Context) error {
			const elsewhere = "parser.add_argument(\"--model-dir\")\nimport flags\nflags.add(parser)\n"
			train := strings.Replace(script("raise SystemExit(f'kept in {mark.parent}')\n"), takesFlag, elsewhere, 1)
			project := fresh(tiny().WithNewFile("train.py", train).
				WithNewFile("flags.py", "import pathlib\n\n\ndef add(parser):\n    parser.add_argument('--checkpoint-dir', type=pathlib.Path)\n"))
			_, err := line(project).Train().SavedModel().Sync(ctx)
			return refused(err, "kept in /checkpoints")
		}},
		{"resume/a checkpoint that cannot be used is not used for ever", func(ctx context.Context) error {
			project := fresh(tiny().WithNewFile("train.py", script("if mark.exists():\n    raise SystemExit(3)\nmark.touch()\nos.kill(os.getpid(), 9)\n")))
			for _, want := range []string{"signal 9", "the next run begins anew", "signal 9"} {
				_, err := line(again(project)).Train().SavedModel().Sync(ctx)
				if err := refused(err, want); err != nil {
					return err
				}
			}
			return nil
		}},
		{"resume/ends with the weights of a run that nobody interrupted", func(ctx context.Context) error {
			text, err := t.Phishing.File("train.py").Contents(ctx)
			if err != nil {
				return err
			}
			const guard = `if __name__ == "__main__":`
			project := fresh(t.Phishing.WithNewFile("train.py", strings.Replace(text, guard, dies+"\n"+guard, 1)))
			_, err = line(project, "train.args.epochs=4").Train().SavedModel().Sync(ctx)
			if err := refused(err, "train.py was killed (signal 9)"); err != nil {
				return err
			}
			interrupted := line(again(project), "train.args.epochs=4").Train()
			if err := resumed(ctx, interrupted, true); err != nil {
				return err
			}
			got, err := interrupted.Digest(ctx)
			if err != nil {
				return err
			}
			want, err := line(t.Phishing, "train.args.epochs=4").Train().Digest(ctx)
			if err == nil && got != want {
				return fmt.Errorf("after a kill the model is %s, without one it is %s", got, want)
			}
			return err
		}},
	}
}

// fresh is a project that no run has seen before, so that what it leaves behind is this run's own.
func fresh(project *dagger.Directory) *dagger.Directory {
	return project.WithNewFile("fresh.txt", time.Now().Format(time.RFC3339Nano))
}

// again is the same project to the training and another to the engine, which repeats no error within a session.
func again(project *dagger.Directory) *dagger.Directory {
	return project.WithNewFile("README.md", time.Now().Format(time.RFC3339Nano))
}

// resumed wants a model's manifest to say whether its training went on from a checkpoint.
func resumed(ctx context.Context, model *dagger.TensorflowCiModel, want bool) error {
	text, err := model.Manifest().Contents(ctx)
	if err != nil {
		return err
	}
	var manifest struct{ Parameters struct{ Resumed bool } }
	if err := json.Unmarshal([]byte(text), &manifest); err != nil {
		return err
	}
	if got := manifest.Parameters.Resumed; got != want {
		return fmt.Errorf("parameters.resumed in the manifest is %v, want %v", got, want)
	}
	return nil
}
