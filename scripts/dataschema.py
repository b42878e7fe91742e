"""Infer what a project's rows look like, or hold them against what was inferred once: data-schema.yaml.

    python3 dataschema.py infer --data DIR --name data [--held-out FILE --held-out-name NAME] --out data-schema.yaml
    python3 dataschema.py check --schema data-schema.yaml --data DIR --name data [...] --out violations.json

The schema, one entry for all files with the same columns:

    version: 1
    tables:
      - paths: [data/train.csv, data/held-out.csv]     # or patterns, such as data/*.csv
        strict: true                                   # no other columns
        columns:
          age: {dtype: int64, greater_than_or_equal_to: 0, less_than_or_equal_to: 130}
          name: {dtype: str, nullable: true, str_length: {max_value: 80}}
      - paths: [data/train.npz]
        arrays:
          image: {dtype: float32, shape: [8, 8], greater_than_or_equal_to: 0.0}

What stands at a column is pandera's: dtype (int64, float64, bool, str, datetime64[ns]; of an array its NumPy type), nullable, unique,
required, and the checks of pandera.Check by name. `shape` is that of one row of an array, null for any size.

check writes {"files", "rows", "violations": [{"file", "column", "rule", "rows", "first", "example"}]}: how many rows break
a rule, the numbers of the first of them (from 1), and the first value that does; violations are a result, not a failure. Exit status
2 with one line on standard error for a schema that is none.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import fnmatch
import json
import pathlib
import sys
import warnings
from typing import Any

import numpy as np
import yaml

import datafiles
import dataprofile
import schemafile
import step
from schemafile import CHECKS, Refused

FIRST = 5  # rows named for a violation
FEW = 20  # different texts that are listed as the only ones allowed
NUMBERS = {"integer": "int64", "float": "float64", "text": "str"}
TRUE, FALSE = ("true", "1"), ("false", "0")
MISSING_COLUMN, EXTRA_COLUMN = "the column is missing", "the column is not in the schema"
WORDS = {"not_nullable": "no value may be missing", "field_uniqueness": "every value once",
         "column_in_dataframe": MISSING_COLUMN, "column_in_schema": EXTRA_COLUMN}


@dataclasses.dataclass
class Violation:
    """A rule that rows of one column break; no rows for what is wrong with the file as a whole."""

    file: str
    column: str
    rule: str
    rows: int = 0
    first: list[int] = dataclasses.field(default_factory=list)
    example: str = ""


def broken(file: str, column: str, rule: str, rows: list[int], example: object) -> Violation:
    """A violation by the numbers of the rows, which may repeat."""
    numbers = sorted(set(rows))
    return Violation(file, column, rule, len(numbers), numbers[:FIRST], str(example)[:80])


def check(tables: list[dict[str, Any]], files: dict[str, pathlib.Path]) -> dict[str, object]:
    """Hold each file against its entry."""
    violations: list[Violation] = []
    rows = 0
    for name, path in files.items():
        table = schemafile.entry(tables, name)
        if table is None:
            violations.append(Violation(name, "", "the file is not in the schema"))
            continue
        kind = "columns" if path.suffix == ".csv" else "arrays"
        if kind not in table:
            violations.append(Violation(name, "", f"the schema's entry has no {kind}, which a {path.suffix} file needs"))
            continue
        try:
            count, found = (check_csv if path.suffix == ".csv" else check_npz)(name, path, table)
        except datafiles.Unread as problem:
            violations.append(Violation(name, "", f"can be read ({problem})"))
            continue
        rows += count
        violations += found
    for table in tables:
        for pattern in table["paths"]:
            if not any(name == pattern or fnmatch.fnmatchcase(name, pattern) for name in files):
                violations.append(Violation(pattern, "", "the file is missing"))
    return {"files": len(files), "rows": rows, "violations": [dataclasses.asdict(violation) for violation in violations]}


def check_csv(name: str, path: pathlib.Path, table: dict[str, Any]) -> tuple[int, list[Violation]]:
    header, lines = datafiles.table(path)
    texts = list(lines)
    columns = {str(key): column for key, column in table["columns"].items()}
    violations = names(name, header, columns, table.get("strict", True))
    for at, column in enumerate(header):
        if column in columns:
            violations += check_column_values(name, column, [row[at] for row in texts], columns[column])
    return len(texts), violations


def names(file: str, have: list[str], wanted: dict[str, Any], strict: bool) -> list[Violation]:
    """What is wrong with the columns' names."""
    violations = [Violation(file, column, MISSING_COLUMN) for column, rule in wanted.items()
                  if rule.get("required", True) and column not in have]
    if strict:
        violations += [Violation(file, column, EXTRA_COLUMN) for column in have if column not in wanted]
    return violations


