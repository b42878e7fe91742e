"""Tests of dataprofile.py: counts and ranges are those of the data, and an odd file is a fact, not a failure."""

import json
import pathlib

import numpy as np
import pytest

import datafiles
import dataprofile
import treedigest


def run(tmp_path: pathlib.Path, *flags: str) -> dict:
    out = tmp_path / "profile.json"
    assert dataprofile.main(["--data", str(tmp_path / "data"), "--name", "data", "--out", str(out), *flags]) == 0
    return json.loads(out.read_text())


@pytest.fixture
def data(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def test_table(tmp_path: pathlib.Path, data: pathlib.Path) -> None:
    (data / "train.csv").write_text("n,f,t,y\n1,0.5,a,1.0\n,2,,0\n3,-1e3,b,1\n")
    facts = run(tmp_path, "--label", "y")["training"]["data/train.csv"]
    assert facts["rows"] == 3 and facts["labels"] == {"0": 1, "1": 2}
    assert facts["columns"] == [
        {"name": "n", "type": "integer", "missing": 1, "minimum": 1.0, "maximum": 3.0, "mean": 2.0},
        {"name": "f", "type": "float", "minimum": -1000.0, "maximum": 2.0, "mean": -332.5},
        {"name": "t", "type": "text", "missing": 1},
        {"name": "y", "type": "float", "minimum": 0.0, "maximum": 1.0, "mean": 0.666666666667},
    ]


def test_many_rows_at_a_time_or_few(tmp_path: pathlib.Path, data: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (data / "train.csv").write_text("x,t\n" + "".join(f"{i},{'a' if i == 7 else i}\n" for i in range(20)))
    whole = run(tmp_path)
    monkeypatch.setattr(dataprofile, "ROWS", 3)
    assert run(tmp_path) == whole
    assert [column["type"] for column in whole["training"]["data/train.csv"]["columns"]] == ["integer", "text"]


def test_order_does_not_change_the_digest_of_rows(tmp_path: pathlib.Path, data: pathlib.Path) -> None:
    def digests(text: str) -> tuple[str, str]:
        (data / "train.csv").write_text(text)
        facts = run(tmp_path)["training"]["data/train.csv"]
        return facts["digest"], facts["rowsDigest"]

    first, swapped, twice = digests("x\n1\n2\n2\n"), digests("x\n2\n1\n2\n"), digests("x\n1\n1\n2\n")
    assert first[0] != swapped[0] and first[1] == swapped[1]
    assert first[1] != twice[1]


def test_arrays(tmp_path: pathlib.Path, data: pathlib.Path) -> None:
    np.savez(data / "train.npz", image=np.array([[1.0, np.nan], [3.0, 5.0]], np.float32), label=np.array([1, 0]))
    facts = run(tmp_path, "--label", "label")["training"]["data/train.npz"]
    assert facts["rows"] == 2 and facts["labels"] == {"0": 1, "1": 1}
    assert facts["columns"][0] == {"name": "image", "type": "float32", "shape": [2], "missing": 1, "minimum": 1.0, "maximum": 5.0, "mean": 3.0}


def test_held_out_rows_are_told_apart(tmp_path: pathlib.Path, data: pathlib.Path) -> None:
    (data / "train.csv").write_text("x\n1\n")
    (tmp_path / "h.csv").write_text("x\n2\n3\n")
    result = run(tmp_path, "--held-out", str(tmp_path / "h.csv"), "--held-out-name", "eval/h.csv")
    assert list(result["training"]) == ["data/train.csv"] and result["heldOut"]["eval/h.csv"]["rows"] == 2
    assert result["digest"] == treedigest.digest(treedigest.entries(str(data), []))


@pytest.mark.parametrize(("name", "content", "why"), [
    ("a.csv", b"", "is empty"),
    ("a.csv", b"x,y\n1\n", "row 1 of a.csv has 1 values"),
    ("a.csv", b"x,x\n1,2\n", "names the column 'x' 2 times"),
    ("a.csv", b"x\n\xff\n", "is not UTF-8"),
    ("a.csv", b'x\n"1\n', "is not a CSV file"),
    ("a.npz", b"PK", "cannot be read as .npz"),
])
def test_what_is_no_table_is_said(tmp_path: pathlib.Path, data: pathlib.Path, name: str, content: bytes, why: str) -> None:
    (data / name).write_bytes(content)
    facts = run(tmp_path)["training"][f"data/{name}"]
    assert why in facts["unread"] and facts["rows"] == 0 and facts["digest"] == datafiles.file_digest(data / name)


def test_a_label_of_many_values_has_no_balance(tmp_path: pathlib.Path, data: pathlib.Path) -> None:
    (data / "train.csv").write_text("y\n" + "".join(f"{i / 7}\n" for i in range(500)))
    assert "labels" not in run(tmp_path, "--label", "y")["training"]["data/train.csv"]


def test_objects_in_an_array_are_not_loaded(tmp_path: pathlib.Path, data: pathlib.Path) -> None:
    np.savez(data / "train.npz", x=np.array([{"a": 1}], dtype=object))
    assert "cannot be read as .npz" in run(tmp_path)["training"]["data/train.npz"]["unread"]
