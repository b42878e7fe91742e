"""Run ruff's checks and its format check, and write what they found, whether there is something or not.

    python3 lint.py --ruff RUFF --out DIR PATH...

DIR holds `lint.sarif`, `lint.txt` (findings and the format's diff, for people), `summary.json` and `run.json`. Findings are a result, so the
exit status is 0 for them; it is not 0 when ruff itself could not work, such as with a configuration that it cannot read.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import subprocess
import sys

import step

CLEAN, FOUND = 0, 1
LIMIT_SECONDS = 600.0


def ruff(binary: str, *arguments: str) -> str:
    """Run ruff without its cache and return what it prints; a status that is neither clean nor found is its failure."""
    result = subprocess.run([binary, *arguments], capture_output=True, text=True, timeout=LIMIT_SECONDS)
    if result.returncode not in (CLEAN, FOUND):
        raise RuntimeError(result.stderr.strip() or f"ruff ended with status {result.returncode}")
    return result.stdout


def unformatted(diff: str) -> list[str]:
    """The files that a format diff would change."""
    return [line[4:] for line in diff.splitlines() if line.startswith("+++ ")]


def work(options: argparse.Namespace) -> dict[str, object]:
    paths = ["--no-cache", "--", *options.paths]
    sarif = ruff(options.ruff, "check", "--output-format", "sarif", *paths)
    text = ruff(options.ruff, "check", "--output-format", "concise", *paths)
    diff = ruff(options.ruff, "format", "--diff", *paths)
    (options.out / "lint.sarif").write_text(sarif)
    (options.out / "lint.txt").write_text(text + diff)
    results = [result for run in json.loads(sarif)["runs"] for result in run["results"]]
    found = [
        "{uri}:{line}: {rule} {text}".format(
            uri=pathlib.PurePosixPath(place["artifactLocation"]["uri"].removeprefix("file://")).as_posix().removeprefix(f"{pathlib.Path.cwd()}/"),
            line=place["region"]["startLine"], rule=result.get("ruleId") or "syntax", text=result["message"]["text"])
        for result in results for place in [result["locations"][0]["physicalLocation"]]
    ]
    return {"findings": found, "unformatted": unformatted(diff)}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ruff", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        summary = work(options)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return step.fail(f"ruff could not check the project: {error}")
    (options.out / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
