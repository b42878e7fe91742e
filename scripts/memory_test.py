"""Tests of memory.py: what counts, and how it is written; that a program is killed is in launch_test.py."""

import os
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
