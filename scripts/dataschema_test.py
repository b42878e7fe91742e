"""Tests of dataschema.py: the data that a schema was inferred from fit it, and each rule that rows break is named with them."""

import json
import pathlib

import numpy as np
import pytest

pytest.importorskip("pandera")

import dataschema  # noqa: E402  needs pandera

ROWS = [(20, 0.5, "red", "2024-01-01"), (30, 0.25, "blue", "2024-02-01"), (40, 1.0, "red", "2024-03-01")] * 10


def csv(path: pathlib.Path, rows: list[tuple], header: str = "age,share,colour,day") -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join([header, *(",".join("" if v is None else str(v) for v in row) for row in rows)]) + "\n")


def run(tmp_path: pathlib.Path, what: str, *flags: str) -> int:
    out = tmp_path / ("data-schema.yaml" if what == "infer" else "violations.json")
    return dataschema.main([what, "--data", str(tmp_path / "data"), "--name", "data", "--out", str(out), *flags])


def violations(tmp_path: pathlib.Path, *flags: str) -> list[dict]:
    assert run(tmp_path, "check", "--schema", str(tmp_path / "data-schema.yaml"), *flags) == 0
    return json.loads((tmp_path / "violations.json").read_text())["violations"]


@pytest.fixture
def inferred(tmp_path: pathlib.Path) -> pathlib.Path:
    csv(tmp_path / "data" / "train.csv", ROWS)
    assert run(tmp_path, "infer") == 0
    return tmp_path


def test_inferred(inferred: pathlib.Path) -> None:
    text = (inferred / "data-schema.yaml").read_text()
    assert "- paths: [data/train.csv]" in text
    assert "age: {dtype: int64, greater_than_or_equal_to: 20, less_than_or_equal_to: 40}" in text
    assert "share: {dtype: float64, greater_than_or_equal_to: 0.25, less_than_or_equal_to: 1.0}" in text
    assert "colour: {dtype: str, isin: [blue, red]}" in text
    assert violations(inferred) == []


@pytest.mark.parametrize(("row", "column", "rule", "example"), [
    (("x", 0.5, "red", "2024-01-01"), "age", "every value is int64", "x"),
    ((20.5, 0.5, "red", "2024-01-01"), "age", "every value is int64", "20.5"),
    ((None, 0.5, "red", "2024-01-01"), "age", "no value may be missing", "nothing"),
    ((41, 0.5, "red", "2024-01-01"), "age", "less_than_or_equal_to(40)", "41"),
    ((20, -1, "red", "2024-01-01"), "share", "greater_than_or_equal_to(0.25)", "-1"),
    ((20, 0.5, "green", "2024-01-01"), "colour", "isin(['blue', 'red'])", "green"),
    ((20, 0.5, None, "2024-01-01"), "colour", "no value may be missing", "nothing"),
])
def test_a_row_that_breaks_a_rule(inferred: pathlib.Path, row: tuple, column: str, rule: str, example: str) -> None:
    csv(inferred / "data" / "train.csv", [*ROWS[:16], row, *ROWS[16:]])
    (found,) = violations(inferred)
    assert (found["file"], found["column"], found["rows"], found["first"]) == ("data/train.csv", column, 1, [17])
    assert found["rule"] == rule and found["example"].startswith(example)


def test_many_rows_are_counted_and_the_first_named(inferred: pathlib.Path) -> None:
    csv(inferred / "data" / "train.csv", [(99, 0.5, "red", "2024-01-01")] * 50 + ROWS)
    (found,) = violations(inferred)
    assert found["rows"] == 50 and found["first"] == [1, 2, 3, 4, 5]


def test_columns_and_files(inferred: pathlib.Path) -> None:
    csv(inferred / "data" / "train.csv", [row[1:] + (1,) for row in ROWS], "share,colour,day,extra")
    csv(inferred / "data" / "more.csv", ROWS)
    found = {(v["file"], v["column"]): v["rule"] for v in violations(inferred)}
    assert found == {
        ("data/train.csv", "age"): "the column is missing", ("data/train.csv", "extra"): "the column is not in the schema",
        ("data/more.csv", ""): "the file is not in the schema",
    }
    (inferred / "data" / "train.csv").unlink()
    assert ("data/train.csv", "the file is missing") in {(v["file"], v["rule"]) for v in violations(inferred)}


def test_a_pattern_stands_for_many_files(inferred: pathlib.Path) -> None:
    schema = inferred / "data-schema.yaml"
    schema.write_text(schema.read_text().replace("data/train.csv", "'data/*.csv'"))
    csv(inferred / "data" / "more.csv", [(1, 0.5, "red", "2024-01-01")])
    assert [(v["file"], v["column"]) for v in violations(inferred)] == [("data/more.csv", "age")]


def test_a_file_that_is_no_table_breaks_a_rule(inferred: pathlib.Path) -> None:
    (inferred / "data" / "train.csv").write_text("age,share\n1\n")
    assert "can be read (row 1 of train.csv has 1 values" in violations(inferred)[0]["rule"]


