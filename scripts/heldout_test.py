import pathlib

import numpy as np
import pytest

import heldout
from heldout import Input, Unfit

FLOAT, INTEGER, TEXT = np.dtype(np.float32), np.dtype(np.int64), np.dtype(object)


def csv_file(folder: pathlib.Path, text: str | bytes) -> pathlib.Path:
    path = folder / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def npz_file(folder: pathlib.Path, **arrays: np.ndarray) -> pathlib.Path:
    path = folder / "rows.npz"
    np.savez(path, **arrays)
    return path


def fed(path: pathlib.Path, label: str = "y", sliced: tuple[str, ...] = (), **inputs: Input) -> dict[str, np.ndarray]:
    return heldout.feed(heldout.read(path), label, list(sliced), inputs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("a,y\n", "has no rows"),
        ("a,a,y\n1,2,3\n", "names the column 'a' 2 times"),
        ("a,y\n1,2\n3\n", "row 2 of .* has 1 values, the header names 2"),
        ("a,y\n1,2,3\n", "has 3 values"),
        (b"a,y\n\xff,1\n", "is not UTF-8"),
        ('a,y\n"1,2\n', "is not a CSV file"),
    ],
)
def test_a_bad_csv_file(tmp_path: pathlib.Path, text: str | bytes, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        heldout.read(csv_file(tmp_path, text))


def test_csv_files_as_they_come(tmp_path: pathlib.Path) -> None:
    table = heldout.read(csv_file(tmp_path, b'\xef\xbb\xbf"a b",y\r\n"x, y",1\r\n\r\n;$(z),0\r\n'))
    assert table.rows == 2
    assert table.columns["a b"].tolist() == ["x, y", ";$(z)"]


def test_bad_npz_files(tmp_path: pathlib.Path) -> None:
    (tmp_path / "cut.npz").write_bytes(npz_file(tmp_path, x=np.ones(9)).read_bytes()[:50])
    with pytest.raises(Unfit, match="cannot be read as .npz"):
        heldout.read(tmp_path / "cut.npz")
    with pytest.raises(Unfit, match="differ in their number of rows"):
        heldout.read(npz_file(tmp_path, x=np.ones(3), y=np.ones(2)))
    with pytest.raises(Unfit, match="'y' in .* is a single value"):
        heldout.read(npz_file(tmp_path, x=np.ones(3), y=np.float32(1)))
    with pytest.raises(Unfit, match="has no rows"):
        heldout.read(npz_file(tmp_path, x=np.ones((0, 3))))
    with pytest.raises(Unfit, match="without Python objects"):
        heldout.read(npz_file(tmp_path, x=np.array([{}], dtype=object)))


def test_files_that_are_not_there(tmp_path: pathlib.Path) -> None:
    with pytest.raises(Unfit, match="cannot read the held-out data .*: No such file"):
        heldout.read(tmp_path / "rows.csv")
    with pytest.raises(Unfit, match="neither .csv nor .npz"):
        heldout.read(tmp_path / "rows.parquet")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has no column 'y' for the label; it has: a, b"),
        ("a,y\n1,yes\n", "row 1 of the label 'y' in .* is 'yes', not a number"),
        ("a,y\n1,0\n1,\n", "row 2 of the label 'y' in .* is '', not a number"),
        ("a,y\n1,nan\n", "every row needs a label"),
    ],
)
def test_a_bad_label(tmp_path: pathlib.Path, text: str, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        heldout.labels(heldout.read(csv_file(tmp_path, text)), "y")


@pytest.mark.parametrize(
    ("values", "dtype", "wanted"),
    [
        (np.array(["1", "2.5", "nan"], object), FLOAT, [1, 2.5, np.nan]),
        (np.array(["1", "2.0", "1e3"], object), INTEGER, [1, 2, 1000]),
        (np.array(["9007199254740993"], object), INTEGER, [9007199254740993]),
        (np.array(["0", "1"], object), np.dtype(bool), [False, True]),
        (np.array(["ä", ""], object), TEXT, ["ä".encode(), b""]),
        (np.array([1, 2], np.uint8), FLOAT, [1, 2]),
        (np.array([b"x"]), TEXT, [b"x"]),
    ],
)
def test_cast(values: np.ndarray, dtype: np.dtype, wanted: list) -> None:
    found = heldout.cast(values, dtype, "column 'a'")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, np.array(wanted, dtype))


