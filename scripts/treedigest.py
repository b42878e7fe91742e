"""Digest a folder: one SHA-256 for everything in it, and one for each file.

    python3 treedigest.py DIR [--exclude GLOB ...]

Prints {"digest": "sha256:...", "files": N, "bytes": N, "entries": [...]} with one entry for each regular file and
symbolic link: {"path", "sha256", "size", "executable"}, and "link" with the target for a link. Exit status 2 with one
line on standard error when the folder cannot be digested.

The digest, exactly. `path` is relative to DIR, its parts joined by `/`, in UTF-8. Each entry becomes the record

    KIND NUL PATH NUL EXECUTABLE NUL SIZE NUL SHA256 LF

where NUL is the byte 0 and LF the byte 10, KIND is `file` or `link`, EXECUTABLE is `1` when the owner may execute
the file, else `0` (always `0` for a link), SIZE is the number of bytes in decimal, and SHA256 is the lower-case
hexadecimal SHA-256 of the content; for a link, content is the UTF-8 text of its target. The digest is the SHA-256 of
the line `tree 1` LF followed by all records in the order of the bytes of PATH. Links are never followed. Empty
folders, owners, times and the other permission bits do not count. Sockets, pipes and devices are refused, and so are
names that are not UTF-8.

A GLOB without `/` leaves out files and folders of that name at any depth; one with `/` is compared with the path part
by part, `*` within one part. A folder that is left out takes its content with it.
"""

from __future__ import annotations

import argparse
import dataclasses
import fnmatch
import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator

CHUNK = 1 << 20


class Fault(Exception):
    """What is wrong with the folder, for the person who reads the log."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """One file or link: its path below the folder, and what the digest says about it."""

    path: str
    sha256: str
    size: int
    executable: bool
    link: str | None = None

    def record(self) -> bytes:
        kind = "file" if self.link is None else "link"
        fields = (kind, self.path, str(int(self.executable)), str(self.size), self.sha256)
        return "\0".join(fields).encode() + b"\n"

    def summary(self) -> dict[str, object]:
        """The entry as it is printed: a file has no "link"."""
        return {key: value for key, value in dataclasses.asdict(self).items() if value is not None}


def entries(root: str, exclude: list[str]) -> list[Entry]:
    """Every file and link below `root` that no glob leaves out, in the order of the digest."""
    if not os.path.isdir(root):
        problem = "is not a folder" if os.path.lexists(root) else "does not exist"
        raise Fault(f"{root} {problem}: give the folder to digest")
    return sorted(_walk(root, "", exclude), key=lambda entry: entry.path.encode())


def digest(listed: list[Entry]) -> str:
    """The digest of entries that are in order, as `sha256:` and 64 hexadecimal digits."""
    total = hashlib.sha256(b"tree 1\n")
    for entry in listed:
        total.update(entry.record())
    return "sha256:" + total.hexdigest()


def _walk(root: str, prefix: str, exclude: list[str]) -> Iterator[Entry]:
    folder = os.path.join(root, prefix)
    try:
        with os.scandir(folder) as found:
            children = list(found)
    except OSError as error:
        raise Fault(f"cannot list {folder}: {error.strerror}") from error
    for child in children:
        path = prefix + child.name
        try:
            path.encode()
        except UnicodeEncodeError as error:
            raise Fault(f"{path!r} in {root} is not named in UTF-8: rename it or leave it out with --exclude") from error
        if any(_matches(path, pattern) for pattern in exclude):
            continue
        if child.is_dir(follow_symlinks=False):
            yield from _walk(root, path + "/", exclude)
        else:
            yield _entry(child.path, path)


def _matches(path: str, pattern: str) -> bool:
    parts, globs = path.split("/"), pattern.strip("/").split("/")
    if "/" not in pattern:
        return fnmatch.fnmatchcase(parts[-1], pattern)
    return len(parts) == len(globs) and all(map(fnmatch.fnmatchcase, parts, globs))


def _entry(name: str, path: str) -> Entry:
    try:
        mode = os.lstat(name).st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink(name)
            content = target.encode()
            return Entry(path, hashlib.sha256(content).hexdigest(), len(content), False, target)
        if not stat.S_ISREG(mode):
            raise Fault(f"{name} is neither a file nor a link: remove it or leave it out with --exclude")
        content_hash, size = hashlib.sha256(), 0
        with open(name, "rb") as file:
            while chunk := file.read(CHUNK):
                content_hash.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise Fault(f"cannot read {name}: {error.strerror}") from error
    except UnicodeEncodeError as error:
        raise Fault(f"the link {name} points to a name that is not UTF-8: remove it or leave it out with --exclude") from error
    return Entry(path, content_hash.hexdigest(), size, bool(mode & stat.S_IXUSR))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR")
    parser.add_argument("--exclude", metavar="GLOB", action="append", default=[])
    options = parser.parse_args(arguments)
    try:
        listed = entries(options.directory, options.exclude)
    except Fault as fault:
        print(f"error: {fault}", file=sys.stderr)
        return 2
    print(json.dumps({
        "digest": digest(listed),
        "files": len(listed),
        "bytes": sum(entry.size for entry in listed),
        "entries": [entry.summary() for entry in listed],
    }, indent=1, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
