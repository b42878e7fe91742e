"""Tests of intact.py: what counts as damaged, and that a damaged cache is forgotten; real installs are drilled by `go run ./ci drill`."""

import base64
import hashlib
import pathlib
import sys

import intact
import pytest


def wheel(folder: pathlib.Path, name: str, files: dict[str, bytes]) -> pathlib.Path:
    """A distribution as an installer leaves it."""
    info = folder / f"{name}-1.0.dist-info"
    files = {**files, f"{info.name}/METADATA": f"Name: {name}\n".encode()}
    rows = []
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        rows.append(f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},{len(content)}")
    (info / "RECORD").write_text("\n".join([*rows, "../bin/program,sha256=x,1", f"{info.name}/RECORD,,"]) + "\n")
    return info


def test_planned_reads_what_uv_would_install() -> None:
    assert intact.planned(" - numpy==1.26.4\n + numpy==2.4.6\n + ml_dtypes==0.5.1\n") == {"numpy": "2.4.6", "ml-dtypes": "0.5.1"}


def test_whole_packages_are_not_damaged(tmp_path: pathlib.Path) -> None:
    wheel(tmp_path, "My_Package", {"my/__init__.py": b"x = 1\n", "shared.py": b"a", "my/__pycache__/a.cpython-311.pyc": b"of the wheel"})
    wheel(tmp_path, "other", {"other.py": b"", "shared.py": b"b"})  # the last one's file lies there
    (tmp_path / "my/__pycache__/a.cpython-311.pyc").write_bytes(b"compiled anew")
    assert [name for name, _ in intact.distributions([str(tmp_path)])] == ["my-package", "other"]
    assert intact.damaged(["my-package", "other"], [str(tmp_path)]) == []


def test_a_system_package_behind_an_installed_one_is_not_its_damage(tmp_path: pathlib.Path) -> None:
    local, system = tmp_path / "local", tmp_path / "system"
    wheel(local, "my", {"my/data.bin": b"1"})
    behind = wheel(system, "My", {"my/data.bin": b"0"})
    (behind / "RECORD").unlink()  # as Debian leaves its own
    path = [str(local), str(system)]
    assert [info.parent for _, info in intact.distributions(path)] == [local]
    assert intact.damaged(["my"], path) == []
    intact.unlist(["my"], path)
    assert behind.exists()


@pytest.mark.parametrize(("path", "content"), [
    ("my/data.bin", b"\0" * 100), ("my/data.bin", None), ("my-1.0.dist-info/METADATA", b""), ("my-1.0.dist-info/RECORD", b""),
    ("my-1.0.dist-info/RECORD", b"\0\xff"), ("my-1.0.dist-info/RECORD", None),
])
def test_damage(tmp_path: pathlib.Path, path: str, content: bytes | None) -> None:
    wheel(tmp_path, "my", {"my/data.bin": b"1" * 100})
    (tmp_path / path).unlink() if content is None else (tmp_path / path).write_bytes(content)
    assert intact.damaged(["my", "absent"], [str(tmp_path)]) == ["my"]
    assert intact.damaged(["absent"], [str(tmp_path)]) == []


UV = """#!{python}
import pathlib, sys
log = pathlib.Path({log!r})
log.write_text((log.read_text() if log.exists() else "") + " ".join(sys.argv[1:]) + "\\n")
if "--dry-run" in sys.argv: print(" + my==1.0", file=sys.stderr)
"""


@pytest.mark.parametrize(("first", "second", "left", "calls"), [
    ((0, b"good"), None, [], 1),
    ((0, b"damaged"), (0, b"good"), [], 2),
    ((0, b"damaged"), (0, b"damaged"), ["my"], 2),
    ((2, b""), None, [], 1),  # for another reason
    ((1, b""), (0, b"good"), [], 2),
])
def test_install(tmp_path: pathlib.Path, first: tuple, second: tuple | None, left: list, calls: int) -> None:
    log, uv, site = tmp_path / "log", tmp_path / "uv", tmp_path / "site"
    uv.write_text(UV.format(python=sys.executable, log=str(log)))
    uv.chmod(0o755)
    ran: list[list[str]] = []

    def run(command: list[str]) -> tuple[int, str]:
        status, content = first if not ran else second or (99, b"")
        ran.append(command)
        if status == 0:
            wheel(site, "my", {"my.py": b"good"})
            (site / "my.py").write_bytes(content)
        return status, "error: Failed to install: my-1.0-py3-none-any.whl (my==1.0)\n  cause: it is invalid" if status == 1 else "error: else"

    fresh = lambda: {name for name, _ in intact.distributions([str(site)])}  # noqa: E731
    assert intact.install(str(uv), [str(uv), "pip", "install", "--quiet"], run, fresh, [str(site)]) == left
    assert len(ran) == calls
    if calls == 2:
        assert log.read_text().splitlines() == ["pip install --dry-run", "cache clean my"]
        assert ran[1][-2:] == ["--reinstall-package", "my"]


def test_arrived_names_what_is_new_and_what_has_another_version(tmp_path: pathlib.Path) -> None:
    path = [str(tmp_path)]
    wheel(tmp_path, "stays", {})
    old = wheel(tmp_path, "lifted", {})
    before = set(intact.distributions(path))
    assert intact.arrived(before, path) == set() and intact.arrived(path=path) == {"stays", "lifted"}
    wheel(tmp_path, "new", {})
    old.rename(tmp_path / "lifted-2.0.dist-info")
    assert intact.arrived(before, path) == {"new", "lifted"}
