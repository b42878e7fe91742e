"""Read data-schema.yaml, whose form dataschema.py describes, and prove that it is one before any row is looked at."""

from __future__ import annotations

import fnmatch
import pathlib
import warnings
from typing import Any

import numpy as np
import yaml

TYPES = ("int64", "float64", "bool", "str", "datetime64[ns]")
SETTINGS = ("dtype", "nullable", "unique", "required", "title", "description")
CHECKS = (
    "equal_to", "not_equal_to", "greater_than", "greater_than_or_equal_to", "less_than", "less_than_or_equal_to", "in_range",
    "isin", "notin", "str_matches", "str_contains", "str_startswith", "str_endswith", "str_length", "unique_values_eq",
)


class Refused(Exception):
    """A schema that is none; the text says where and what is allowed there."""


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """The entries of a schema, proven to be ones; raises Refused."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(f"is no YAML: {' '.join(str(error).split())[:300]}") from error
    expect(content, "the file", {"version", "tables"}, {"version", "tables"})
    if content["version"] != 1 or isinstance(content["version"], bool):
        raise Refused(f"version is {content['version']!r}, this version of the line reads 1")
    if not isinstance(content["tables"], list):
        raise Refused("tables is no list: write one entry for each kind of file")
    for at, table in enumerate(content["tables"]):
        check_table(f"tables[{at}]", table)
    return content["tables"]


def expect(content: object, where: str, allowed: set[str], required: set[str]) -> None:
    """Raise Refused for what is no mapping with these keys."""
    if not isinstance(content, dict):
        raise Refused(f"{where} is no mapping: it needs {', '.join(sorted(required))}")
    for key in content:
        if key not in allowed:
            raise Refused(f"{where} has the unknown key {key!r}: allowed are {', '.join(sorted(allowed))}")
    if lacking := required - content.keys():
        raise Refused(f"{where} lacks {', '.join(sorted(lacking))}")


def check_table(where: str, table: object) -> None:
    expect(table, where, {"paths", "strict", "columns", "arrays"}, {"paths"})
    paths = table["paths"]
    if not isinstance(paths, list) or not paths or not all(isinstance(path, str) for path in paths):
        raise Refused(f"{where}.paths is no list of paths, such as [data/train.csv]")
    if not isinstance(table.get("strict", True), bool):
        raise Refused(f"{where}.strict is {table['strict']!r}: want true or false")
    parts = [part for part in ("columns", "arrays") if part in table]
    if len(parts) != 1:
        raise Refused(f"{where} needs either columns (of .csv files) or arrays (of .npz files)")
    if not isinstance(table[parts[0]], dict):
        raise Refused(f"{where}.{parts[0]} is no mapping of names")
    for name, column in table[parts[0]].items():
        check_column(f"{where}.{parts[0]}.{name}", column, parts[0] == "arrays")


def check_column(where: str, column: object, array: bool) -> None:
    allowed = {*SETTINGS, *CHECKS, *(["shape"] if array else [])}
    expect(column, where, allowed, {"dtype"})
    if not array and column["dtype"] not in TYPES:
        raise Refused(f"{where}.dtype is {column['dtype']!r}: want one of {', '.join(TYPES)}")
    if array:
        try:
            np.dtype(column["dtype"])
        except TypeError as error:
            raise Refused(f"{where}.dtype is {column['dtype']!r}: want a NumPy type such as float32") from error
        shape = column.get("shape", [])
        if not isinstance(shape, list) or not all(size is None or type(size) is int and size > 0 for size in shape):
            raise Refused(f"{where}.shape is {shape!r}: want the sizes of one row, such as [8, 8], null for any")
    for name in ("nullable", "unique", "required"):
        if not isinstance(column.get(name, False), bool):
            raise Refused(f"{where}.{name} is {column[name]!r}: want true or false")
    rules(where, column)


def rules(where: str, column: dict[str, Any]) -> Any:
    """What pandera is to check of a column that is converted already; raises Refused for checks that it does not take."""
    import pandas
    import pandera.pandas as pandera
    from pandera.io.pandas_io import deserialize_schema

    checks = {name: value for name, value in column.items() if name in (*CHECKS, "nullable", "unique")}
    if column["dtype"] == "datetime64[ns]":
        checks["dtype"] = "datetime64[ns]"  # so that a date in the schema is read as one
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = deserialize_schema({"columns": {"x": checks}}).columns["x"]
            empty = {"x": np.array([], dtype=object if column["dtype"] == "str" else np.float64)}
            if column["dtype"] not in ("datetime64[ns]", "str"):
                pandera.DataFrameSchema({"x": made}).validate(pandas.DataFrame(empty))
        return made
    except Exception as error:  # pandera raises whatever a wrong argument leads it to
        text = " ".join(str(error).split())[:200] or type(error).__name__
        raise Refused(f"{where}: pandera does not take these checks: {text}") from error


def entry(tables: list[dict[str, Any]], name: str) -> dict[str, Any] | None:
    """The first entry for a file; one that names it exactly wins over a pattern."""
    for table in tables:
        if name in table["paths"]:
            return table
    return next((table for table in tables if any(fnmatch.fnmatchcase(name, pattern) for pattern in table["paths"])), None)
