"""Tests of wheels.py's decisions; the installs themselves are acceptance tests."""

import pathlib
import stat

import pytest
import wheels


@pytest.mark.parametrize(("there", "refused"), [("3.11.2", False), ("3.11", False), ("3.1.1", True), ("3.110.0", True), ("3.12.4", True)])
def test_misfit(there: str, refused: bool) -> None:
    assert bool(wheels.misfit("3.11", there)) == refused


def test_another_python_is_refused_before_anything_is_installed(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wheels.main(["--lock", str(tmp_path / "lock.txt"), "--python", "3.5", "--uv", str(tmp_path / "nothing")]) != 0
    said = capsys.readouterr().err
    assert "is for Python 3.5" in said and "python:3.5-slim-bookworm" in said


def test_what_uv_says_is_repeated(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    uv, lock = tmp_path / "uv", tmp_path / "tensorflow-2.21.0-linux-amd64.txt"
    uv.write_text("#!/bin/sh\necho 'Hash mismatch for tensorflow' >&2\nexit 2\n")
    uv.chmod(uv.stat().st_mode | stat.S_IXUSR)
    lock.write_text("")
    version = wheels.platform.python_version()
    assert wheels.main(["--lock", str(lock), "--python", version, "--uv", str(uv)]) != 0
    said = capsys.readouterr().err
    assert "the wheels in tensorflow-2.21.0-linux-amd64.txt cannot be installed:" in said and "Hash mismatch for tensorflow" in said


def test_nothing_but_the_lock_is_installed() -> None:
    assert {"--no-deps", "--require-hashes", "--only-binary"} <= set(wheels.command("uv", pathlib.Path("lock.txt")))
