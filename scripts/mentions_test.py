"""Tests of mentions.py: which files are code, and what they may hold."""

import pathlib

import mentions

FLAG = r"--checkpoint-dir\b"


def test_a_file_at_any_depth_is_looked_into(tmp_path: pathlib.Path) -> None:
    (tmp_path / "src" / "deep").mkdir(parents=True)
    (tmp_path / "src" / "deep" / "options.py").write_text('add("--checkpoint-dir")')
    assert mentions.mentions(tmp_path, FLAG)
    assert not mentions.mentions(tmp_path, r"--checkpoint\b(?!-)")


def test_only_python_files_are_code(tmp_path: pathlib.Path) -> None:
    (tmp_path / "README.md").write_text("--checkpoint-dir")
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "gone.py").symlink_to("nowhere.py")
    (tmp_path / "train.py").write_text("--checkpoint-directory")
    assert not mentions.mentions(tmp_path, FLAG)


def test_an_encoding_is_not_asked_for(tmp_path: pathlib.Path) -> None:
    (tmp_path / "old.py").write_bytes(b"# caf\xe9\nflag = '--checkpoint-dir'\n")
    assert mentions.mentions(tmp_path, FLAG)