def check_column_values(file: str, column: str, texts: list[str], wanted: dict[str, Any]) -> list[Violation]:
    """Types, missing values and checks of a table's column."""
    values, bad = convert(texts, wanted["dtype"])
    violations = []
    if bad:
        violations.append(broken(file, column, f"every value is {wanted['dtype']}", [row + 1 for row in bad], texts[bad[0]]))
    return violations + judged(file, column, values, wanted, set(bad), lambda index: index + 1)


def convert(texts: list[str], dtype: str) -> tuple[Any, list[int]]:
    """A column's texts as values of a type, missing ones as none, and the indices of those that are no such value."""
    import pandas

    if dtype == "str":
        return pandas.Series([text or None for text in texts], dtype=object), []
    present = [None if datafiles.missing(text) else text.strip() for text in texts]
    if dtype == "bool":
        known = {**dict.fromkeys(TRUE, 1.0), **dict.fromkeys(FALSE, 0.0)}
        values = pandas.Series([None if text is None else known.get(text.lower(), np.nan) for text in present], dtype=np.float64)
    elif dtype == "datetime64[ns]":
        values = pandas.to_datetime(pandas.Series(present, dtype=object), errors="coerce", format="ISO8601")
    else:
        values = pandas.to_numeric(pandas.Series(present, dtype=object), errors="coerce").astype(np.float64)
        if dtype == "int64":
            values = values.where(values.isna() | (np.mod(values, 1) == 0))
    bad = np.flatnonzero(values.isna().to_numpy() & np.array([text is not None for text in present], dtype=bool))
    return values, [int(index) for index in bad]


def judged(file: str, column: str, values: Any, wanted: dict[str, Any], known: set[int], row: Any) -> list[Violation]:
    """What pandera finds in converted values; indices in `known` are reported already."""
    import pandas
    import pandera.pandas as pandera
    from pandera.errors import SchemaErrors

    schema = pandera.DataFrameSchema({"x": schemafile.rules(column, wanted)})
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            schema.validate(pandas.DataFrame({"x": values}), lazy=True)
        return []
    except SchemaErrors as error:
        cases = error.failure_cases
    found: dict[str, list[tuple[int, object]]] = collections.defaultdict(list)
    for rule, value, index in zip(cases["check"], cases["failure_case"], cases["index"]):
        if index is None or index != index:  # a check that could not be made, such as a range of texts
            found[f"{rule} can be checked"].append((-1, value))
        elif index not in known:
            found[WORDS.get(rule, rule)].append((int(index), value))
    return [broken(file, column, rule, [row(index) for index, _ in places if index >= 0], "nothing" if rule == WORDS["not_nullable"] else places[0][1])
            for rule, places in found.items()]


def check_npz(name: str, path: pathlib.Path, table: dict[str, Any]) -> tuple[int, list[Violation]]:
    import pandas

    found = datafiles.arrays(path)
    wanted = {str(key): column for key, column in table["arrays"].items()}
    violations = names(name, list(found), wanted, table.get("strict", True))
    for column, rule in wanted.items():
        if column not in found:
            continue
        values = found[column]
        if values.dtype != np.dtype(rule["dtype"]):
            violations.append(Violation(name, column, f"the type is {rule['dtype']}", example=str(values.dtype)))
        shape, have = rule.get("shape", []), list(values.shape[1:])
        if len(shape) != len(have) or any(size not in (None, real) for size, real in zip(shape, have)):
            violations.append(Violation(name, column, f"a row has the shape {shape}", example=str(have)))
        size = max(1, int(np.prod(have, dtype=int)))
        flat = pandas.Series(values.ravel() if values.dtype.kind in "US" else values.ravel().astype(np.float64))
        violations += judged(name, column, flat, rule, set(), lambda index, size=size: index // size + 1)
    return len(next(iter(found.values()), [])), violations

def infer(files: dict[str, pathlib.Path]) -> str:
    """The schema of the files as text; raises datafiles.Unread."""
    groups: dict[str, list[str]] = collections.defaultdict(list)
    for name, path in files.items():
        groups[json.dumps([path.suffix, *names_of(path)])].append(name)
    lines = [
        "# What the rows of training and held-out data must be, inferred once (data schema). Edit it where the data may be more",
        "# than they happen to be: the checks are those of pandera.Check. It is held against the data before each training.",
        "version: 1",
        "tables:",
    ]
    for members in groups.values():
        places = [files[name] for name in members]
        part, columns = ("columns", infer_csv(places)) if places[0].suffix == ".csv" else ("arrays", infer_npz(places))
        lines += [f"  - paths: {flow(members)}", "    strict: true", f"    {part}:"]
        lines += [f"      {flow(name)}: {flow(column)}" for name, column in columns.items()]
    return "\n".join(lines) + "\n"


def flow(value: object) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, allow_unicode=True, width=sys.maxsize)
    return text.removesuffix("\n").removesuffix("\n...")


