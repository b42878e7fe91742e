"""Hold a program, with everything that it started, to an amount of memory.

A limit of the kernel's own would not do: TensorFlow reserves far more addresses than it uses, so that RLIMIT_AS stops a
program that needs little, and a container's limit ends the wrong program without a word. So the memory that is really
held is looked at, several times a second.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import threading

POLL_SECONDS = 0.1
COUNTS = 5  # of a session whose processes come and go
SESSION = 3  # field of /proc/PID/stat, counted after the program's name
UNITS = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"))


def members(session: int) -> list[pathlib.Path]:
    """The processes of a session, by their folders in /proc."""
    found = []
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except OSError:
            continue  # it has ended
        if int(stat[stat.rindex(")") + 2:].split()[SESSION]) == session:
            found.append(folder)
    return found


def resident(process: pathlib.Path) -> int:
    """The bytes that a process holds; those that it shares with others count in full."""
    try:
        return int((process / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def proportional(process: pathlib.Path) -> int:
    """The bytes that a process holds, those that it shares divided among those who share them."""
    try:
        match = re.search(r"^Pss:\s+(\d+) kB", (process / "smaps_rollup").read_text(), re.MULTILINE)
    except OSError:
        match = None  # it has ended, or this kernel does not tell
    return int(match[1]) << 10 if match else resident(process)


def holders(session: int) -> dict[pathlib.Path, int]:
    """What each process of a session holds; one that is ending holds nothing any more."""
    return {process: size for process in members(session) if (size := resident(process))}


def held(session: int, limit: int) -> int:
    """The bytes that a session holds: counted exactly, which takes longer, where a rough count is above the limit.

    A process that ends leaves its part of what it shared to the others. Where one ends while they are counted, one after
    another, that part counts twice; so such a count is made again, and the least of several is believed.
    """
    counts = []
    for _ in range(COUNTS):
        before = holders(session)
        rough = sum(before.values())
        if rough <= limit:
            return rough
        exact = sum(map(proportional, before))
        if exact <= limit or holders(session).keys() == before.keys():
            return exact
        counts.append(exact)
    return min(counts)


def amount(size: int) -> str:
    """Bytes as the settings write them."""
    unit, name = next((pair for pair in UNITS if size >= pair[0]), UNITS[-1])
    return f"{size / unit:.3g}{name}"


class Limit:
    """Watches a program that leads a session of its own; kills the session when it holds more than the limit."""

    def __init__(self, child: subprocess.Popen, limit: int) -> None:
        self.exceeded = 0  # what it held when it was killed for that, in bytes
        self._child, self._limit = child, limit
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """End the watch; returns what the program held if it was killed for that, and 0 if it was not."""
        self._done.set()
        self._thread.join()
        return self.exceeded

    def _watch(self) -> None:
        while not self._done.wait(POLL_SECONDS) and self._child.returncode is None:
            size = held(self._child.pid, self._limit)
            if size > self._limit:
                self.exceeded = size
                # Not asked to end first: it would go on to fill the machine's memory.
                try:
                    os.killpg(self._child.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                return
