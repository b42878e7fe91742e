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
    marker = tmp_path / "alive"
    child = f"import time, pathlib; time.sleep(3); pathlib.Path({str(marker)!r}).touch()"
    code = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    result = call(tmp_path, code, limit="1")
    assert result.returncode == step.TIMED_OUT
    assert "error: demo was stopped after its time limit of 1 s" in result.stderr
    time.sleep(3.5)
    assert not marker.exists()


def test_fail_marks_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert step.fail("one\ntwo") == 2
    assert capsys.readouterr().err == "error: one\nerror: two\n"
