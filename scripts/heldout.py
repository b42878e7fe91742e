"""Read held-out data, a table (.csv) or named arrays (.npz), and fit it to what a model wants.

Nothing here needs TensorFlow: the data is refused before the slow import.
"""

from __future__ import annotations

import csv
import dataclasses
import pathlib
import re
import zipfile

import numpy as np

MOST_SLICES = 100
EXACT = 2.0**53  # integers up to here survive as float64


class Unfit(Exception):
    """The data, the model, or what the model makes of the data does not fit; the text says what, and what to do."""


@dataclasses.dataclass(frozen=True)
class Table:
    """Columns of equal length by name: text [N] from a CSV file, arrays [N, ...] of numbers or text from an NPZ file."""

    name: str
    columns: dict[str, np.ndarray]
    rows: int
    flat: bool  # from a CSV file: one value a row and column

    def column(self, name: str, purpose: str) -> np.ndarray:
        """One value a row [N]; raises Unfit that names the columns there are."""
        if name not in self.columns:
            raise Unfit(f"{self.name} has no column {name!r} for {purpose}; it has: {listed(self.columns)}")
        values = self.columns[name]
        if values.ndim == 2 and values.shape[1] == 1:
            values = values[:, 0]
        if values.ndim != 1:
            raise Unfit(f"{name!r} in {self.name} has the shape {list(values.shape)}, {purpose} needs one value a row: [N] or [N, 1]")
        return values


def listed(names: object) -> str:
    """Names for a message, the first 20 of many."""
    names = [str(name) for name in names]
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return (", ".join(names[:20]) or "none") + more


def names(text: str) -> list[str]:
    """The different names in a list that commas join."""
    return list(dict.fromkeys(filter(None, text.split(","))))


def read(path: pathlib.Path) -> Table:
    """Read the file by its suffix; raises Unfit for everything that keeps it from being a table with rows."""
    readers = {".csv": _read_csv, ".npz": _read_npz}
    if path.suffix not in readers:
        raise Unfit(f"{path} is neither .csv nor .npz: give the held-out data in one of these forms")
    try:
        columns = readers[path.suffix](path)
    except OSError as error:
        raise Unfit(f"cannot read the held-out data {path}: {error.strerror or error}") from error
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        sizes = ", ".join(f"{name}: {length}" for name, length in lengths.items())
        raise Unfit(f"the arrays in {path} differ in their number of rows ({sizes}): save them with one row an example")
    if not any(lengths.values()):
        raise Unfit(f"{path} has no rows: there is nothing to evaluate on")
    return Table(str(path), columns, next(iter(lengths.values())), path.suffix == ".csv")


def _read_csv(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if not header:
                raise Unfit(f"{path} is empty: its first line must name the columns")
            for name in header:
                if header.count(name) > 1:
                    raise Unfit(f"{path} names the column {name!r} {header.count(name)} times: give each its own name")
            rows = []
            for number, row in enumerate(filter(None, reader), start=1):
                if len(row) != len(header):
                    raise Unfit(f"row {number} of {path} has {len(row)} values, the header names {len(header)} columns")
                rows.append(row)
    except UnicodeDecodeError as error:
        raise Unfit(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except csv.Error as error:
        raise Unfit(f"{path} is not a CSV file, line {reader.line_num}: {error}") from error
    table = np.array(rows, dtype=object).reshape(len(rows), len(header))
    return {name: table[:, index] for index, name in enumerate(header)}


def _read_npz(path: pathlib.Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            columns = {name: arrays[name] for name in arrays.files}
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Unfit(f"{path} cannot be read as .npz ({error}): write it with numpy.savez, without Python objects") from error
    for name, values in columns.items():
        if values.ndim == 0:
            raise Unfit(f"{name!r} in {path} is a single value: each array needs one row an example")
    return columns


def cast(values: np.ndarray, dtype: np.dtype, what: str) -> np.ndarray:
    """The values as `dtype`, nothing lost but the precision of floats; raises Unfit with the row and the value.

    The dtype object stands for text (bytes in UTF-8), as TensorFlow's strings do.
    """
    dtype = np.dtype(dtype)
    if dtype == object:
        return np.array([value if isinstance(value, bytes) else str(value).encode() for value in values.ravel()],
                        dtype=object).reshape(values.shape)
    if values.dtype == dtype:
        return values
    if values.dtype.kind in "OSU":
        values = _parsed(values, what)
    if dtype.kind not in "iub":
        return values.astype(dtype)
    low, high = (0, 1) if dtype == bool else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    whole = np.equal(np.mod(values, 1), 0) & (values >= low) & (values <= high) if values.dtype.kind == "f" else \
        (values >= low) & (values <= high)
    if not whole.all():
        row = int(np.argwhere(~whole)[0][0])
        raise Unfit(f"row {row + 1} of {what} is {values[~whole][0]}, which {dtype} cannot hold")
    return values.astype(dtype)


def _parsed(values: np.ndarray, what: str) -> np.ndarray:
    """Text as float64, or as int64 where that alone keeps every digit."""
    texts = values.ravel()
    try:
        numbers = np.array([float(text) for text in texts])
    except ValueError:
        row, bad = next((index, text) for index, text in enumerate(texts) if not _is_number(text))
        raise Unfit(f"row {row // max(1, values[0].size if values.ndim > 1 else 1) + 1} of {what} is {str(bad)[:80]!r}, "
                    "not a number") from None
    if np.abs(numbers).max(initial=0) >= EXACT and np.isfinite(numbers).all():
        try:
            numbers = np.array([int(text) for text in texts], dtype=np.int64)
        except (ValueError, OverflowError):
            pass
    return numbers.reshape(values.shape)


def _is_number(text: object) -> bool:
    try:
        float(text)  # type: ignore[arg-type]
    except ValueError:
        return False
    return True


def labels(table: Table, name: str) -> np.ndarray:
    """The label as float64 [N]; raises Unfit when it is missing, no number, or not finite."""
    values = cast(table.column(name, "the label"), np.float64, f"the label {name!r} in {table.name}")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values)))
        raise Unfit(f"row {row + 1} of the label {name!r} in {table.name} is {values[row]}: every row needs a label")
    return values


