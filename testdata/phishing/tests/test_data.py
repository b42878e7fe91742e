import pathlib

import numpy as np
import pytest

from src import data

DATA = pathlib.Path(__file__).parents[1] / "data"


def feature_rows(name: str) -> list[tuple[float, ...]]:
    return [tuple(row) for row in data.read(DATA / name).x.tolist()]


def test_the_committed_tables_are_whole() -> None:
    training, held_out = data.read(DATA / "train.csv"), data.read(DATA / "held-out.csv")
    assert (len(training.y), len(held_out.y)) == (968, 282)
    assert training.x.shape[1] == 9
    assert training.x.dtype == training.y.dtype == np.float32
    assert training.y.sum() + held_out.y.sum() == 548


def test_no_page_is_on_both_sides() -> None:
    assert not set(feature_rows("train.csv")) & set(feature_rows("held-out.csv"))


def test_a_bad_file_is_named(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "train.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match=r"train\.csv: columns are"):
        data.read(path)


def test_validation_rows_are_the_same_in_every_run_and_keep_the_shares() -> None:
    rows = data.read(DATA / "train.csv")
    training, validation = data.set_aside(rows, 0.1)
    assert len(training.y) + len(validation.y) == len(rows.y)
    assert abs(validation.y.mean() - rows.y.mean()) < 0.01
    assert np.array_equal(validation.x, data.set_aside(rows, 0.1)[1].x)


def numbered(count: int) -> data.Rows:
    return data.Rows(np.arange(count, dtype=np.float32)[:, None], np.zeros(count, np.float32))


def seen(epochs: range) -> list[float]:
    batches, _ = data.batches(numbered(10), 3, seed=1, epochs=epochs)
    return [float(value) for x, _ in batches for value in x[:, 0]]


def test_an_epoch_has_whole_batches_of_different_rows() -> None:
    batches, steps = data.batches(numbered(10), 3, seed=1, epochs=range(1))
    assert steps == 3
    assert [x.shape[0] for x, _ in batches] == [3, 3, 3]
    assert len(set(seen(range(1)))) == 9


def test_a_later_start_sees_the_same_order() -> None:
    assert seen(range(4))[2 * 9 :] == seen(range(2, 4))
    assert seen(range(1)) != seen(range(1, 2))


def test_a_batch_larger_than_the_table_is_the_table() -> None:
    batches, steps = data.batches(numbered(10), 100, seed=1, epochs=range(1))
    assert steps == 1
    assert [x.shape[0] for x, _ in batches] == [10]
