"""Run the project's tests and write what they found, whether they pass or fail.

    python3 pytests.py --out DIR --limit SECONDS [--tools DIR] [--cover PACKAGE] PATH...

DIR holds `junit.xml`, `coverage.xml` (Cobertura, when --cover is given), `summary.json` and `run.json`. Tests that fail are a result,
so the exit status is 0 for them; it is not 0 when no result could be had (killed, time limit, a fault of pytest's own).

The tools folder holds the line's pytest. It is last on the path, so that versions which the project itself requires win and
nothing of the environment under test is replaced.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import xml.etree.ElementTree as xml

import step

# Run as `python -c`, which like `python -m pytest` puts the working directory first on the path.
BOOT = "import sys; sys.path.append(sys.argv.pop(1)); import pytest; sys.exit(pytest.main())"
PASSED, FAILED, INTERRUPTED, INTERNAL, USAGE, NONE = range(6)
MEANING = {
    FAILED: "tests failed",
    INTERRUPTED: "tests could not be collected",
    USAGE: "a test path does not exist or pytest's configuration is wrong",
    NONE: "no test was found",
}


def summary(status: int, out: pathlib.Path) -> dict[str, object]:
    """Counts from the JUnit file and percent of lines covered from the Cobertura file (null without one)."""
    result: dict[str, object] = {
        "status": status, "verdict": MEANING.get(status, "passed"),
        "tests": 0, "failures": 0, "errors": 0, "skipped": 0, "coverage": None, "failed": [],
    }
    junit = out / "junit.xml"
    if junit.is_file():
        root = xml.parse(junit).getroot()
        for key in ("tests", "failures", "errors", "skipped"):
            result[key] = sum(int(suite.get(key, "0")) for suite in root.iter("testsuite"))
        result["failed"] = [
            f"{case.get('classname')}::{case.get('name')}"
            for case in root.iter("testcase") if case.find("failure") is not None or case.find("error") is not None
        ]
    coverage = out / "coverage.xml"
    if coverage.is_file():
        result["coverage"] = round(100 * float(xml.parse(coverage).getroot().get("line-rate", "0")), 2)
    return result


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--limit", type=float, required=True, help="seconds")
    parser.add_argument("--tools", default="", help="folder with pytest and pytest-cov, for a project without its own")
    parser.add_argument("--cover", default="")
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args(arguments)

    options.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-c", BOOT, options.tools, "-p", "no:cacheprovider", f"--junitxml={options.out / 'junit.xml'}"]
    if options.cover:
        command += [f"--cov={options.cover}", "--cov-report=term", f"--cov-report=xml:{options.out / 'coverage.xml'}"]
    outcome = step.run("test", [*command, "--", *options.paths], limit=options.limit, record=options.out / "run.json")
    if outcome.timed_out:
        return step.fail(f"the tests were stopped after {options.limit:g} s, the limit in test.time-limit", step.TIMED_OUT)
    if outcome.status < 0 or outcome.status == INTERNAL or outcome.status > NONE:
        return step.fail(f"pytest ended with status {outcome.status} and no result: see its output above", 1)
    (options.out / "summary.json").write_text(json.dumps(summary(outcome.status, options.out), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