def groups(table: Table, name: str) -> dict[str, np.ndarray]:
    """Which rows hold each value of a column: the value as text → mask [N]. 1.0 and 1 are one value, 1."""
    values = table.column(name, "slices")
    texts = np.array([_key(value) for value in values], dtype=object)
    different = sorted(set(texts))
    if len(different) > MOST_SLICES:
        raise Unfit(f"{name!r} in {table.name} has {len(different)} different values, slices are limited to {MOST_SLICES}: "
                    "slice by a column with few values")
    return {text: texts == text for text in different}


def _key(value: object) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(int(value) if isinstance(value, np.bool_) else value)
    return re.sub(r"^([+-]?\d+)\.0*$", r"\1", text)


@dataclasses.dataclass(frozen=True)
class Input:
    """What a signature wants of one input: a shape whose unknown sizes are None (or None for any shape), and a type."""

    shape: tuple[int | None, ...] | None
    dtype: np.dtype

    @property
    def scalar(self) -> bool:
        """Whether it takes one value a row: [N] or [N, 1]."""
        return self.shape is not None and self.shape[1:] in ((), (1,))


def feed(table: Table, label: str, sliced: list[str], inputs: dict[str, Input]) -> dict[str, np.ndarray]:
    """An array of N rows for each of the model's inputs; raises Unfit when the table cannot give it.

    Inputs that are named as columns get these. A single input gets the other columns of a CSV file side by side, in the
    order of the header (without the columns to slice by, where only so their number fits), or of an NPZ file the array
    `x` or the only one left.
    """
    for name, wanted in inputs.items():
        if wanted.shape == ():
            raise Unfit(f"the model's input {name!r} takes one value for the whole batch: export a signature whose inputs have rows")
    if inputs.keys() <= table.columns.keys() - {label} and (not table.flat or all(i.scalar for i in inputs.values())):
        return {name: _shaped(table.columns[name], wanted, name, table) for name, wanted in inputs.items()}
    if len(inputs) != 1:
        lacking = listed(sorted(inputs.keys() - (table.columns.keys() - {label})))
        if lacking == "none":
            raise Unfit(f"a CSV file cannot give the inputs {listed(inputs)}, which take more than one value a row: use an .npz file")
        raise Unfit(f"{table.name} lacks columns for the model's inputs {lacking}; it has: {listed(table.columns)}")
    (name, wanted), = inputs.items()
    others = [column for column in table.columns if column != label]
    if table.flat:
        return {name: _stacked(table, others, sliced, wanted, name)}
    left = ["x"] if "x" in others else [column for column in others if column not in sliced]
    if len(left) != 1:
        raise Unfit(f"{table.name} has no array {name!r} or 'x' for the model's input, and not just one other than the label; "
                    f"it has: {listed(table.columns)}")
    return {name: _shaped(table.columns[left[0]], wanted, left[0], table)}


def _stacked(table: Table, others: list[str], sliced: list[str], wanted: Input, name: str) -> np.ndarray:
    inner = (None,) if wanted.shape is None else wanted.shape[1:]
    if None in inner and len(inner) > 1:
        raise Unfit(f"the model's input {name!r} has the shape {display(wanted.shape)}, which a CSV file cannot tell: use an .npz file")
    width = len(others) if None in inner else int(np.prod(inner, dtype=int))
    if len(others) != width:
        without = [column for column in others if column not in sliced]
        if len(without) != width:
            raise Unfit(f"the model's input {name!r} wants {width} values a row, {table.name} has {len(others)} columns beside the label "
                        f"({listed(others)}): give the columns that the model was trained on")
        others = without
    if not others:
        raise Unfit(f"{table.name} has no columns beside the label: give the columns that the model was trained on")
    columns = [cast(table.columns[column], wanted.dtype, f"column {column!r} in {table.name}") for column in others]
    return np.stack(columns, axis=1).reshape(table.rows, *(width if size is None else size for size in inner))


def _shaped(values: np.ndarray, wanted: Input, name: str, table: Table) -> np.ndarray:
    """The array as the input's type and shape; sizes of 1 may be missing or too many."""
    values = cast(values, wanted.dtype, f"{name!r} in {table.name}")
    if wanted.shape is None:
        return values
    sizes = [size for size in values.shape[1:] if size != 1]
    inner = []
    for size in wanted.shape[1:]:
        known = 1 if size == 1 else sizes.pop(0) if sizes else 1
        if size not in (None, known):
            sizes = [known]
            break
        inner.append(known)
    if sizes:
        raise Unfit(f"the model's input for {name!r} wants the shape {display(wanted.shape)}, {table.name} has {list(values.shape)}: "
                    "give the data as the model was trained on it")
    return values.reshape(len(values), *inner)


def display(shape: tuple[int | None, ...]) -> str:
    """A shape for a message, `N` where the size is open."""
    return "[" + ", ".join("N" if size is None else str(size) for size in shape) + "]"