@pytest.mark.parametrize(
    ("values", "dtype", "message"),
    [
        (["1", "two"], FLOAT, "row 2 of column 'a' is 'two', not a number"),
        (["1.5"], INTEGER, "row 1 of column 'a' is 1.5, which int64 cannot hold"),
        (["nan"], INTEGER, "is nan, which int64"),
        (["300"], np.dtype(np.uint8), "is 300.0, which uint8"),
        (["2"], np.dtype(bool), "is 2.0, which bool"),
        (["-1"], np.dtype(np.uint32), "is -1.0, which uint32"),
    ],
)
def test_what_cannot_be_cast(values: list[str], dtype: np.dtype, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        heldout.cast(np.array(values, object), dtype, "column 'a'")


def test_groups_take_equal_numbers_together(tmp_path: pathlib.Path) -> None:
    table = heldout.read(csv_file(tmp_path, "a,y\n1,0\n1.0,0\nb c,0\n0.5,1\n01234,1\n"))
    groups = heldout.groups(table, "a")
    assert {key: mask.tolist().count(True) for key, mask in groups.items()} == {"1": 2, "b c": 1, "0.5": 1, "01234": 1}
    table = heldout.read(npz_file(tmp_path, a=np.array([1.0, 2.5]), b=np.array([True, False])))
    assert list(heldout.groups(table, "a")) == ["1", "2.5"]
    assert list(heldout.groups(table, "b")) == ["0", "1"]


def test_too_many_groups(tmp_path: pathlib.Path) -> None:
    table = heldout.read(csv_file(tmp_path, "a,y\n" + "".join(f"{row},0\n" for row in range(101))))
    with pytest.raises(Unfit, match="'a' in .* has 101 different values, slices are limited to 100"):
        heldout.groups(table, "a")
    with pytest.raises(Unfit, match="has no column 'z' for slices; it has: a, y"):
        heldout.groups(table, "z")


ROWS = "b,y,a,c\n1,0,2,x\n3,1,4,y\n"


def test_columns_side_by_side_in_the_order_of_the_header(tmp_path: pathlib.Path) -> None:
    path = csv_file(tmp_path, "b,y,a\n1,0,2\n3,1,4\n")
    for shape in ((None, 2), (None, None), None):
        assert fed(path, features=Input(shape, FLOAT))["features"].tolist() == [[1, 2], [3, 4]]
    assert fed(path, image=Input((None, 1, 2, 1), FLOAT))["image"].tolist() == [[[[1], [2]]], [[[3], [4]]]]


def test_a_column_to_slice_by_is_left_out_where_it_is_one_too_many(tmp_path: pathlib.Path) -> None:
    path = csv_file(tmp_path, ROWS)
    assert fed(path, sliced=("c",), features=Input((None, 2), FLOAT))["features"].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(Unfit, match="column 'c' .* is 'x', not a number"):
        fed(path, sliced=("c",), features=Input((None, 3), FLOAT))


def test_columns_by_the_names_of_the_inputs(tmp_path: pathlib.Path) -> None:
    found = fed(csv_file(tmp_path, ROWS), a=Input((None,), INTEGER), c=Input((None, 1), TEXT))
    assert found["a"].tolist() == [2, 4]
    assert found["c"].tolist() == [[b"x"], [b"y"]]


def test_arrays(tmp_path: pathlib.Path) -> None:
    image = np.arange(8.0).reshape(2, 2, 2)
    wanted = Input((None, 2, 2, 1), FLOAT)
    for name in ("image", "x", "pictures"):
        found = fed(npz_file(tmp_path, **{name: image, "y": np.ones(2)}), image=wanted)["image"]
        assert found.shape == (2, 2, 2, 1)
        assert found.dtype == FLOAT
    found = fed(npz_file(tmp_path, a=image, y=np.ones(2), c=np.ones(2)), sliced=("c",), image=wanted)
    assert list(found) == ["image"]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"f": Input((None, 9), FLOAT)}, "wants 9 values a row, .* has 3 columns beside the label"),
        ({"f": Input((None, None, 3), FLOAT)}, r"has the shape \[N, N, 3\], which a CSV file cannot tell"),
        ({"a": Input((None,), FLOAT), "z": Input((None,), FLOAT)}, "lacks columns for the model's inputs z; it has: b, y, a, c"),
        ({"a": Input((None, 2), FLOAT), "b": Input((None,), FLOAT)}, "a CSV file cannot give the inputs a, b"),
        ({"a": Input((), FLOAT)}, "takes one value for the whole batch"),
        ({"y": Input((None, 2), FLOAT)}, "wants 2 values a row"),
    ],
)
def test_a_table_that_does_not_fit(tmp_path: pathlib.Path, inputs: dict[str, Input], message: str) -> None:
    with pytest.raises(Unfit, match=message):
        fed(csv_file(tmp_path, ROWS), **inputs)


def test_arrays_that_do_not_fit(tmp_path: pathlib.Path) -> None:
    path = npz_file(tmp_path, a=np.ones((2, 8)), b=np.ones(2), y=np.ones(2))
    with pytest.raises(Unfit, match="not just one other than the label; it has: a, b, y"):
        fed(path, image=Input((None, 9), FLOAT))
    for shape in ((None, 9), (None, 8, 8), (None,), (None, 4, 2)):
        with pytest.raises(Unfit, match=r"wants the shape \[N.*, .* has \[2, 8\]"):
            fed(path, a=Input(shape, FLOAT))