def test_held_out_rows_are_checked(tmp_path: pathlib.Path) -> None:
    csv(tmp_path / "data" / "train.csv", ROWS)
    csv(tmp_path / "h.csv", ROWS)
    flags = ("--held-out", str(tmp_path / "h.csv"), "--held-out-name", "data/held-out.csv")
    assert run(tmp_path, "infer", *flags) == 0
    assert "paths: [data/train.csv, data/held-out.csv]" in (tmp_path / "data-schema.yaml").read_text()
    csv(tmp_path / "h.csv", [(1, 0.5, "red", "2024-01-01")])
    assert [(v["file"], v["column"]) for v in violations(tmp_path, *flags)] == [("data/held-out.csv", "age")]


def test_arrays(tmp_path: pathlib.Path) -> None:
    def save(image: np.ndarray, label: np.ndarray) -> None:
        (tmp_path / "data").mkdir(exist_ok=True)
        np.savez(tmp_path / "data" / "train.npz", image=image, label=label)

    image, label = np.arange(16, dtype=np.float32).reshape(4, 2, 2), np.array([0, 1, 1, 0])
    save(image, label)
    assert run(tmp_path, "infer") == 0
    assert "image: {dtype: float32, shape: [2, 2], greater_than_or_equal_to: 0.0, less_than_or_equal_to: 15.0}" in (tmp_path / "data-schema.yaml").read_text()
    assert violations(tmp_path) == []
    image[2, 0, 1], image[2, 1, 1] = 99, np.nan
    save(image, label)
    assert {(v["rule"], v["rows"], tuple(v["first"])) for v in violations(tmp_path)} == {
        ("less_than_or_equal_to(15.0)", 1, (3,)), ("no value may be missing", 1, (3,))}
    save(image[:, 0].astype(np.float64) * 0, label)
    assert [v["rule"] for v in violations(tmp_path)] == ["the type is float32", "a row has the shape [2, 2]"]


def test_odd_names_survive(tmp_path: pathlib.Path) -> None:
    csv(tmp_path / "data" / "train.csv", [(1, 2, 3, 4)] * 3, "y,on,1,a: b")
    assert run(tmp_path, "infer") == 0
    assert violations(tmp_path) == []


def test_a_column_that_need_not_be_there_and_one_of_dates(tmp_path: pathlib.Path) -> None:
    csv(tmp_path / "data" / "train.csv", ROWS)
    (tmp_path / "data-schema.yaml").write_text(
        "version: 1\ntables:\n- paths: [data/train.csv]\n  strict: false\n  columns:\n    day: {dtype: 'datetime64[ns]'}\n"
        "    other: {dtype: int64, required: false}\n    age: {dtype: int64, unique: true}\n    colour: {dtype: str, str_matches: '^r'}\n")
    assert [(v["column"], v["rule"]) for v in violations(tmp_path)] == [("age", "every value once"), ("colour", "str_matches('^r')")]
    csv(tmp_path / "data" / "train.csv", [(1, 2, "r", "soon")])
    assert [(v["column"], v["rule"]) for v in violations(tmp_path)] == [("day", "every value is datetime64[ns]")]


@pytest.mark.parametrize(("text", "says"), [
    ("", "the file is no mapping"),
    ("a: [", "is no YAML"),
    ("version: 2\ntables: []\n", "version is 2"),
    ("version: 1\n", "lacks tables"),
    ("version: 1\ntables: {}\n", "tables is no list"),
    ("version: 1\ntables: []\nmore: 1\n", "unknown key 'more'"),
    ("version: 1\ntables:\n- paths: []\n  columns: {}\n", "tables[0].paths"),
    ("version: 1\ntables:\n- paths: [a.csv]\n", "needs either columns"),
    ("version: 1\ntables:\n- paths: [a.csv]\n  columns: {x: {}}\n", "tables[0].columns.x lacks dtype"),
    ("version: 1\ntables:\n- paths: [a.csv]\n  columns: {x: {dtype: much}}\n", "dtype is 'much': want one of int64"),
    ("version: 1\ntables:\n- paths: [a.csv]\n  columns: {x: {dtype: int64, less_then: 3}}\n", "unknown key 'less_then'"),
    ("version: 1\ntables:\n- paths: [a.csv]\n  columns: {x: {dtype: int64, in_range: 3}}\n", "pandera does not take these checks"),
    ("version: 1\ntables:\n- paths: [a.csv]\n  columns: {x: {dtype: int64, nullable: 3}}\n", "nullable is 3"),
    ("version: 1\ntables:\n- paths: [a.npz]\n  arrays: {x: {dtype: int64, shape: 8}}\n", "shape is 8"),
    ("!!python/object/apply:os.system ['true']\n", "is no YAML"),
])
def test_schemas_that_are_none(inferred: pathlib.Path, capsys: pytest.CaptureFixture[str], text: str, says: str) -> None:
    (inferred / "data-schema.yaml").write_text(text)
    assert run(inferred, "check", "--schema", str(inferred / "data-schema.yaml")) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: data-schema.yaml: ") and says in said, said


def test_no_rows_to_infer_from(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    assert run(tmp_path, "infer") == 2
    assert "data holds no .csv and no .npz file" in capsys.readouterr().err
