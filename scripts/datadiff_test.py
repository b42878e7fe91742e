"""Tests of datadiff.py: each row that differs is named, and no other."""

import pathlib
import random

import numpy as np
import pytest

import datadiff

HEADER = "x,y\n"


def csv(folder: pathlib.Path, rows: list[str], header: str = HEADER) -> pathlib.Path:
    folder.mkdir(exist_ok=True)
    (folder / "train.csv").write_text(header + "".join(row + "\n" for row in rows))
    return folder


def changes(tmp_path: pathlib.Path, before: list[str], after: list[str], header: str = HEADER) -> list[datadiff.Change]:
    return datadiff.folders(csv(tmp_path / "a", before), csv(tmp_path / "b", after, header), "data")


ROWS = [f"{number},{number % 2}" for number in range(10)]


@pytest.mark.parametrize(("after", "counts", "note"), [
    (ROWS[:4] + ["4,1"] + ROWS[5:], (0, 0, 1, 0), "row 5: y 0 → 1"),
    (ROWS + ["10,0"], (1, 0, 0, 0), "row added: 11"),
    (ROWS[1:], (0, 1, 0, 0), "row removed: 1"),
    (ROWS[:2] + ["7,7", "8,8"] + ROWS[2:], (2, 0, 0, 0), "rows added: 3, 4"),
    ([*ROWS[:3], ROWS[6], *ROWS[4:6], ROWS[3], *ROWS[7:]], (0, 0, 0, 2), "rows moved: 4, 7"),
    (ROWS[::-1], (0, 0, 0, 9), "rows moved: "),
    (["0,5", *ROWS[1:9]], (0, 1, 1, 0), "row 1: y 0 → 5"),
    (ROWS + ["9,1"], (1, 0, 0, 0), "row added: 11"),  # a row that is there already, once more
    ([], (0, 10, 0, 0), "rows removed: 1, 2, 3, 4, 5 and 5 more"),
])
def test_rows(tmp_path: pathlib.Path, after: list[str], counts: tuple[int, ...], note: str) -> None:
    (change,) = changes(tmp_path, ROWS, after)
    assert change.file == "data/train.csv"
    assert (change.added, change.removed, change.changed, change.moved) == counts
    assert any(line.startswith(note) for line in change.notes), change.notes


def test_rows_that_are_there_many_times(tmp_path: pathlib.Path) -> None:
    (change,) = changes(tmp_path, ["1,0", "2,1"] * 4, ["1,0", "2,1", "1,0", "2,0", *["1,0", "2,1"] * 2])
    assert (change.changed, change.moved, change.notes) == (1, 0, ["row 4: y 1 → 0"])
    (change,) = changes(tmp_path, ["1,0", "2,1"] * 4, ["1,0", "2,1", "1,0", *["1,0", "2,1"] * 2])
    assert (change.removed, change.changed, change.moved) == (1, 0, 0)


def test_nothing_differs(tmp_path: pathlib.Path) -> None:
    assert changes(tmp_path, ROWS, ROWS) == []


def test_counts_add_up(tmp_path: pathlib.Path) -> None:
    """Whatever happens: rows before - removed - changed = rows after - added - changed."""
    draw = random.Random(7)
    for _ in range(300):
        before = [bytes([draw.randrange(6)]) for _ in range(draw.randrange(12))]
        after = [bytes([draw.randrange(6)]) for _ in range(draw.randrange(12))]
        rows = datadiff.compare(before, after)
        assert len(before) - len(rows.removed) == len(after) - len(rows.added)
        assert sorted(before) == sorted([after[i] for i in range(len(after)) if i not in rows.added and i not in {b for _, b in rows.changed}]
                                        + [before[i] for i in rows.removed] + [before[a] for a, _ in rows.changed])
        if sorted(before) == sorted(after):
            assert not rows.changed and not rows.added and not rows.removed
        if before == after:
            assert not rows.moved


def test_columns(tmp_path: pathlib.Path) -> None:
    (change,) = changes(tmp_path, ["1,2", "3,4"], ["1,2,9", "3,5,9"], "x,y,z\n")
    assert change.changed == 1 and change.notes == ["columns added: z", "row 2: y 4 → 5"]
    (change,) = changes(tmp_path, ["1,2", "3,4"], ["2,1", "4,3"], "y,x\n")
    assert change.changed == 0 and change.notes == ["the columns stand in another order"]


def test_files(tmp_path: pathlib.Path) -> None:
    before, after = csv(tmp_path / "a", ROWS), csv(tmp_path / "b", ROWS)
    (before / "old.csv").write_text("x\n1\n2\n")
    (after / "new.csv").write_text("x\n1\n")
    (before / "notes.txt").write_text("a")
    (after / "notes.txt").write_text("b")
    (before / "bad.csv").write_text("x,y\n1,2\n")
    (after / "bad.csv").write_text("x,y\n1\n")
    found = {change.file: change for change in datadiff.folders(before, after, "data")}
    assert found["data/old.csv"].removed == 2 and found["data/new.csv"].added == 1
    assert "no rows that the line reads" in found["data/notes.txt"].notes[0]
    assert "row 1 of bad.csv has 1 values" in found["data/bad.csv"].notes[0]
    assert "data/train.csv" not in found


def test_arrays(tmp_path: pathlib.Path) -> None:
    images, labels = np.arange(40, dtype=np.uint8).reshape(10, 2, 2), np.arange(10)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    np.savez(tmp_path / "a" / "train.npz", image=images, label=labels)
    images[3, 0, 0] += 1
    images[4] = images[4][::-1]
    labels[5] = 0
    np.savez(tmp_path / "b" / "train.npz", image=images, label=labels)
    (change,) = datadiff.folders(tmp_path / "a", tmp_path / "b", "data")
    assert change.changed == 3
    assert change.notes == ["row 4: image 4 values, sum 54 → 4 values, sum 55", "row 5: image 4 values, sum 70, in other values", "row 6: label 5 → 0"]
