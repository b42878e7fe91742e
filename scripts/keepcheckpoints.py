"""Run a training whose checkpoints outlive the engine: restore them before it, and keep them while it runs.

    python3 keepcheckpoints.py --service http://checkpoints:8472 --place s3://bucket/prefix/DIGEST --folder /checkpoints
        --record training.json -- COMMAND ARGUMENT...

The service is checkpointstore.py in another container, which alone has the store's credentials. The store must answer
before the command begins. While it runs, the files are kept as they are at one instant, whenever they have been left
alone for a second, or for a moment where they change all the time. A store that fails meanwhile is told in the log and
in the record; the training goes on. After the command, what it left is kept. Where it left nothing the store is
emptied: launch.py empties the folder of a training that ended well.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from typing import BinaryIO, NamedTuple

import step

POLL_SECONDS = 1.0
RETRY_SECONDS = 10.0  # after a failure of the store
HASTE_SECONDS = 10.0  # without a second of rest, after which a shorter rest will do
MOMENT_SECONDS = 0.2  # that shorter rest
RESTLESS_SECONDS = 120.0  # without even that, after which it is told
ATTEMPTS = 3
TIMEOUT_SECONDS = 3600.0  # of one call; the service itself gives up on a store that does not answer
CHUNK = 1 << 20
RESTORING = ".restoring"


class StoreFailure(Exception):
    """The store or the way to it failed; the text says how."""


class Stamp(NamedTuple):
    """What changes when a file does."""

    size: int
    mtime: int  # nanoseconds
    inode: int


Tree = dict[str, Stamp]


def look(folder: pathlib.Path) -> Tree:
    """Every regular file below a folder. A link is none: what it leads to may be no part of the training's state."""
    found: Tree = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = pathlib.Path(root, name)
            try:
                facts = path.lstat()
            except FileNotFoundError:
                continue
            if stat.S_ISREG(facts.st_mode):
                found[path.relative_to(folder).as_posix()] = Stamp(facts.st_size, facts.st_mtime_ns, facts.st_ino)
    return found


class Service:
    """Calls checkpointstore.py; each method raises StoreFailure."""

    def __init__(self, address: str) -> None:
        parsed = urllib.parse.urlsplit(address)
        self.host, self.port = parsed.hostname, parsed.port

    def newest(self) -> dict[str, object] | None:
        return self._call("GET", "/newest")["state"]

    def commit(self, state: dict[str, object]) -> list[str]:
        return self._call("POST", "/state", json.dumps(state).encode())["missing"]

    def clear(self) -> None:
        self._call("POST", "/clear", b"")

    def keep(self, digest: str, file: BinaryIO, size: int) -> None:
        self._call("PUT", "/files/" + digest, file, size)

    def fetch(self, digest: str, to: pathlib.Path) -> None:
        found, connection = hashlib.sha256(), self._connection()
        try:
            connection.request("GET", "/files/" + digest)
            answer = connection.getresponse()
            if answer.status != 200:
                raise StoreFailure(json.loads(answer.read())["error"])
            with to.open("wb") as file:
                while chunk := answer.read(CHUNK):
                    found.update(chunk)
                    file.write(chunk)
        except (OSError, http.client.HTTPException) as error:
            raise StoreFailure(f"the service of the store does not answer: {error}") from error
        finally:
            connection.close()
        if found.hexdigest() != digest:
            raise StoreFailure(
                f"files/{digest} in it is cut short or not what was kept: remove what lies there to begin anew"
            )

    def _call(
        self, method: str, path: str, body: bytes | BinaryIO | None = None, size: int | None = None
    ) -> dict[str, object]:
        connection = self._connection()
        headers = {} if size is None else {"Content-Length": str(size)}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            told = json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise StoreFailure(f"the service of the store does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise StoreFailure(told.get("error", f"status {answer.status}"))
        return told

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)


