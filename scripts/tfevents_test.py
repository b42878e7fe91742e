"""Tests of tfevents.py: against files that TensorFlow itself wrote, and damaged ones."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import tfevents

tf = pytest.importorskip("tensorflow")


def written(folder: pathlib.Path, name: str, values: list[float], first: int = 0) -> pathlib.Path:
    pytest.importorskip("tensorboard")  # which newer images of TensorFlow leave out, and tf.summary needs
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step, value in enumerate(values, start=first):
            tf.summary.scalar(name, value, step=step)
    writer.close()
    return max(folder.glob("*tfevents*"), key=lambda path: path.stat().st_mtime_ns)


def test_what_tensorflow_wrote(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, "epoch_loss", [0.5, 0.25, float("nan")])
    found = list(tfevents.scalars(path))
    assert [(tag, step) for tag, step, _ in found] == [("epoch_loss", 0), ("epoch_loss", 1), ("epoch_loss", 2)]
    assert [value for _, _, value in found[:2]] == [0.5, 0.25] and np.isnan(found[2][2])


def test_double_integer_and_other_summaries(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("tensorboard")  # which newer images of TensorFlow leave out, and tf.summary needs
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        tf.summary.scalar("double", tf.constant(0.1, tf.float64), step=1 << 40)
        tf.summary.text("note", "words", step=0)
        tf.summary.histogram("weights", [1.0, 2.0], step=0)
        tf.summary.write("count", tf.constant(3, tf.int64), step=2)
    writer.close()
    found = [event for path in tmp_path.iterdir() for event in tfevents.scalars(path)]
    assert [tag for tag, _, _ in found] == ["double", "count"]
    assert found[0][1] == 1 << 40 and abs(found[0][2] - 0.1) < 1e-7 and found[1][1:] == (2, 3.0)


def test_the_old_form(tmp_path: pathlib.Path) -> None:
    with tf.compat.v1.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(str(tmp_path))
        for step in (-1, 5):
            value = tf.compat.v1.Summary.Value(tag="loss", simple_value=1.5)
            writer.add_summary(tf.compat.v1.Summary(value=[value]), step)
        writer.close()
    assert list(tfevents.scalars(next(tmp_path.iterdir()))) == [("loss", -1, 1.5), ("loss", 5, 1.5)]


def test_runs_and_one_that_went_on(tmp_path: pathlib.Path) -> None:
    written(tmp_path / "train", "epoch_loss", [3.0, 2.0, 9.0])
    for path in (tmp_path / "train").iterdir():
        path.rename(path.with_name("events.out.tfevents.1.a"))
    written(tmp_path / "train", "epoch_loss", [1.0, 0.5], first=2)
    written(tmp_path / "validation", "epoch_loss", [4.0])
    assert tfevents.runs(tmp_path) == {
        "train": {"epoch_loss": [(0, 3.0), (1, 2.0), (2, 1.0), (3, 0.5)]},
        "validation": {"epoch_loss": [(0, 4.0)]},
    }


def test_a_file_cut_anywhere_gives_what_it_holds(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, "loss", [1.0, 2.0, 3.0])
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        values = [value for _, _, value in tfevents.scalars(path)]
        assert values == [1.0, 2.0, 3.0][:len(values)]


def test_a_damaged_file_costs_what_follows_the_damage(tmp_path: pathlib.Path) -> None:
    path = written(tmp_path, "loss", [1.0, 2.0, 3.0])
    whole = bytearray(path.read_bytes())
    for at in range(len(whole)):
        whole[at] ^= 0x55
        path.write_bytes(whole)
        assert all(len(points) <= 3 for tags in tfevents.runs(tmp_path).values() for points in tags.values())
        whole[at] ^= 0x55
    path.write_bytes(b"not an event file, but a text")
    with pytest.raises(tfevents.Damaged):
        list(tfevents.scalars(path))
    assert tfevents.runs(tmp_path) == {}
