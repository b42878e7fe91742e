import hashlib
import json
import os
import pathlib

import pytest

import treedigest


def tree(folder: pathlib.Path) -> pathlib.Path:
    (folder / "a").mkdir(parents=True)
    (folder / "a/one").write_bytes(b"1")
    (folder / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("../outside")
    return folder


def digest(folder: pathlib.Path, *exclude: str) -> str:
    return treedigest.digest(treedigest.entries(str(folder), list(exclude)))


def test_the_digest_is_what_the_docstring_says(tmp_path: pathlib.Path) -> None:
    def hexadecimal(content: bytes) -> bytes:
        return hashlib.sha256(content).hexdigest().encode()

    records = (
        b"tree 1\n"
        + b"file\0a/one\x000\x001\0" + hexadecimal(b"1") + b"\n"
        + b"link\0link\x000\x0010\0" + hexadecimal(b"../outside") + b"\n"
        + b"file\0run.sh\x001\x0010\0" + hexadecimal(b"#!/bin/sh\n") + b"\n"
    )
    assert digest(tree(tmp_path / "t")) == "sha256:" + hashlib.sha256(records).hexdigest()


def test_what_is_printed(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert treedigest.main([str(tree(tmp_path / "t"))]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["files"], printed["bytes"]) == (3, 21)
    assert [entry["path"] for entry in printed["entries"]] == ["a/one", "link", "run.sh"]
    assert [entry["executable"] for entry in printed["entries"]] == [False, False, True]
    assert [entry.get("link") for entry in printed["entries"]] == [None, "../outside", None]


def test_order_follows_the_bytes_of_the_path(tmp_path: pathlib.Path) -> None:
    for name in ("b/c", "b.c", "B", "é", "\U0001f600", "\uffee"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    found = [entry.path for entry in treedigest.entries(str(tmp_path), [])]
    assert found == ["B", "b.c", "b/c", "é", "\uffee", "\U0001f600"]


def test_what_does_not_count(tmp_path: pathlib.Path) -> None:
    before = digest(tree(tmp_path / "t"))
    (tmp_path / "t/empty").mkdir()
    os.utime(tmp_path / "t/run.sh", (0, 0))
    (tmp_path / "t/a/one").chmod(0o640)
    assert digest(tmp_path / "t") == before


@pytest.mark.parametrize(
    "change",
    [
        lambda t: (t / "a/one").write_bytes(b"2"),
        lambda t: (t / "a/one").chmod(0o755),
        lambda t: (t / "a/one").rename(t / "one"),
        lambda t: (t / "more").write_bytes(b""),
        lambda t: (t / "link").unlink(),
        lambda t: ((t / "link").unlink(), (t / "link").symlink_to("elsewhere")),
        lambda t: ((t / "link").unlink(), (t / "link").write_text("../outside")),
    ],
    ids=["content", "executable", "path", "file", "less", "target", "kind"],
)
def test_what_counts(tmp_path: pathlib.Path, change) -> None:
    before = digest(tree(tmp_path / "t"))
    change(tmp_path / "t")
    assert digest(tmp_path / "t") != before


@pytest.mark.parametrize(
    ("glob", "left"),
    [
        ("one", ["link", "run.sh"]),
        ("a", ["link", "run.sh"]),
        ("*.sh", ["a/one", "link"]),
        ("a/*", ["link", "run.sh"]),
        ("/run.sh", ["a/one", "link"]),
        ("*/*/one", ["a/one", "link", "run.sh"]),
        ("[", ["a/one", "link", "run.sh"]),
    ],
)
def test_exclude(tmp_path: pathlib.Path, glob: str, left: list[str]) -> None:
    found = treedigest.entries(str(tree(tmp_path / "t")), [glob])
    assert [entry.path for entry in found] == left


def test_a_link_to_a_folder_is_not_followed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t/loop").symlink_to(".")
    assert [entry.link for entry in treedigest.entries(str(tmp_path / "t"), [])] == ["."]


def make_pipe(folder: pathlib.Path) -> pathlib.Path:
    os.mkfifo(folder / "pipe")
    return folder


def make_bad_name(folder: pathlib.Path) -> pathlib.Path:
    (folder / os.fsdecode(b"\xff")).write_text("")
    return folder


def make_bad_target(folder: pathlib.Path) -> pathlib.Path:
    (folder / "link").symlink_to(os.fsdecode(b"\xff"))
    return folder


def make_file(folder: pathlib.Path) -> pathlib.Path:
    (folder / "file").write_text("")
    return folder / "file"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "absent", "does not exist"),
        (make_file, "is not a folder"),
        (make_pipe, "pipe is neither a file nor a link"),
        (make_bad_name, "is not named in UTF-8"),
        (make_bad_target, "points to a name that is not UTF-8"),
    ],
    ids=["absent", "file", "pipe", "name", "target"],
)
def test_bad_input_is_one_line(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], make, message: str) -> None:
    assert treedigest.main([str(make(tmp_path))]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert message in err
    assert err.count("\n") == 1
