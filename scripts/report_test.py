"""Tests of report.py and reportplots.py: what is drawn, that the same files give the same bytes, and names that are attacks."""

from __future__ import annotations

import json
import pathlib
from xml.etree import ElementTree

import numpy as np
import pytest

pytest.importorskip("matplotlib")
import report
import reportplots
from reportdata import Curve

BINARY = {
    "task": "binary", "metrics": {"accuracy": 0.75, "auc": 0.75, "examples": 4}, "confusion": [[1, 1], [0, 2]], "nonFinite": [],
    "slices": {"a=0": {"metrics": {"accuracy": 0.5, "examples": 2}}, "a=1": {"metrics": {"accuracy": 1.0, "examples": 2}}},
    "gate": {"passed": False, "verdicts": [
        {"metric": "accuracy", "limit": "minimum", "want": 0.9, "got": 0.75, "passed": False},
        {"metric": "auc", "limit": "minimum", "want": 0.5, "got": 0.75, "passed": True},
        {"metric": "accuracy", "slice": "a=1", "limit": "minimum", "want": 0.9, "got": 1.0, "passed": True},
    ]},
}
PREDICTIONS = "row,label,prediction,output\n1,0,0,0.1\n2,0,1,0.8\n3,1,1,0.7\n4,1,1,0.9\n"


def files(folder: pathlib.Path, evaluation: dict[str, object] = BINARY, predictions: str = PREDICTIONS) -> list[str]:
    (folder / "evaluation.json").write_text(json.dumps(evaluation))
    (folder / "predictions.csv").write_text(predictions)
    return ["--evaluation", str(folder / "evaluation.json"), "--predictions", str(folder / "predictions.csv")]


def drawn(folder: pathlib.Path) -> dict[str, dict[str, str]]:
    return {picture["name"]: picture for picture in json.loads((folder / "pictures.json").read_text())}


def words(svg: str) -> str:
    return " ".join(ElementTree.fromstring(svg).itertext())


def test_a_binary_model(tmp_path: pathlib.Path) -> None:
    assert report.main([*files(tmp_path), "--out", str(tmp_path / "out")]) == 0
    found = drawn(tmp_path / "out")
    assert list(found) == ["roc", "confusion", "slices"]
    roc = words(found["roc"]["light"])
    assert "accuracy ≥ 0.9" in roc and "AUC 0.7500 (minimum 0.5)" in roc
    assert "accuracy ≥ 0.9 does not hold" in found["roc"]["alt"]
    assert reportplots.BAD in found["roc"]["light"] and reportplots.BAD not in found["roc"]["dark"]
    assert "3 of 4 rows on the diagonal" in found["confusion"]["alt"]
    for name, picture in found.items():
        assert (tmp_path / "out" / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        for svg in (picture["light"], picture["dark"]):
            assert "<dc:date>" not in svg and "<script" not in svg


def test_the_same_files_give_the_same_bytes(tmp_path: pathlib.Path) -> None:
    for out in ("one", "two"):
        assert report.main([*files(tmp_path), "--out", str(tmp_path / out)]) == 0
    first = sorted((tmp_path / "one").iterdir())
    assert len(first) == 4
    for path in first:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_other_tasks(tmp_path: pathlib.Path) -> None:
    regression = {"task": "regression", "metrics": {"rmse": 1.0}, "slices": {}, "confusion": None, "gate": {"verdicts": []}}
    rows = "row,label,prediction,output\n1,2.5,2.0,2.0\n2,4.5,4.0,4.0\n"
    assert report.main([*files(tmp_path, regression, rows), "--out", str(tmp_path / "regression")]) == 0
    assert list(drawn(tmp_path / "regression")) == ["scatter"]
    classes = {"task": "multiclass", "metrics": {"accuracy": 1.0}, "slices": {}, "confusion": np.eye(30, dtype=int).tolist()}
    rows = "row,label,prediction,output_0,output_1,output_2\n1,0,0,1,0,0\n"
    assert report.main([*files(tmp_path, classes, rows), "--out", str(tmp_path / "classes")]) == 0
    assert list(drawn(tmp_path / "classes")) == ["confusion"]


def test_what_is_not_finite_is_not_drawn(tmp_path: pathlib.Path) -> None:
    broken = {**BINARY, "metrics": {"accuracy": None}, "confusion": None, "slices": {"a=0": {"metrics": {"accuracy": None}}}}
    assert report.main([*files(tmp_path, broken, PREDICTIONS.replace("0.8", "nan")), "--out", str(tmp_path / "out")]) == 0
    assert drawn(tmp_path / "out") == {}


def test_one_class_has_no_roc_curve(tmp_path: pathlib.Path) -> None:
    one = {**BINARY, "metrics": {"accuracy": 1.0, "auc": None}, "confusion": [[2, 0], [0, 0]], "slices": {}}
    rows = "row,label,prediction,output\n1,0,0,0.1\n2,0,0,0.2\n"
    assert report.main([*files(tmp_path, one, rows), "--out", str(tmp_path / "out")]) == 0
    assert list(drawn(tmp_path / "out")) == ["confusion"]


def test_a_projects_names_stay_data(tmp_path: pathlib.Path) -> None:
    attack = '<script>alert("$x^$")</script>\x00&'
    evaluation = {**BINARY, "slices": {attack: {"metrics": {"accuracy": 0.5}}}}
    assert report.main([*files(tmp_path, evaluation), "--out", str(tmp_path / "out")]) == 0
    svg = drawn(tmp_path / "out")["slices"]["light"]
    assert "<script" not in svg and '<script>alert("$x^$")' in words(svg)
    curve = Curve("../" + attack, "epoch", {attack: (np.array([1.0, 2.0]), np.array([1.0, float("nan")]))})
    (picture,) = reportplots.pictures({**evaluation, "slices": {}, "confusion": None}, None, [curve])
    assert picture.name == "curve-01-script-alert-x-script" and "<script" not in picture.svg()
    assert "ends at 1 in epoch 1" in picture.alt


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"task": "binary"}'])
def test_what_is_no_evaluation(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (tmp_path / "evaluation.json").write_text(text)
    assert report.main(["--evaluation", str(tmp_path / "evaluation.json"), "--out", str(tmp_path / "out")]) == 2
    assert "error: evaluation.json is no evaluation" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.main(["--evaluation", str(tmp_path / "absent.json"), "--out", str(tmp_path / "out")]) == 2
    assert "error: cannot read or write" in capsys.readouterr().err
