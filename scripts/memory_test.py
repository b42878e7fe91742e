"""Tests of memory.py: what counts, and how it is written; that a program is killed is in launch_test.py."""

import os
import pathlib
import subprocess
import sys
import time

import memory
import pytest


@pytest.mark.parametrize(("size", "text"), [
    (300 << 20, "300MiB"), (1 << 30, "1GiB"), (3 << 29, "1.5GiB"), (8 << 30, "8GiB"), (1 << 40, "1TiB"), ((1 << 30) + (77 << 20), "1.08GiB"),
    (5 << 18, "1.25MiB"),
])
def test_amount(size: int, text: str) -> None:
    assert memory.amount(size) == text


def test_a_session_is_what_a_program_started_too() -> None:
    inner = "import time; print('up', flush=True); time.sleep(60)"  # by then it has all the memory that it takes
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {inner!r}]).wait()"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert child.stdout is not None and child.stdout.readline() == b"up\n"
        assert len(memory.members(child.pid)) == 2
        assert memory.held(child.pid, 1 << 40) > memory.held(child.pid, 0) > 1 << 20  # the programs share their files
    finally:
        os.killpg(child.pid, 9)
        child.wait()
    deadline = time.monotonic() + 30  # the kernel takes the inner program apart by and by, and nobody waits for it
    while memory.held(child.pid, 0) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert memory.held(child.pid, 0) == 0


class Sharing:
    """Four processes that share 480 bytes; after so many looks at one of them another ends."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, ends: set[int]) -> None:
        self.alive, self.looks, self.ends = [pathlib.Path(name) for name in "abcd"], 0, ends
        monkeypatch.setattr(memory, "members", lambda _: list(self.alive))
        monkeypatch.setattr(memory, "resident", lambda process: 480 * (process in self.alive))
        monkeypatch.setattr(memory, "proportional", self.proportional)

    def proportional(self, process: pathlib.Path) -> int:
        size = 480 // len(self.alive) if process in self.alive else 0
        self.looks += 1
        if self.looks in self.ends:
            self.alive.pop(0)
        return size


@pytest.mark.parametrize("ends", [set(), {1}, {2, 3}, {1, 4, 6}])
def test_what_an_ending_process_leaves_counts_once(monkeypatch: pytest.MonkeyPatch, ends: set[int]) -> None:
    Sharing(monkeypatch, ends)
    assert memory.held(1, 479) == 480


def test_a_session_that_never_rests_is_counted_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    sharing = Sharing(monkeypatch, set())
    monkeypatch.setattr(memory, "holders", lambda _: {pathlib.Path(str(sharing.looks)): 480, **dict.fromkeys(sharing.alive, 480)})
    assert memory.held(1, 479) == 480
