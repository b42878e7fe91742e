"""Tests of pytests.py: a failing suite is a result, a suite without a result is a failure."""

import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
TOOLS = str(pathlib.Path(pytest.__file__).parent.parent)


def run(tmp_path: pathlib.Path, tests: str | None, *flags: str) -> tuple[subprocess.CompletedProcess[str], dict]:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "half.py").write_text("def used():\n    return 1\n\n\ndef unused():\n    return 2\n")
    (tmp_path / "tests").mkdir()
    if tests is not None:
        (tmp_path / "tests" / "test_it.py").write_text(tests)
    command = [sys.executable, str(HERE / "pytests.py"), "--out", str(tmp_path / "o"), "--limit", "30", "--tools", TOOLS, *flags, "--", "tests"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, env={"PYTHONPATH": str(tmp_path), "PATH": ""})
    summary = tmp_path / "o" / "summary.json"
    return result, json.loads(summary.read_text()) if summary.exists() else {}


@pytest.mark.parametrize(("tests", "verdict", "failed"), [
    ("def test_a():\n    pass\n", "passed", []),
    ("def test_a():\n    pass\n\n\ndef test_b():\n    assert 0\n", "tests failed", ["tests.test_it::test_b"]),
    ("import nothing_of_that_name\n", "tests could not be collected", None),
    (None, "no test was found", []),
])
def test_verdicts(tmp_path: pathlib.Path, tests: str | None, verdict: str, failed: list | None) -> None:
    result, summary = run(tmp_path, tests)
    assert result.returncode == 0, result.stderr
    assert summary["verdict"] == verdict
    assert failed is None or summary["failed"] == failed
    assert (tmp_path / "o" / "junit.xml").exists()


def test_coverage_counts_lines(tmp_path: pathlib.Path) -> None:
    _, summary = run(tmp_path, "from src.half import used\n\n\ndef test_a():\n    assert used() == 1\n", "--cover", "src")
    assert summary["coverage"] == 75.0
    assert (tmp_path / "o" / "coverage.xml").exists()


def test_no_result_is_a_failure(tmp_path: pathlib.Path) -> None:
    result, summary = run(tmp_path, "import os\n\n\ndef test_a():\n    os.kill(os.getpid(), 9)\n")
    assert result.returncode == 1 and summary == {} and "no result" in result.stderr
