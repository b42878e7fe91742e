"""Tests of launch.py: what it says of a script that breaks the contract, and which flags it passes."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence

import launch
import pytest
import step

HERE = pathlib.Path(__file__).parent
SAVES = ("import argparse, pathlib; p = argparse.ArgumentParser(); p.add_argument('--model-dir'); "
         "a, _ = p.parse_known_args(); d = pathlib.Path(a.model_dir)\n")


def train(tmp_path: pathlib.Path, code: str, *rest: str, limit: str = "300", options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
    (tmp_path / "train.py").write_text(code)
    command = [sys.executable, str(HERE / "launch.py"), "--script", "train.py", "--data", "/data", "--out", str(tmp_path / "o"),
               "--seed", "7", "--mode", "off", "--limit", limit, *options, "--", *rest]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=360)


@pytest.mark.parametrize(("code", "status", "message"), [
    ("import sys; sys.exit(3)", 1, "train.py exited with status 3"),
    ("import os; os.kill(os.getpid(), 9)", 1, "was killed (signal 9), most often because memory ran out"),
    ("pass", 2, "left no SavedModel in --model-dir (it left nothing): call model.export(model_dir)"),
    (SAVES + "(d / 'm.keras').write_text('')", 2, "left no SavedModel, and what it left cannot be made into one: m.keras cannot be loaded"),
    (SAVES + "(d / 'm.h5').write_text('')", 2, "saved m.h5, a Keras file and not a SavedModel: call model.export(model_dir)"),
    (SAVES + "(d / '1').mkdir(); (d / '1' / 'saved_model.pb').write_text('')", 2, "wrote its SavedModel into the subfolder 1"),
    ("raise ValueError('Invalid filepath extension for saving.')", 1, "call model.export(model_dir)"),
    ("raise ValueError('Attempt to convert a value (PerReplica:{}) to a Tensor')", 1, "use a custom training loop"),
])
def test_says_what_is_wrong(tmp_path: pathlib.Path, code: str, status: int, message: str) -> None:
    result = train(tmp_path, code)
    assert result.returncode == status
    assert any(message in line for line in result.stderr.splitlines() if line.startswith("error: ")), result.stderr


def test_time_limit(tmp_path: pathlib.Path) -> None:
    result = train(tmp_path, "import time; time.sleep(60)", limit="1")
    assert result.returncode == step.TIMED_OUT and "the limit in train.time-limit" in result.stderr


@pytest.mark.parametrize(("mode", "threads", "usable", "workers", "words"), [
    ("host", "2", 32, 1, ["train.threads is 2 of 32 processors: set train.threads: auto"]),
    ("host", "2", 2, 1, []),
    ("host", "2", 1, 1, []),
    ("host", "8", 32, 4, []),
    ("host", "7", 32, 4, ["train.threads is 7 of 32 processors"]),
    ("host", "256", 512, 1, []),
    ("host", None, 32, 1, []),
    ("portable", "1", 32, 1, []),
    ("off", None, 32, 1, []),
    ("seeded", "32", 32, 1, ["train.reproducible is seeded: operations are not made deterministic"]),
    ("seeded", "2", 32, 1, ["train.reproducible is seeded", "train.threads is 2 of 32"]),
])
def test_notes(mode: str, threads: str | None, usable: int, workers: int, words: list[str]) -> None:
    told = launch.notes(mode, threads, usable, workers)
    assert len(told) == len(words) and all(note.startswith(word) for note, word in zip(told, words))


def test_notes_are_said_and_recorded(tmp_path: pathlib.Path) -> None:
    code = SAVES + "(d / 'saved_model.pb').touch()\n"
    (tmp_path / "train.py").write_text(code)
    command = [sys.executable, str(HERE / "launch.py"), "--script", "train.py", "--data", "/data", "--out", str(tmp_path / "o"),
               "--seed", "7", "--mode", "seeded", "--limit", "300", "--"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=360)
    assert result.returncode == 0, result.stderr
    said = [line for line in result.stdout.splitlines() if line.startswith("note: train.reproducible is seeded")]
    assert len(said) == 1
    assert "note: " + json.loads((tmp_path / "o" / "training.json").read_text())["notes"][0] == said[0]


EATS = "import time\nkept = []\nwhile len(kept) < 64: kept.append(bytearray(b'x' * (16 << 20)))\ntime.sleep(600)\n"  # 1 GiB


@pytest.mark.parametrize("code", [EATS, "import os, time\nif os.fork(): time.sleep(600)\n" + EATS])
def test_memory_limit(tmp_path: pathlib.Path, code: str) -> None:
    result = train(tmp_path, code, options=["--memory", str(300 << 20)])
    assert result.returncode == 1
    assert re.search(r"^error: train.py was stopped when it held [\d.]+MiB of memory, above 300MiB, the limit in train.memory: ",
                     result.stderr, re.MULTILINE), result.stderr


def test_memory_that_is_shared_counts_once(tmp_path: pathlib.Path) -> None:
    code = SAVES + ("import os, time\nshared = bytearray(200 << 20)\nshared[::4096] = b'x' * (50 << 10)\n"  # without a second copy for a moment
                    "for _ in range(3): os.fork() or (time.sleep(1), os._exit(0))\ntime.sleep(1)\n(d / 'saved_model.pb').touch()\n")
    result = train(tmp_path, code, options=["--memory", str(400 << 20)])
    assert result.returncode == 0, result.stderr


def test_arguments_reach_the_script_as_they_are(tmp_path: pathlib.Path) -> None:
    odd = "a b;$(id)\n'\"--x"
    code = SAVES + "import sys, json; (d / 'saved_model.pb').write_text(json.dumps(sys.argv))  # it takes --log-dir"
    result = train(tmp_path, code, "--name", odd)
    assert result.returncode == 0, result.stderr
    argv = json.loads((tmp_path / "o" / "model" / "saved_model.pb").read_text())
    assert argv[argv.index("--name") + 1] == odd
    assert argv[argv.index("--log-dir") + 1] == str(tmp_path / "o" / "logs")
    assert "--checkpoint-dir" not in argv
    record = json.loads((tmp_path / "o" / "training.json").read_text())
    assert record["resumed"] is False and record["exportedBy"] == "the training script"


def test_flags_that_the_project_does_not_name_are_not_passed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "train.py").write_text("# takes --log-directory only")
    assert launch.optional_flags(tmp_path, tmp_path, tmp_path) == []


CHECKPOINTS = SAVES + "# takes --checkpoint-dir\nimport os; c = pathlib.Path(os.sys.argv[os.sys.argv.index('--checkpoint-dir') + 1])\n"


def train_with_checkpoints(tmp_path: pathlib.Path, code: str) -> subprocess.CompletedProcess[str]:
    folder, out = tmp_path / "c", tmp_path / "o"
    folder.mkdir(exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    return train(tmp_path, CHECKPOINTS + code, options=["--checkpoints", str(folder)])


def test_goes_on_after_a_kill_and_empties_the_folder(tmp_path: pathlib.Path) -> None:
    code = "done = (c / '1').exists(); (c / '1').touch()\nif not done: os.kill(os.getpid(), 9)\n(d / 'saved_model.pb').touch()\n"
    killed = train_with_checkpoints(tmp_path, code)
    assert killed.returncode == 1 and "signal 9" in killed.stderr
    resumed = train_with_checkpoints(tmp_path, code)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads((tmp_path / "o" / "training.json").read_text())["resumed"] is True
    assert list((tmp_path / "c").iterdir()) == []
    assert train_with_checkpoints(tmp_path, code).returncode == 1


@pytest.mark.parametrize(("code", "kept"), [
    ("os.sys.exit(3)\n", False),
    ("(c / '2').touch(); os.sys.exit(3)\n", True),
    ("os.kill(os.getpid(), 9)\n", True),
])
def test_a_checkpoint_that_leads_nowhere_is_removed(tmp_path: pathlib.Path, code: str, kept: bool) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "1").touch()
    result = train_with_checkpoints(tmp_path, code)
    assert result.returncode == 1
    assert (tmp_path / "c" / "1").exists() == kept
    assert ("the next run begins anew" in result.stderr) == (not kept)
