"""Tests of agreement.py, on a reference made by hand."""

from __future__ import annotations

import json
import pathlib

import agreement
import numpy as np
import pytest
from heldout import Unfit


def made(folder: pathlib.Path, task: str, expected: list, labels: list[float]) -> agreement.Reference:
    folder.mkdir(exist_ok=True)
    np.save(folder / "input_0.npy", np.arange(len(labels), dtype=np.float32))
    np.save(folder / "expected.npy", np.array(expected, np.float32))
    np.save(folder / "labels.npy", np.array(labels))
    (folder / "reference.json").write_text(json.dumps({
        "signature": "s", "output": "o", "task": task, "threshold": 0.5, "inputs": {"x": "input_0.npy"},
    }))
    return agreement.Reference(folder)


def test_binary(tmp_path: pathlib.Path) -> None:
    reference = made(tmp_path, "binary", [0.1, 0.4, 0.6, 0.9], [0, 0, 1, 1])
    report = agreement.compare(reference, np.array([[0.1], [0.55], [0.6], [0.8]]))
    assert report["maxAbsDiff"] == pytest.approx(0.15)
    assert (report["agreement"], report["accuracySavedModel"], report["accuracyExported"], report["accuracyLost"]) == (0.75, 1.0, 0.75, 0.25)


def test_multiclass(tmp_path: pathlib.Path) -> None:
    reference = made(tmp_path, "multiclass", [[0.7, 0.3], [0.4, 0.6]], [0, 0])
    report = agreement.compare(reference, np.array([[0.7, 0.3], [0.6, 0.4]]))
    assert (report["agreement"], report["accuracySavedModel"], report["accuracyLost"]) == (0.5, 0.5, -0.5)


def test_regression_has_no_accuracy(tmp_path: pathlib.Path) -> None:
    report = agreement.compare(made(tmp_path, "regression", [1, 2], [1, 2]), np.array([1.5, 2]))
    assert report["maxAbsDiff"] == 0.5 and report["agreement"] is None and report["accuracyLost"] is None


@pytest.mark.parametrize(("values", "message"), [
    ([0.1, float("nan")], "answers row 2 with a value that is not finite"),
    ([0.1, float("inf")], "answers row 2"),
    ([0.1], r"with the shape \[1\], the SavedModel with \[2\]"),
    ([[0.1, 0.2], [0.3, 0.4]], r"with the shape \[2, 2\]"),
])
def test_what_cannot_be_compared(tmp_path: pathlib.Path, values: list, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        agreement.compare(made(tmp_path, "binary", [0.1, 0.2], [0, 1]), np.array(values))


@pytest.mark.parametrize(("fixed", "calls"), [(None, [5]), (2, [2, 2, 2]), (8, [8])])
def test_every_row_is_asked_once(tmp_path: pathlib.Path, fixed: int | None, calls: list[int]) -> None:
    reference, seen = made(tmp_path, "regression", [0] * 5, [0] * 5), []

    def call(rows: dict[str, np.ndarray]) -> np.ndarray:
        seen.append(len(rows["x"]))
        return rows["x"] * 2

    np.testing.assert_array_equal(reference.ask(call, fixed), [0, 2, 4, 6, 8])
    assert seen == calls


def test_the_program(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(tmp_path / "reference", "binary", [0.1, 0.9], [0, 1])
    np.save(tmp_path / "values.npy", np.array([0.2, 0.9], np.float32))
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "model.json").write_bytes(b"12345")
    command = ["--reference", str(tmp_path / "reference"), "--values", str(tmp_path / "values.npy"), "--exported", str(tmp_path / "web"),
               "--format", "tfjs", "--quantize", "uint8", "--out", str(tmp_path / "report.json")]
    assert agreement.main(command) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["bytes"], report["format"], report["quantize"], report["examples"]) == (5, "tfjs", "uint8", 2)
    assert "100.00% decided alike" in capsys.readouterr().out
    np.save(tmp_path / "values.npy", np.array([float("nan"), 0.9]))
    assert agreement.main(command) == 2 and "not finite" in capsys.readouterr().err
