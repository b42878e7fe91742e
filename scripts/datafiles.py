"""Find and read a project's files of rows: tables (.csv) and named arrays (.npz).

Tables are read a row at a time, so that their size does not matter. A row is counted from 1, the header is none.
Nothing here needs TensorFlow.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import pathlib
import re
import zipfile
from collections.abc import Iterator

import numpy as np

SUFFIXES = (".csv", ".npz")
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none"})
CHUNK = 1 << 20
MOST_LABELS = 100


class Unread(Exception):
    """A file of rows that cannot be read as one; the text says why and, for a person, what to do."""


def missing(text: str) -> bool:
    """Whether a value of a column of numbers stands for none."""
    return text.strip().lower() in MISSING


def arguments(parser: argparse.ArgumentParser) -> None:
    """The flags by which a program is told where the rows lie, and what they are called in the project."""
    parser.add_argument("--data", type=pathlib.Path, required=True, help="folder of the training data")
    parser.add_argument("--name", required=True, help="its path in the project")
    parser.add_argument("--held-out", type=pathlib.Path, help="file of held-out rows")
    parser.add_argument("--held-out-name", default="", help="its path in the project")


def training(options: argparse.Namespace) -> dict[str, pathlib.Path]:
    """The files of rows in the training data: path in the project → place here, in the order of the paths."""
    return {f"{options.name}/{path}": place for path, place in below(options.data).items() if place.suffix in SUFFIXES}


def held_out(options: argparse.Namespace) -> dict[str, pathlib.Path]:
    """The file of held-out rows in the same form, none where there is none."""
    return {options.held_out_name: options.held_out} if options.held_out else {}


def below(folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Every file below a folder, by its path there, in order."""
    found = {place.relative_to(folder).as_posix(): place for place in folder.rglob("*") if place.is_file()}
    return dict(sorted(found.items()))


def file_digest(path: pathlib.Path) -> str:
    """`sha256:` and the digest of a file's bytes."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            total.update(chunk)
    return "sha256:" + total.hexdigest()


def table(path: pathlib.Path) -> tuple[list[str], Iterator[list[str]]]:
    """A CSV file's columns, and its rows one by one, each with one text a column.

    Raises Unread, also in the middle of the rows: for a file that is not UTF-8, has no header, names a column twice or
    has a row of another length.
    """
    rows = _lines(path)
    header = next(rows, None)
    if not header:
        raise Unread(f"{path.name} is empty: its first line must name the columns")
    for name in header:
        if header.count(name) > 1:
            raise Unread(f"{path.name} names the column {name!r} {header.count(name)} times: give each its own name")
    return header, _checked(path.name, header, rows)


def _checked(name: str, header: list[str], rows: Iterator[list[str]]) -> Iterator[list[str]]:
    for number, row in enumerate(rows, start=1):
        if len(row) != len(header):
            raise Unread(f"row {number} of {name} has {len(row)} values, the header names {len(header)} columns")
        yield row


def _lines(path: pathlib.Path) -> Iterator[list[str]]:
    """The lines of a CSV file as lists, empty ones left out."""
    line = 0
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            for row in reader:
                line = reader.line_num
                if row:
                    yield row
    except UnicodeDecodeError as error:
        raise Unread(f"{path.name} is not UTF-8 text (byte {error.start} after line {line}): save it as UTF-8") from error
    except csv.Error as error:
        raise Unread(f"{path.name} is not a CSV file, after line {line}: {error}") from error
    except OSError as error:
        raise Unread(f"{path.name} cannot be read: {error.strerror}") from error


def arrays(path: pathlib.Path) -> dict[str, np.ndarray]:
    """The named arrays [N, ...] of an NPZ file, in the order of the file; raises Unread."""
    try:
        with np.load(path, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise Unread(f"{path.name} cannot be read as .npz ({error}): write it with numpy.savez, without Python objects") from error
    for name, values in found.items():
        if values.ndim == 0:
            raise Unread(f"{name!r} in {path.name} is a single value: each array needs one row an example")
    if len({len(values) for values in found.values()}) > 1:
        sizes = ", ".join(f"{name}: {len(values)}" for name, values in found.items())
        raise Unread(f"the arrays in {path.name} differ in their number of rows ({sizes}): save them with one row an example")
    return found


def row_hashes(path: pathlib.Path, names: list[str] | None = None) -> list[bytes]:
    """A SHA-256 for each row, of the columns in `names` (all of them, in the file's order, for None).

    Equal texts (.csv) or bytes (.npz) give equal hashes. Raises Unread.
    """
    if path.suffix == ".csv":
        header, rows = table(path)
        wanted = [header.index(name) for name in names] if names is not None else range(len(header))
        return [hashlib.sha256("\0".join([row[i] for i in wanted]).encode()).digest() for row in rows]
    found = arrays(path)
    columns = [np.ascontiguousarray(found[name]) for name in (found if names is None else names)]
    hashes = []
    for row in range(len(columns[0]) if columns else 0):
        total = hashlib.sha256()
        for values in columns:
            total.update(values[row].tobytes())
        hashes.append(total.digest())
    return hashes


def rows_digest(hashes: list[bytes]) -> str:
    """One digest for rows in whatever order: `sha256:` of their number and of the sum of their hashes modulo 2^256."""
    total = sum(int.from_bytes(one, "big") for one in hashes) % (1 << 256)
    return "sha256:" + hashlib.sha256(f"{len(hashes)} {total}".encode()).hexdigest()


def key(value: object) -> str:
    """A value as the name of a group: 1.0 and 1 are one, so are True and 1."""
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", str(int(value) if isinstance(value, (bool, np.bool_)) else value))
