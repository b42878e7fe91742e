"""Tests of step.py: exit status, time limit, record, and that what a command started ends with it."""

import json
import pathlib
import subprocess
import sys
import time

import pytest
import step

HERE = pathlib.Path(__file__).parent


def call(tmp_path: pathlib.Path, code: str, limit: str = "30") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(HERE / "step.py"), "--name", "demo", "--record", str(tmp_path / "deep" / "run.json"),
               "--limit", limit, "--", sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("status", [0, 3, 255])
def test_passes_status_and_output_on(tmp_path: pathlib.Path, status: int) -> None:
    result = call(tmp_path, f"import sys; print('out'); print('err', file=sys.stderr); sys.exit({status})")
    assert (result.returncode, result.stdout, result.stderr) == (status, "out\n", "err\n")
    record = json.loads((tmp_path / "deep" / "run.json").read_text())
    assert record["name"] == "demo" and record["status"] == status and record["started"].endswith("Z")


def test_signal_becomes_a_shells_status(tmp_path: pathlib.Path) -> None:
    assert call(tmp_path, "import os; os.kill(os.getpid(), 9)").returncode == 137


def test_limit_ends_children_too(tmp_path: pathlib.Path) -> None:
    told = tmp_path / "pid"
    code = ("import pathlib, subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
            f"pathlib.Path({str(told)!r}).write_text(str(child.pid)); time.sleep(600)")
    result = call(tmp_path, code, limit="3")
    assert result.returncode == step.TIMED_OUT
    assert "error: demo was stopped after its time limit of 3 s" in result.stderr
    child, deadline = pathlib.Path("/proc") / told.read_text() / "cmdline", time.monotonic() + 30
    while command_line(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not command_line(child)


def command_line(process: pathlib.Path) -> bytes:
    """What a process runs; nothing of one that has ended, be it waited for or not."""
    try:
        return process.read_bytes()
    except OSError:
        return b""


def test_fail_marks_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert step.fail("one\ntwo") == 2
    assert capsys.readouterr().err == "error: one\nerror: two\n"


def test_a_record_grows_by_what_was_done_after_the_command(tmp_path: pathlib.Path) -> None:
    record = tmp_path / "run.json"
    step.run("demo", [sys.executable, "-c", ""], limit=60, record=record)
    before = json.loads(record.read_text())
    step.extend(record, 2.5)
    later = {**before, "seconds": round(before["seconds"] + 2.5, 3)}
    assert json.loads(record.read_text()) == later
    step.extend(record, 0, ["numpy is the image's"])
    assert json.loads(record.read_text()) == {**later, "said": ["numpy is the image's"]}
