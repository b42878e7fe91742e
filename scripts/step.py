"""Run one command of the line: live output, a time limit, and a record of when it really ran.

The record is how a run can tell a step that worked from one that the engine served from its cache: a step
whose start lies before the run's own start was not run by it.

    python3 step.py --name train --record /line/steps/train.json --limit 3600 -- COMMAND ARGUMENT...
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.1
TAIL_LINES = 200
TIMED_OUT = 124


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a command ended: its exit status (negative: the signal that ended it) and its last stderr lines."""

    status: int
    timed_out: bool
    seconds: float
    tail: list[str]
    memory: int = 0  # bytes that it held when it was killed for that


def run(name: str, command: list[str], *, limit: float, record: pathlib.Path, cwd: str | None = None,
        stop: threading.Event | None = None, most: int = 0) -> Outcome:
    """Run `command` for at most `limit` seconds and write its record; stdout and stderr pass through live.

    The command gets a process group of its own, so that what it started ends with it. Setting `stop` ends it early, and so
    does holding more than `most` bytes of memory, where that is not 0.
    """
    record.parent.mkdir(parents=True, exist_ok=True)
    started, clock = datetime.datetime.now(datetime.timezone.utc), time.monotonic()
    child = subprocess.Popen(command, cwd=cwd, stderr=subprocess.PIPE, start_new_session=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end(child))
    tail: collections.deque[str] = collections.deque(maxlen=TAIL_LINES)
    reader = threading.Thread(target=_pass_on, args=(child, tail), daemon=True)
    reader.start()
    watched = None
    if most:
        import memory  # not above: a container whose commands have no such limit need not have that file

        watched = memory.Limit(child, most)
    timed_out = False
    try:
        _wait(child, limit, stop)
    except subprocess.TimeoutExpired:
        timed_out = True
    end(child)
    reader.join(timeout=GRACE_SECONDS)
    outcome = Outcome(child.returncode, timed_out, time.monotonic() - clock, list(tail), watched.stop() if watched else 0)
    record.write_text(json.dumps({
        "name": name,
        "started": started.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "seconds": round(outcome.seconds, 3),
        "status": outcome.status,
    }) + "\n")
    return outcome


def extend(record: pathlib.Path, seconds: float, said: Sequence[str] = ()) -> None:
    """Add to a step's record what was done for it after its command, and what a person should know of it."""
    told = json.loads(record.read_text())
    told["seconds"] = round(told["seconds"] + seconds, 3)
    if said:
        told["said"] = list(said)
    record.write_text(json.dumps(told) + "\n")


def fail(message: str, status: int = 2) -> int:
    """Print `message` so that the line can find it among a program's own output, and return `status`."""
    sys.stdout.flush()
    for line in message.splitlines():
        print("error: " + line, file=sys.stderr)
    return status


def _pass_on(child: subprocess.Popen, tail: collections.deque[str]) -> None:
    assert child.stderr is not None
    for line in child.stderr:
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
        tail.append(line.decode(errors="replace").rstrip("\n"))


def _wait(child: subprocess.Popen, limit: float, stop: threading.Event | None) -> None:
    """Wait for `child`, or until `stop` is set; raises TimeoutExpired after `limit` seconds."""
    if stop is None:
        child.wait(timeout=limit)
        return
    deadline = time.monotonic() + limit
    while child.poll() is None and not stop.wait(POLL_SECONDS):
        if time.monotonic() > deadline:
            raise subprocess.TimeoutExpired(child.args, limit)


def end(child: subprocess.Popen) -> None:
    """End a command that still runs, with everything that it started; return when it is gone."""
    if child.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(child.pid, number)
            child.wait(timeout=GRACE_SECONDS)
            return
        except ProcessLookupError:
            child.wait()
            return
        except subprocess.TimeoutExpired:
            continue


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--record", type=pathlib.Path, required=True)
    parser.add_argument("--limit", type=float, required=True, help="seconds")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args(arguments)
    outcome = run(options.name, options.command, limit=options.limit, record=options.record)
    if outcome.timed_out:
        return fail(f"{options.name} was stopped after its time limit of {options.limit:g} s", TIMED_OUT)
    return outcome.status if outcome.status >= 0 else 128 - outcome.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