def names_of(path: pathlib.Path) -> list[str]:
    if path.suffix == ".csv":
        return datafiles.table(path)[0]
    return [f"{name} {values.dtype} {values.shape[1:]}" for name, values in datafiles.arrays(path).items()]


def infer_csv(paths: list[pathlib.Path]) -> dict[str, dict[str, Any]]:
    import pandas
    import pandera.pandas as pandera

    header = datafiles.table(paths[0])[0]
    rows = [row for path in paths for row in datafiles.table(path)[1]]
    columns, values = {}, {}
    for at, name in enumerate(header):
        texts = [row[at] for row in rows]
        seen = dataprofile.Column(name)
        for start in range(0, len(texts), dataprofile.ROWS):
            seen.add(texts[start:start + dataprofile.ROWS])
        columns[name] = {"dtype": NUMBERS[seen.type] if rows else "str"}
        values[name], _ = convert(texts, columns[name]["dtype"])
    inferred = yaml.safe_load(pandera.infer_schema(pandas.DataFrame(values)).to_yaml()) if rows else {"columns": {}}
    for name, column in columns.items():
        column |= {key: value for key, value in (inferred["columns"].get(name) or {}).items() if key in CHECKS or key == "nullable" and value}
        if column["dtype"] == "int64":
            column |= {key: int(value) for key, value in column.items() if key in CHECKS and isinstance(value, float)}
        if column["dtype"] == "str":
            column.pop("isin", None)
            texts = set(filter(None, values[name])) if rows else set()
            if 0 < len(texts) <= FEW and len(rows) >= 10 * len(texts):
                column["isin"] = sorted(texts)
            if rows and values[name].isna().any():
                column["nullable"] = True
    return columns


def infer_npz(paths: list[pathlib.Path]) -> dict[str, dict[str, Any]]:
    found = [datafiles.arrays(path) for path in paths]
    columns = {}
    for name, values in found[0].items():
        column: dict[str, Any] = {"dtype": str(values.dtype)}
        if values.ndim > 1:
            column["shape"] = list(values.shape[1:])
        if values.dtype.kind in "fiub":
            seen = dataprofile.Column(name)
            numbers = [arrays[name].astype(np.float64) for arrays in found]
            for one in numbers:
                seen.measure(one)
            if any(np.isnan(one).any() for one in numbers):
                column["nullable"] = True
            if seen.count and values.dtype.kind != "b":
                whole = values.dtype.kind in "iu"
                column["greater_than_or_equal_to"] = int(seen.low) if whole else seen.low
                column["less_than_or_equal_to"] = int(seen.high) if whole else seen.high
        columns[name] = column
    return columns


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("infer", "check"))
    datafiles.arguments(parser)
    parser.add_argument("--schema", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    files = datafiles.training(options) | datafiles.held_out(options)
    try:
        if options.what == "infer":
            if not files:
                return step.fail(f"{options.name} holds no .csv and no .npz file: there are no rows to infer a schema from")
            options.out.write_text(infer(files), encoding="utf-8")
            return 0
        result = check(schemafile.read(options.schema), files)
    except Refused as problem:
        return step.fail(f"{options.schema.name}: {problem}")
    except datafiles.Unread as problem:
        return step.fail(str(problem))
    options.out.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
