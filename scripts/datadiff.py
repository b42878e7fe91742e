"""Say which rows differ between two folders of data.

    python3 datadiff.py --before DIR --after DIR --name data

Prints a list with one entry for each file that differs: {"file", "added", "removed", "changed", "moved", "notes"}. Files are
named by their path in the project (--name is the folder's). Rows are compared by the columns, or arrays, that both files have. A
row that stands where another stood is changed; one that is in both files, but in another place among the others, moved. Notes
name the first rows, by their numbers from 1: of a row that was removed the number before, of all others the number after. Nothing
differs: [].
"""

from __future__ import annotations

import argparse
import bisect
import collections
import dataclasses
import functools
import itertools
import json
import pathlib
import sys

import numpy as np

import datafiles

NAMED = 5  # rows of each sort
CELLS = 5  # columns of a row

arrays = functools.lru_cache(maxsize=2)(datafiles.arrays)  # both sides of one file


@dataclasses.dataclass
class Change:
    """How the rows of one file differ."""

    file: str
    added: int = 0
    removed: int = 0
    changed: int = 0
    moved: int = 0
    notes: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Rows:
    """Which rows differ, as indices: (before, after) of those that changed, before of those removed, after of the others."""

    changed: list[tuple[int, int]]
    removed: list[int]
    added: list[int]
    moved: list[int]


def compare(before: list[bytes], after: list[bytes]) -> Rows:
    """Match rows by their hashes: with the equal one in the same place, else with the first equal one that is not matched yet.

    The same place is counted from the end too, for rows below one that was added or removed.
    """
    beside = kept(before, after)
    taken = set(beside.values())
    places: dict[bytes, collections.deque[int]] = collections.defaultdict(collections.deque)
    for index, row in enumerate(after):
        if index not in taken:
            places[row].append(index)
    matched: list[tuple[int, int]] = []
    lost: list[tuple[int, int]] = []  # how many matched rows stand above it, its index
    for index, row in enumerate(before):
        if index in beside:
            matched.append((index, beside[index]))
        elif places[row]:
            matched.append((index, places[row].popleft()))
        else:
            lost.append((len(matched), index))
    taken = {there for _, there in matched}
    found: list[tuple[int, int]] = []
    above = 0
    for index in range(len(after)):
        if index in taken:
            above += 1
        else:
            found.append((above, index))
    changed, removed, added = pair(lost, found)
    return Rows(changed, removed, added, displaced([there for _, there in matched]))


def kept(before: list[bytes], after: list[bytes]) -> dict[int, int]:
    """The rows that stay where they are: those that both begin and end with and, where as many lie between, each in its place."""
    most = min(len(before), len(after))
    head = next((index for index in range(most) if before[index] != after[index]), most)
    tail = next((index for index in range(most - head) if before[-1 - index] != after[-1 - index]), most - head)
    same = {index: index for index in range(head)}
    same |= {len(before) - 1 - index: len(after) - 1 - index for index in range(tail)}
    if len(before) == len(after):
        same |= {index: index for index in range(head, most - tail) if before[index] == after[index]}
    return same


