"""Tests of bytecode.py: what is compiled and what is left alone."""

import importlib.util
import pathlib

import bytecode
from intact_test import wheel


def cache(file: pathlib.Path) -> pathlib.Path:
    return pathlib.Path(importlib.util.cache_from_source(str(file)))


def test_what_a_program_can_import_is_compiled(tmp_path: pathlib.Path) -> None:
    files = {"my/__init__.py": b"x = 1\n", "my/part.py": b"y = '\\d'\n", "my/tests/test_part.py": b"z = 1\n", "my/template.py": b"{{ name }} =\n",
             "tests.py": b"w = 1\n", "my/data.txt": b"x = 1\n"}
    wheel(tmp_path, "my", files)
    wheel(tmp_path, "other", {"other.py": b"x = 1\n"})
    assert bytecode.write({"my", "absent"}, [str(tmp_path)]) == 3
    assert {name for name in [*files, "other.py"] if cache(tmp_path / name).exists()} == {"my/__init__.py", "my/part.py", "tests.py"}


def test_bytecode_is_the_same_whenever_it_was_installed(tmp_path: pathlib.Path) -> None:
    made = []
    for day in ("one", "other"):
        wheel(tmp_path / day, "my", {"my.py": b"x = 1\n"})
        bytecode.write({"my"}, [str(tmp_path / day)])
        made.append(cache(tmp_path / day / "my.py").read_bytes())
    flags = int.from_bytes(made[0][4:8], "little")
    assert flags == 0b01, "by hash, and not checked at each import"
    assert made[0][:16] == made[1][:16]


def test_nothing_to_compile(tmp_path: pathlib.Path) -> None:
    wheel(tmp_path, "my", {"my/data.bin": b"1"})
    (tmp_path / "broken-1.0.dist-info").mkdir()
    assert bytecode.write({"my", "broken"}, [str(tmp_path)]) == 0
