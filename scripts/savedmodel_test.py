"""Tests of savedmodel.py: whole models pass, and each way of damaging one is named."""

from __future__ import annotations

import contextlib
import pathlib
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
import savedmodel

pytest.importorskip("tensorflow")
import sample_models  # noqa: E402

HERE = pathlib.Path(__file__).parent
DATA = "variables/variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return sample_models.binary(tmp_path_factory.mktemp("whole") / "model")


@pytest.fixture
def model(whole: pathlib.Path, tmp_path: pathlib.Path) -> pathlib.Path:
    return shutil.copytree(whole, tmp_path / "model")


def cut(name: str, keep: int) -> Callable[[pathlib.Path], object]:
    return lambda model: (model / name).write_bytes((model / name).read_bytes()[:keep])


def add(name: str, content: bytes) -> Callable[[pathlib.Path], object]:
    def write(model: pathlib.Path) -> None:
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_bytes(content)
    return write


def test_whole_models_pass(model: pathlib.Path) -> None:
    for name in ("assets/words.txt", "assets.extra/tf_serving_warmup_requests", "metrics.json"):
        add(name, b"x")(model)
    savedmodel.check(model)
    savedmodel.check(model, "serving_default")


@pytest.mark.parametrize(("damage", "message"), [
    (lambda model: (model / "saved_model.pb").unlink(), "there is no saved_model.pb"),
    (cut("saved_model.pb", 0), "holds no graph with the tag 'serve'"),
    (cut("saved_model.pb", 1000), "saved_model.pb is damaged or cut off after 1,000 bytes"),
    (add("saved_model.pb", b"<html>502 Bad Gateway</html>"), "saved_model.pb is damaged"),
    (lambda model: (model / "variables/variables.index").unlink(), "variables/variables.index is missing, but variables.data-0"),
    (cut("variables/variables.index", 100), "variables/variables.index is damaged or cut off (its end is missing)"),
    (lambda model: (model / DATA).unlink(), f"{DATA} is missing"),
    (cut(DATA, 5), f"{DATA} is cut off: 5 bytes, the index needs"),
    (lambda model: shutil.rmtree(model / "variables"), "variables/variables.index is missing"),
    (add("weights.pkl", b""), "weights.pkl is a pickle"),
    (add("assets/scaler.JOBLIB", b""), "assets/scaler.JOBLIB is a pickle"),
    (add("assets/words.txt", pickle.dumps({"a": 1})), "assets/words.txt is a pickle"),
    (add("fingerprint.pb", pickle.dumps([], protocol=2)), "fingerprint.pb is a pickle"),
    (add("run.sh", b"#!/bin/sh"), "run.sh does not belong in a SavedModel"),
    (add("a\nb", b""), "does not belong"),
    (lambda model: (model / "passwd.txt").symlink_to("/etc/passwd"), "passwd.txt is a link that leaves"),
    (lambda model: (model / "up").symlink_to(".."), "up is a link that leaves"),
])
def test_names_the_damage(model: pathlib.Path, damage: Callable[[pathlib.Path], object], message: str) -> None:
    damage(model)
    result = subprocess.run([sys.executable, str(HERE / "savedmodel.py"), str(model)], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert message in result.stderr and all(line.startswith("error: ") for line in result.stderr.splitlines())


def test_every_truncation_is_noticed(model: pathlib.Path) -> None:
    index, graph = ((model / name).read_bytes() for name in ("variables/variables.index", "saved_model.pb"))
    for size in range(len(index)):
        with pytest.raises(savedmodel.Malformed):
            savedmodel.shard_bytes(memoryview(index[:size]))
    for size in range(3, len(graph)):
        with pytest.raises(savedmodel.Malformed):
            savedmodel.graphs(memoryview(graph[:size]))


def test_flipped_bytes_never_end_in_a_traceback(model: pathlib.Path) -> None:
    for name in ("saved_model.pb", "variables/variables.index"):
        file = model / name
        content = file.read_bytes()
        for place in range(0, len(content), 7):
            file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1:])
            with contextlib.suppress(savedmodel.Refused):
                savedmodel.check(model)
        file.write_bytes(content)


def test_no_signature_and_unsafe_ops_are_refused(tmp_path: pathlib.Path) -> None:
    import tensorflow as tf

    class Reader(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def serve(self, name: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"content": tf.io.read_file(name)}

    tf.saved_model.save(tf.Module(), str(tmp_path / "silent"))
    with pytest.raises(savedmodel.Refused, match="has no signature to call"):
        savedmodel.check(tmp_path / "silent")
    with pytest.raises(savedmodel.Refused, match="holds the op ReadFile, which reads files of the machine"):
        savedmodel.check(sample_models.save(Reader(), tmp_path / "reader"))


def test_a_signature_that_is_not_there_lists_those_that_are(model: pathlib.Path) -> None:
    with pytest.raises(savedmodel.Refused, match="no signature 'predict'; it has: serving_default"):
        savedmodel.check(model, "predict")


def test_a_missing_folder(tmp_path: pathlib.Path) -> None:
    with pytest.raises(savedmodel.Refused, match="is not a folder"):
        savedmodel.check(tmp_path / "none")