def restore(service: Service, folder: pathlib.Path) -> int:
    """Bring the folder to the state that the store has, if that is newer; returns how many files it has, 0 for none.

    All files are fetched first and then put in their place by a few renames. A folder in which that was cut off counts
    as empty: what a training finds is always a whole state.
    """
    state = service.newest()
    staging = folder / RESTORING
    if staging.exists():
        empty(folder)
    there = {path: (stamp.size, stamp.mtime) for path, stamp in look(folder).items()}
    if state is None:
        return 0
    files = {within(file["path"]): file for file in state["files"]}
    wanted = {path: (file["size"], file["mtime"]) for path, file in files.items()}
    newest = max((mtime for _, mtime in wanted.values()), default=0)
    if not files or there == wanted or any(mtime > newest for _, mtime in there.values()):
        return 0
    for path, file in files.items():
        to = staging / path
        to.parent.mkdir(parents=True, exist_ok=True)
        service.fetch(file["sha256"], to)
        os.utime(to, ns=(file["mtime"], file["mtime"]))
    empty(folder, but=RESTORING)
    for entry in list(staging.iterdir()):
        entry.rename(folder / entry.name)
    staging.rmdir()
    return len(files)


def within(path: str) -> str:
    """A path of a state; raises StoreFailure for one that leads out of the folder."""
    pure = pathlib.PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts or not pure.parts or pure.parts[0] == RESTORING:
        raise StoreFailure(
            f"a state in it names the file {path[:100]!r}, which no training keeps: remove what is there to begin anew"
        )
    return pure.as_posix()


def empty(folder: pathlib.Path, but: str = "") -> None:
    for entry in folder.iterdir():
        if entry.name != but:
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


class Keeper:
    """Keeps the files of a folder; kept is what the store has, None where that is not known."""

    def __init__(self, service: Service, folder: pathlib.Path, kept: Tree | None) -> None:
        self.service = service
        self.folder = folder
        self.kept = kept
        self.digests: dict[tuple[str, Stamp], str] = {}

    def keep(self, tree: Tree) -> bool:
        """Keep the files as they are in a tree; False where they have changed meanwhile. Raises StoreFailure."""
        if not tree:
            self.service.clear()
            self.kept = tree
            return True
        with tempfile.TemporaryDirectory() as staging:
            copies = {self.digests[entry]: None for entry in tree.items() if entry in self.digests}
            for path, stamp in tree.items():
                if (path, stamp) not in self.digests and not self._copy(path, stamp, pathlib.Path(staging), copies):
                    return False
            if look(self.folder) != tree:
                return False
            state = {
                "files": [
                    {"path": path, "sha256": self.digests[path, stamp], "size": stamp.size, "mtime": stamp.mtime}
                    for path, stamp in sorted(tree.items())
                ]
            }
            for _ in range(ATTEMPTS):
                missing = self.service.commit(state)
                if not missing:
                    self.digests = {entry: self.digests[entry] for entry in tree.items()}
                    self.kept = tree
                    return True
                for digest in missing:
                    if copies[digest] is None and not self._copy_known(digest, tree, pathlib.Path(staging), copies):
                        return False
                    with copies[digest].open("rb") as file:
                        self.service.keep(digest, file, copies[digest].stat().st_size)
        raise StoreFailure("files that were just written to it are not there: does something else delete them?")

    def _copy(self, path: str, stamp: Stamp, staging: pathlib.Path, copies: dict[str, pathlib.Path | None]) -> bool:
        """Copy a file away from the training, which may go on writing, and note its digest."""
        copy, found = staging / str(len(copies)), hashlib.sha256()
        try:
            with (self.folder / path).open("rb") as file, copy.open("wb") as to:
                while chunk := file.read(CHUNK):
                    found.update(chunk)
                    to.write(chunk)
        except FileNotFoundError:
            return False
        digest = found.hexdigest()
        self.digests[path, stamp] = digest
        copies[digest] = copy.rename(staging / digest)
        return True

    def _copy_known(
        self, digest: str, tree: Tree, staging: pathlib.Path, copies: dict[str, pathlib.Path | None]
    ) -> bool:
        """Copy a file that the store had and has no longer."""
        entry = next(entry for entry in tree.items() if self.digests[entry] == digest)
        del self.digests[entry]
        return self._copy(*entry, staging, copies) and self.digests[entry] == digest


