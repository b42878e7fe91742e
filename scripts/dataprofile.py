"""Profile a project's data: what can be said of it without keeping a row.

    python3 dataprofile.py --data DIR --name data [--held-out FILE --held-out-name data/held-out.csv] [--label NAME] --out profile.json

Writes {"digest", "files", "training": {PATH: profile}, "heldOut": {PATH: profile}}: the digest of the training data as
treedigest.py defines it, and for each .csv and .npz file

    {"digest", "rows", "rowsDigest", "columns": [{"name", "type", "shape", "missing", "minimum", "maximum", "mean"}], "labels"}

rowsDigest is equal for the same rows in whatever order, labels counts the rows of each value of the label where there are
at most 100. A file that is no table is no error: it has "unread" with the reason, and 0 rows. Exit status 2 with one line on
standard error when the folder cannot be digested.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import pathlib
import re
import sys
from collections.abc import Iterator

import numpy as np

import datafiles
import step
import treedigest

ROWS = 50_000  # at a time
INTEGER = re.compile(r"[+-]?\d+")


class Column:
    """What is known of a table's column after some of its rows."""

    def __init__(self, name: str) -> None:
        self.name, self.type, self.missing, self.count = name, "integer", 0, 0
        self.low, self.high, self.sums = math.inf, -math.inf, []  # of finite numbers

    def add(self, texts: list[str]) -> None:
        """Look at some more of its values."""
        present = [text for text in texts if not datafiles.missing(text)]
        if self.type == "text":
            self.missing += sum(text == "" for text in texts)
            return
        self.missing += len(texts) - len(present)
        try:
            numbers = np.array(present, dtype=np.float64)
        except ValueError:
            self.type = "text"  # where only an empty value is a missing one; those before are counted as they were
            return
        if self.type == "integer" and not all(INTEGER.fullmatch(text.strip()) for text in present):
            self.type = "float"
        self.measure(numbers)

    def measure(self, numbers: np.ndarray) -> None:
        """Take in numbers of any shape; what is not finite counts for nothing."""
        numbers = numbers[np.isfinite(numbers)]
        if numbers.size:
            self.low, self.high = min(self.low, float(numbers.min())), max(self.high, float(numbers.max()))
            self.sums.append(math.fsum(numbers.ravel()))
            self.count += numbers.size

    def summary(self, **more: object) -> dict[str, object]:
        """The column as it is printed."""
        facts = {"name": self.name, "type": self.type, **more}
        if self.missing:
            facts["missing"] = self.missing
        if self.count and self.type != "text":
            mean = math.fsum(self.sums) / self.count
            facts |= {"minimum": self.low, "maximum": self.high, "mean": float(f"{mean:.12g}")}
        return facts


def chunks(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Rows in lists of at most ROWS."""
    chunk: list[list[str]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def table(path: pathlib.Path, label: str) -> dict[str, object]:
    """Columns and labels of a CSV file; raises datafiles.Unread."""
    header, rows = datafiles.table(path)
    columns = [Column(name) for name in header]
    labels = collections.Counter()
    for chunk in chunks(rows):
        for at, column in enumerate(columns):
            column.add([row[at] for row in chunk])
        if label in header:
            count(labels, (row[header.index(label)] for row in chunk))
    return {"columns": [column.summary() for column in columns], **balance(labels)}


def arrays(path: pathlib.Path, label: str) -> dict[str, object]:
    """Columns and labels of an NPZ file; raises datafiles.Unread."""
    found = datafiles.arrays(path)
    columns = []
    for name, values in found.items():
        column = Column(name)
        column.type = str(values.dtype)
        more = {"shape": list(values.shape[1:])} if values.ndim > 1 else {}
        if values.dtype.kind in "fiub":
            numbers = values.astype(np.float64)
            column.missing = int(np.isnan(numbers).sum())
            column.measure(numbers)
        columns.append(column.summary(**more))
    labels = collections.Counter()
    if label in found and found[label].ndim == 1:
        count(labels, found[label])
    return {"columns": columns, **balance(labels)}


def count(labels: collections.Counter[str], values: Iterator[object] | np.ndarray) -> None:
    """Count rows by label, as long as there are few labels."""
    for value in values:
        if len(labels) <= datafiles.MOST_LABELS:
            labels[datafiles.key(value)] += 1


def balance(labels: collections.Counter[str]) -> dict[str, object]:
    """How many rows each label has; nothing for a label of many values, such as one that is measured."""
    return {"labels": dict(sorted(labels.items()))} if 0 < len(labels) <= datafiles.MOST_LABELS else {}


def profile(path: pathlib.Path, label: str) -> dict[str, object]:
    """The profile of one file."""
    digest = datafiles.file_digest(path)
    try:
        facts = table(path, label) if path.suffix == ".csv" else arrays(path, label)
        hashes = datafiles.row_hashes(path)
    except datafiles.Unread as problem:
        return {"digest": digest, "rows": 0, "rowsDigest": digest, "columns": [], "unread": str(problem)}
    return {"digest": digest, "rows": len(hashes), "rowsDigest": datafiles.rows_digest(hashes), **facts}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    datafiles.arguments(parser)
    parser.add_argument("--label", default="", help="column or array whose values are counted")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    try:
        entries = treedigest.entries(str(options.data), [])
    except treedigest.Fault as fault:
        return step.fail(str(fault))
    result = {"digest": treedigest.digest(entries), "files": len(entries)}
    for part, files in (("training", datafiles.training(options)), ("heldOut", datafiles.held_out(options))):
        result[part] = {name: profile(path, options.label) for name, path in files.items()}
    options.out.write_text(json.dumps(result, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
