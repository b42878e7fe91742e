"""Compile what was installed, once, instead of at every import of every later step.

Installers compile a package's own tests too, which nothing that uses the package imports: half of the bytes of pandas,
scikit-learn and SciPy. They are left out here; who imports one all the same has it compiled then.
"""

from __future__ import annotations

import compileall
import concurrent.futures
import multiprocessing
import os
import pathlib
import py_compile
import warnings
from collections.abc import Container

import intact

PIECE = 16  # files that a process takes at a time


def sources(names: Container[str], path: list[str] | None = None) -> list[pathlib.Path]:
    """The Python files of the named distributions that a program could import; `path` is that of `intact.distributions`."""
    found = set()
    for name, info in intact.distributions(path):
        if name not in names:
            continue
        try:
            files = [pathlib.PurePath(file) for file, _ in intact.recorded(info)]
        except (OSError, ValueError):  # of another installer, which has compiled what it brought
            continue
        found |= {info.parent / file for file in files if file.suffix == ".py" and ".." not in file.parts and "tests" not in file.parts[:-1]}
    return sorted(found)


def compiled(file: pathlib.Path) -> bool:
    """Compile one file; False where it is not Python of this version, as templates and fixtures are.

    By hash, since a time stamp would make two installs differ, and unchecked, since the files of a layer never change.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a package's code, which its users cannot mend
        return bool(compileall.compile_file(file, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH))


def write(names: Container[str], path: list[str] | None = None) -> int:
    """Write the bytecode of the named distributions, on all processors; returns how many files have some."""
    files = sources(names, path)
    if not files:
        return 0
    workers = min(len(os.sched_getaffinity(0)), -(-len(files) // PIECE))
    with concurrent.futures.ProcessPoolExecutor(workers, multiprocessing.get_context("fork")) as pool:
        return sum(pool.map(compiled, files, chunksize=PIECE))
