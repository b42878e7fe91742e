"""Tests of seeded.py: it fixes what differs between two runs, and changes nothing else about how a script runs."""

import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
DRAWS = "import random, numpy, tensorflow as tf\nprint(random.random(), numpy.random.rand(), float(tf.random.uniform(())))\n"


def seeded(tmp_path: pathlib.Path, code: str, seed: str, mode: str, *rest: str) -> str:
    (tmp_path / "train.py").write_text(code)
    command = [sys.executable, str(HERE / "seeded.py"), seed, mode, "train.py", *rest]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=True).stdout


def test_equal_seeds_draw_equal_numbers(tmp_path: pathlib.Path) -> None:
    first = seeded(tmp_path, DRAWS, "7", "host")
    assert first == seeded(tmp_path, DRAWS, "7", "host")
    assert first == seeded(tmp_path, DRAWS, "7", "seeded")
    assert first != seeded(tmp_path, DRAWS, "8", "host")


@pytest.mark.parametrize(("mode", "deterministic"), [("host", True), ("portable", True), ("seeded", False), ("off", False)])
def test_operations_are_deterministic_where_the_mode_says_so(tmp_path: pathlib.Path, mode: str, deterministic: bool) -> None:
    code = ("import tensorflow as tf\n"
            "from tensorflow.python.framework import config\nprint(config.is_op_determinism_enabled())\n")
    assert seeded(tmp_path, code, "7", mode).strip() == str(deterministic)


def test_the_script_runs_as_main_with_its_own_folder_and_arguments(tmp_path: pathlib.Path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    code = "import sys, beside\nprint(__name__, sys.argv, beside.NAME)\n"
    assert seeded(tmp_path, code, "7", "off", "--x", "a b").strip() == "__main__ ['train.py', '--x', 'a b'] beside"