class Watch:
    """Keeps the files of a folder while a training runs, and tells what goes wrong once."""

    def __init__(self, keeper: Keeper, place: str) -> None:
        self.keeper = keeper
        self.place = place
        self.warnings: list[str] = []
        self.failing = False
        self.told_restless = False
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self) -> Watch:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def last(self) -> None:
        """Keep what the training left."""
        for attempt in range(ATTEMPTS):
            tree = look(self.keeper.folder)
            if tree == self.keeper.kept or self._keep(tree):
                return
            if attempt + 1 < ATTEMPTS:
                time.sleep(POLL_SECONDS)

    def _run(self) -> None:
        before, rested, pause = None, time.monotonic(), POLL_SECONDS
        while not self.ended.wait(pause):
            pause = POLL_SECONDS
            tree, now = look(self.keeper.folder), time.monotonic()
            # An empty folder is a state only when the training has ended: launch.py knows whether it ended well.
            if not tree or tree == self.keeper.kept:
                rested = now
            elif tree == before or now - rested > HASTE_SECONDS and self._still(tree):
                if self._keep(tree):
                    rested, pause = time.monotonic(), max(POLL_SECONDS, time.monotonic() - now)
                elif self.failing:
                    rested, pause = time.monotonic(), RETRY_SECONDS
            if now - rested > RESTLESS_SECONDS and not self.told_restless:
                self.told_restless = True
                self._warn(
                    f"the files in --checkpoint-dir have changed all the time for {RESTLESS_SECONDS:g} s, so that none "
                    "of their states could be kept whole: write them less often"
                )
            before = tree

    def _still(self, tree: Tree) -> bool:
        """Whether the files are left alone for a moment, as they are between two checkpoints of short epochs."""
        return not self.ended.wait(MOMENT_SECONDS) and look(self.keeper.folder) == tree

    def _keep(self, tree: Tree) -> bool:
        try:
            kept = self.keeper.keep(tree)
        except (StoreFailure, OSError) as failure:
            if not self.failing:
                self._warn(
                    f"checkpoints cannot be kept: {failure}; the training goes on, but if the engine ends now it "
                    "begins again from an older one"
                )
            self.failing = True
            return False
        if kept and self.failing:
            self.failing = False
            print(f"train.checkpoints {self.place}: checkpoints are kept again", flush=True)
        return kept

    def _warn(self, message: str) -> None:
        message = f"train.checkpoints {self.place}: {message}"
        self.warnings.append(message)
        print("warning: " + message, file=sys.stderr, flush=True)


def run(command: list[str]) -> int:
    """Run a command to its end and return its status as a shell would; a signal to end goes on to it."""
    child = subprocess.Popen(command)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: child.send_signal(number))
    status = child.wait()
    return status if status >= 0 else 128 - status


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--service", required=True)
    parser.add_argument("--place", required=True, help="what the store is called for people")
    parser.add_argument("--folder", type=pathlib.Path, required=True)
    parser.add_argument("--record", type=pathlib.Path, required=True, help="gets what went wrong with the store")
    end = arguments.index("--")
    options, command = parser.parse_args(arguments[:end]), arguments[end + 1 :]

    service = Service(options.service)
    try:
        restored = restore(service, options.folder)
    except StoreFailure as failure:
        return step.fail(f"train.checkpoints {options.place}: {failure}")
    if restored:
        print(f"restored {restored} files of an interrupted run from {options.place}", flush=True)
    with Watch(Keeper(service, options.folder, look(options.folder) if restored else None), options.place) as watch:
        status = run(command)
    watch.last()
    if watch.warnings and options.record.is_file():
        record = json.loads(options.record.read_text())
        record["checkpointWarnings"] = watch.warnings
        options.record.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
