"""Install by uv, and take nothing from its cache that is damaged.

uv checks a download against its hash once. What it has unpacked into its cache it trusts for ever, so that a cache on a disk
that lost power installs broken files without a word. Each wheel says what its files are (RECORD): what was installed is
held against that, and where it differs the cache forgets these packages and they are installed once more.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib
import importlib.metadata
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Iterator

CHUNK = 1 << 20
BROKEN = re.compile(r"^error: Failed to install: ", re.MULTILINE)  # what uv says of a wheel that it cannot read


def canonical(name: str) -> str:
    """A distribution's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def planned(plan: str) -> dict[str, str]:
    """What uv says that it would install."""
    return {canonical(name): version for name, version in re.findall(r"^ \+ (\S+?)==(\S+)", plan, re.MULTILINE)}


def distributions(path: list[str] | None = None) -> Iterator[tuple[str, pathlib.Path]]:
    """Every distribution in some folders, or on this interpreter's path: canonical name, and its .dist-info.

    The name is that of the folder: what is in the folder may be damaged. Of a name that is in two folders the first
    counts, which is what Python imports; a system's own package lies behind the one that was installed over it.
    """
    importlib.invalidate_caches()
    before: set[str] = set()
    for folder in map(pathlib.Path, sys.path if path is None else path):
        here = [(canonical(info.name.split("-")[0]), info) for info in sorted(folder.glob("*.dist-info"))]
        yield from (found for found in here if found[0] not in before)
        before |= {name for name, _ in here}


def arrived(before: Collection[tuple[str, pathlib.Path]] = (), path: list[str] | None = None) -> set[str]:
    """The names of the distributions that were not there before, or not in that version; `before` and `path` are of `distributions`."""
    return {name for name, _ in set(distributions(path)).difference(before)}


def recorded(info: pathlib.Path) -> list[tuple[str, str]]:
    """The files of a distribution as its RECORD names them, with their hashes; a ValueError where it cannot be read."""
    with (info / "RECORD").open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    if not all(len(row) == 3 and "\0" not in row[0] for row in rows) or f"{info.name}/METADATA" not in (row[0] for row in rows):
        raise ValueError("no list of the distribution's own files")
    return [(row[0], row[1]) for row in rows]


def differs(path: pathlib.Path, wanted: str) -> bool:
    """Whether a file is not what a hash such as sha256=… says; a file without a hash is as it is."""
    method, _, value = wanted.partition("=")
    if not value:
        return False
    sum_ = hashlib.new(method)
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                sum_.update(chunk)
    except OSError:
        return True
    return base64.urlsafe_b64encode(sum_.digest()).rstrip(b"=").decode() != value


def damaged(names: Iterable[str], path: list[str] | None = None) -> list[str]:
    """Those of the named distributions of which a file is not what their wheel held.

    A file that two of them brought is passed over: the last one wins, and that is no damage. So is what lies outside of the
    folder, such as a program whose first line the installer writes, and bytecode (.pyc), which it compiles anew: NumPy's wheel
    lists some.
    """
    wanted, found, owners, records = set(names), set(), {}, {}
    for name, info in distributions(path):
        try:
            records[name, info] = recorded(info)
        except (OSError, ValueError):  # of another than these, such as one of Debian's, nothing is asked
            found |= {name} & wanted
            continue
        for file, _ in records[name, info]:
            owners[info.parent / file] = owners.get(info.parent / file, 0) + 1
    for (name, info), files in records.items():
        own = [(info.parent / file, value) for file, value in files if not file.startswith(("/", "..")) and not file.endswith(".pyc")]
        if name in wanted and any(owners[path] == 1 and differs(path, value) for path, value in own):
            found.add(name)
    return sorted(found)


def unlist(names: Iterable[str], path: list[str] | None = None) -> None:
    """Make distributions whose RECORD cannot be read count as not installed: no installer could remove them by it."""
    for name, info in list(distributions(path)):
        if name not in names:
            continue
        try:
            recorded(info)
        except (OSError, ValueError):
            shutil.rmtree(info)


def forget(uv: str, names: Iterable[str]) -> None:
    """Remove packages from uv's cache: they are downloaded again, and their hashes are checked again."""
    subprocess.run([uv, "cache", "clean", *sorted(names)], capture_output=True, text=True, timeout=600)


def install(uv: str, command: list[str], run: Callable[[list[str]], tuple[int, str]], fresh: Callable[[], set[str]],
            path: list[str] | None = None) -> list[str]:
    """Run an install, and once more with what the cache has to forget; returns the packages that are damaged all the same.

    `run` runs a command and returns its status and what it said; `fresh` are the packages that it has installed so far. What
    is to be said of an install that fails for another reason is left to the caller, who has the status.
    """
    status, said = run(command)
    bad = set(damaged(fresh(), path)) if status == 0 else set()
    if not bad and not (status and BROKEN.search(said)):
        return []
    loud = [word for word in command if word != "--quiet"]
    plan = subprocess.run([*loud, "--dry-run"], capture_output=True, text=True, timeout=600)
    names = fresh() | set(planned(plan.stderr + plan.stdout))
    if not names:  # of no names, uv would empty the whole cache
        return sorted(bad)
    print(f"the package cache is damaged ({', '.join(sorted(bad)) or 'a wheel in it cannot be read'}): {len(names)} packages are removed from it "
          "and downloaded again", flush=True)
    forget(uv, names)
    unlist(fresh(), path)
    again = [flag for name in sorted(names) for flag in ("--reinstall-package", name)]
    status, _ = run([*command, *again])
    return damaged(fresh(), path) if status == 0 else []
