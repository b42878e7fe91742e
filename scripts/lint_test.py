"""Tests of lint.py with a stand-in for ruff; the real one is used by the acceptance tests."""

import json
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent
FINDING = {"runs": [{"results": [{
    "ruleId": "F401", "message": {"text": "`os` imported but unused"},
    "locations": [{"physicalLocation": {"artifactLocation": {"uri": "ROOT/a.py"}, "region": {"startLine": 3}}}],
}]}]}
NOTHING = {"runs": [{"results": []}]}


def lint(tmp_path: pathlib.Path, sarif: dict, diff: str, status: int) -> tuple[subprocess.CompletedProcess[str], pathlib.Path]:
    (tmp_path / "sarif").write_text(json.dumps(sarif).replace("ROOT", f"file://{tmp_path}"))
    (tmp_path / "diff").write_text(diff)
    ruff = tmp_path / "ruff"
    ruff.write_text(f"#!{sys.executable}\nimport pathlib, sys\nroot = pathlib.Path({str(tmp_path)!r})\n"
                    "print((root / 'diff').read_text() if 'format' in sys.argv else (root / 'sarif').read_text() if 'sarif' in sys.argv else 'text')\n"
                    f"print('ruff.toml is no TOML', file=sys.stderr)\nsys.exit({status})\n")
    ruff.chmod(0o755)
    command = [sys.executable, str(HERE / "lint.py"), "--ruff", str(ruff), "--out", str(tmp_path / "o"), "--", "."]
    return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60), tmp_path / "o"


@pytest.mark.parametrize(("sarif", "diff", "status", "summary"), [
    (NOTHING, "", 0, {"findings": [], "unformatted": []}),
    (FINDING, "--- a.py\n+++ a.py\n@@\n", 1, {"findings": ["a.py:3: F401 `os` imported but unused"], "unformatted": ["a.py"]}),
])
def test_findings_are_a_result(tmp_path: pathlib.Path, sarif: dict, diff: str, status: int, summary: dict) -> None:
    result, out = lint(tmp_path, sarif, diff, status)
    assert result.returncode == 0, result.stderr
    assert json.loads((out / "summary.json").read_text()) == summary
    assert (out / "lint.sarif").is_file() and "text" in (out / "lint.txt").read_text()


def test_a_ruff_that_cannot_work_is_a_failure(tmp_path: pathlib.Path) -> None:
    result, out = lint(tmp_path, NOTHING, "", 2)
    assert result.returncode == 2 and not (out / "summary.json").exists()
    assert "error: ruff could not check the project: ruff.toml is no TOML" in result.stderr
