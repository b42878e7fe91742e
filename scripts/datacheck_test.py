"""Tests of datacheck.py: the profile is always written, the violations only where there is a schema."""

import json
import pathlib

import pytest

import datacheck


@pytest.fixture
def data(tmp_path: pathlib.Path) -> list[str]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text("x,y\n1,0\n2,1\n")
    (tmp_path / "h.csv").write_text("x,y\n3,1\n")
    return ["--data", str(tmp_path / "data"), "--name", "data", "--held-out", str(tmp_path / "h.csv"), "--held-out-name", "h.csv",
            "--label", "y", "--out", str(tmp_path / "out")]


def test_without_a_schema(tmp_path: pathlib.Path, data: list[str]) -> None:
    assert datacheck.main(data) == 0
    profile = json.loads((tmp_path / "out" / "data-profile.json").read_text())
    assert profile["training"]["data/train.csv"]["labels"] == {"0": 1, "1": 1} and profile["heldOut"]["h.csv"]["rows"] == 1
    assert not (tmp_path / "out" / "data-violations.json").exists()


def test_with_a_schema(tmp_path: pathlib.Path, data: list[str]) -> None:
    pytest.importorskip("pandera")
    (tmp_path / "data-schema.yaml").write_text(
        "version: 1\ntables:\n- paths: [data/train.csv, h.csv]\n  columns: {x: {dtype: int64, less_than: 3}, y: {dtype: int64}}\n")
    assert datacheck.main([*data, "--schema", str(tmp_path / "data-schema.yaml")]) == 0
    report = json.loads((tmp_path / "out" / "data-violations.json").read_text())
    assert report["rows"] == 3 and [(v["file"], v["column"], v["first"]) for v in report["violations"]] == [("h.csv", "x", [1])]


def test_a_schema_that_is_none(tmp_path: pathlib.Path, data: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("pandera")
    (tmp_path / "data-schema.yaml").write_text("version: 3\n")
    assert datacheck.main([*data, "--schema", str(tmp_path / "data-schema.yaml")]) == 2
    assert "error: data-schema.yaml: " in capsys.readouterr().err
