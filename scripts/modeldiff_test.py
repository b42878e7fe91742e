"""Models that differ in one thing, and what is said of it."""

from __future__ import annotations

import json
import pathlib
import shutil
from typing import Any

import numpy as np
import pytest

import modeldiff
import modeldigest
import sample_models


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return sample_models.classes(tmp_path_factory.mktemp("models") / "model")


def compared(before: pathlib.Path, after: pathlib.Path, out: pathlib.Path, *flags: str) -> dict[str, Any]:
    assert modeldiff.main(["--before", str(before), "--after", str(after), "--out", str(out), *flags]) == 0
    return json.loads(out.read_text())


def test_equal_models(model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    found = compared(model, model, tmp_path / "out.json")
    assert found == {
        "weights": {"variables": 2, "different": 0, "first": None, "missing": [], "added": [], "maxAbsDiff": None, "maxUlps": None, "state": False},
        "graph": {"different": [], "missing": [], "added": []}, "assets": False, "predictions": None,
    }


@pytest.mark.parametrize("ulps", [1, -1, 37])
def test_one_weight(model: pathlib.Path, tmp_path: pathlib.Path, ulps: int) -> None:
    other = sample_models.nudge(shutil.copytree(model, tmp_path / "other"), "dense", ulps)
    rows = sample_models.images(tmp_path / "rows.npz")
    found = compared(model, other, tmp_path / "out.json", "--data", str(rows), "--label", "label")
    first = found["weights"]["first"]
    assert (first["name"], first["dtype"], first["shape"], first["index"], first["ulps"], first["count"]) == (
        "dense", "float32", [64, 3], [0, 0], abs(ulps), 1)
    assert found["weights"]["different"] == 1 and found["weights"]["maxUlps"] == abs(ulps)
    assert found["weights"]["maxAbsDiff"] == pytest.approx(abs(ulps) * 2**-23, rel=0.6)  # below 1 they lie closer
    assert found["graph"]["different"] == []
    assert found["predictions"]["examples"] == 60 and found["predictions"]["flipped"] == 0 and found["predictions"]["maxAbsDiff"] < 1e-4
    digests = [modeldigest.digest(folder) for folder in (model, other)]
    assert digests[0]["weightsDigest"] != digests[1]["weightsDigest"] and digests[0]["graphDigest"] == digests[1]["graphDigest"]


def test_rows_decided_otherwise(model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = sample_models.nudge(shutil.copytree(model, tmp_path / "other"), "dense", 100_000_000)  # 1 becomes 3900
    rows = sample_models.images(tmp_path / "rows.npz")
    found = compared(model, other, tmp_path / "out.json", "--data", str(rows), "--label", "label")
    assert found["predictions"]["flipped"] > 0 and found["predictions"]["maxAbsDiff"] > 0.1


def test_another_graph(model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = sample_models.binary(tmp_path / "other")
    found = compared(model, other, tmp_path / "out.json")
    assert found["graph"]["different"] == ["serving_default"]
    assert found["weights"]["missing"] == ["dense", "kernel"] and found["weights"]["added"] == ["weights"]


def test_another_asset(model: pathlib.Path, tmp_path: pathlib.Path) -> None:
    other = shutil.copytree(model, tmp_path / "other")
    (other / "assets").mkdir(exist_ok=True)
    (other / "assets" / "words.txt").write_text("x")
    assert compared(model, other, tmp_path / "out.json")["assets"] is True


def test_a_damaged_model_is_refused(model: pathlib.Path, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    assert modeldiff.main(["--before", str(model), "--after", str(tmp_path / "other"), "--out", str(tmp_path / "out")]) == 2
    assert "there is no saved_model.pb" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("before", "after", "expected"), [
    (1.0, np.nextafter(np.float32(1), np.float32(2)), 1),
    (0.0, -0.0, 0),  # one number in two ways: other bits, no distance
    (np.float32(1e-45), np.float32(-1e-45), 2),
    (1.0, 2.0, 1 << 23),
])
def test_ulps(before: float, after: float, expected: int) -> None:
    ours, theirs = np.array([before], np.float32), np.array([after], np.float32)
    assert modeldiff.different(ours, theirs).all()
    assert modeldiff.ulps(ours, theirs) == [expected]


def test_ulps_of_other_types() -> None:
    double = np.array([1.0]), np.array([np.nextafter(1.0, 2.0)])
    assert modeldiff.ulps(*double) == [1]
    half = np.array([1.0], np.float16), np.array([np.nextafter(np.float16(1), np.float16(2))], np.float16)
    assert modeldiff.ulps(*half) == [1]
    assert modeldiff.ulps(np.array([1]), np.array([2])) is None


def test_values_that_are_no_numbers() -> None:
    found = modeldiff.compare_variable("x", np.array([np.nan, 1], np.float32), np.array([np.nan, np.inf], np.float32))
    assert found is not None and found["index"] == [1] and found["maxAbsDiff"] == np.inf
    found = modeldiff.compare_variable("x", np.array([b"a", b"b"], object), np.array([b"a", b"c"], object))
    assert found is not None and (found["dtype"], found["index"], found["ulps"], found["maxAbsDiff"]) == ("string", [1], None, None)
    assert modeldiff.compare_variable("x", np.array(7), np.array(7)) is None