def pair(lost: list[tuple[int, int]], found: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """A lost and a new row below as many matched ones are one row that changed."""
    groups: dict[int, tuple[list[int], list[int]]] = collections.defaultdict(lambda: ([], []))
    for side, rows in enumerate((lost, found)):
        for above, index in rows:
            groups[above][side].append(index)
    changed: list[tuple[int, int]] = []
    removed: list[int] = []
    added: list[int] = []
    for above in sorted(groups):
        here, there = groups[above]
        both = min(len(here), len(there))
        changed += zip(here[:both], there[:both])
        removed += here[both:]
        added += there[both:]
    return changed, removed, added


def displaced(order: list[int]) -> list[int]:
    """The fewest rows without which the others stand in the same order as before: all beside a longest rising run."""
    ends: list[int] = []  # the smallest last value of a rising run of each length
    tops: list[int] = []  # its position in order
    came_from = [-1] * len(order)
    for position, value in enumerate(order):
        length = bisect.bisect_left(ends, value)
        came_from[position] = tops[length - 1] if length else -1
        if length == len(ends):
            ends.append(value)
            tops.append(position)
        else:
            ends[length], tops[length] = value, position
    kept: set[int] = set()
    position = tops[-1] if tops else -1
    while position >= 0:
        kept.add(position)
        position = came_from[position]
    return sorted(value for position, value in enumerate(order) if position not in kept)


def columns(path: pathlib.Path) -> list[str]:
    """The names of a file's columns or arrays."""
    return datafiles.table(path)[0] if path.suffix == ".csv" else list(arrays(path))


def pick(path: pathlib.Path, names: list[str], wanted: list[int]) -> dict[int, list[str]]:
    """The values of some rows, as texts; an array of several values is one text."""
    if path.suffix == ".csv":
        header, rows = datafiles.table(path)
        at = [header.index(name) for name in names]
        return {index: [row[i] for i in at] for index, row in enumerate(rows) if index in wanted}
    found = arrays(path)
    return {index: [cell(found[name][index]) for name in names] for index in wanted}


def cell(value: np.ndarray | np.generic) -> str:
    """One value of an array's row, or what tells two of several values apart."""
    if value.ndim == 0:
        return str(value)
    numbers = f", sum {value.sum():g}" if value.dtype.kind in "fiu" else ""
    return f"{value.size} values{numbers}"


def difference(name: str, before: pathlib.Path, after: pathlib.Path) -> Change:
    """How one file differs that is on both sides; raises datafiles.Unread."""
    old, new = columns(before), columns(after)
    common = [column for column in old if column in new]
    rows = compare(datafiles.row_hashes(before, common), datafiles.row_hashes(after, common))
    change = Change(name, len(rows.added), len(rows.removed), len(rows.changed), len(rows.moved))
    for verb, gone in (("removed", [c for c in old if c not in new]), ("added", [c for c in new if c not in old])):
        if gone:
            change.notes.append(f"columns {verb}: {', '.join(gone[:CELLS])}{more(len(gone) - CELLS)}")
    if not (set(old) ^ set(new)) and old != new:
        change.notes.append("the columns stand in another order")
    change.notes += changed_rows(rows.changed, before, after, common)
    for verb, indices in (("added", rows.added), ("removed", rows.removed), ("moved", rows.moved)):
        if indices:
            numbers = ", ".join(str(index + 1) for index in indices[:NAMED])
            change.notes.append(f"{'row' if len(indices) == 1 else 'rows'} {verb}: {numbers}{more(len(indices) - NAMED)}")
    if not change.notes:
        change.notes.append("the same rows, written differently")
    return change


def changed_rows(pairs: list[tuple[int, int]], before: pathlib.Path, after: pathlib.Path, common: list[str]) -> list[str]:
    """The first rows that changed, each with the values that did."""
    first = pairs[:NAMED]
    old = pick(before, common, [here for here, _ in first]) if first else {}
    new = pick(after, common, [there for _, there in first]) if first else {}
    notes = []
    for here, there in first:
        cells = [f"{name} {short(a)} → {short(b)}" if a != b else f"{name} {short(a)}, in other values"
                 for name, a, b in zip(common, old[here], new[there])
                 if a != b or before.suffix == ".npz" and not equal(before, after, name, here, there)]
        notes.append(f"row {there + 1}: {', '.join(cells[:CELLS])}{more(len(cells) - CELLS)}")
    if len(pairs) > NAMED:
        notes.append(f"and {len(pairs) - NAMED} more rows that changed")
    return notes


def equal(before: pathlib.Path, after: pathlib.Path, name: str, here: int, there: int) -> bool:
    """Whether one array's row is the same on both sides."""
    return arrays(before)[name][here].tobytes() == arrays(after)[name][there].tobytes()


def short(text: str) -> str:
    """A value that fits on a line."""
    return (text if len(text) <= 40 else text[:39] + "…") or "nothing"


def more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def one_sided(name: str, path: pathlib.Path, verb: str) -> Change:
    """A file that is on one side only."""
    change = Change(name, notes=[f"the file was {verb}"])
    if path.suffix in datafiles.SUFFIXES:
        setattr(change, verb, len(datafiles.row_hashes(path)))
    return change


def folders(before: pathlib.Path, after: pathlib.Path, name: str) -> list[Change]:
    """Every file that differs, in the order of the paths."""
    old, new = datafiles.below(before), datafiles.below(after)
    changes = []
    for path in sorted(set(itertools.chain(old, new))):
        place = f"{name}/{path}"
        try:
            if path not in new:
                changes.append(one_sided(place, old[path], "removed"))
            elif path not in old:
                changes.append(one_sided(place, new[path], "added"))
            elif datafiles.file_digest(old[path]) == datafiles.file_digest(new[path]):
                continue
            elif new[path].suffix in datafiles.SUFFIXES:
                changes.append(difference(place, old[path], new[path]))
            else:
                changes.append(Change(place, notes=["the file changed; it holds no rows that the line reads"]))
        except datafiles.Unread as problem:
            changes.append(Change(place, notes=[f"the file changed; its rows cannot be compared: {problem}"]))
    return changes


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=pathlib.Path, required=True)
    parser.add_argument("--after", type=pathlib.Path, required=True)
    parser.add_argument("--name", required=True, help="the folder's path in the project")
    options = parser.parse_args(arguments)
    changes = folders(options.before, options.after, options.name)
    print(json.dumps([dataclasses.asdict(change) for change in changes], indent=1, sort_keys=True, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
