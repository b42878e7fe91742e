"""Prove on a machine with an NVIDIA card what this project says of GPUs, in stages, as far as the machine allows.

    python3 ci/gpuproof/proof.py [--stage NAME]... [--limit 8m] [--json FILE]

It needs Python 3.10 or newer and nothing else. Each stage says what it needs; one whose needs are missing is left out
and listed as such. The results are written after each stage, so that a proof that is cut off is still of use. Exit
status 0 when at least one stage passed and none failed.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import re
import signal
import sys
import tempfile
import time
from typing import Any

import stages
from child import Children

NAMES = tuple(stage.name for stage in stages.ALL)
SCHEMA_VERSION = 1


def duration(text: str) -> float:
    """Seconds in a text such as 8m, 90s or 90."""
    match = re.fullmatch(r"(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text)
    if not text or match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: want one such as 8m or 90s")
    seconds = 60 * int(match[1] or 0) + float(match[2] or 0)
    if seconds < 1:
        raise argparse.ArgumentTypeError(f"{text} is too short: want 1s or more")
    return seconds


def machine() -> dict[str, Any]:
    """What a figure depends on."""

    def read(path: str) -> str:
        try:
            return pathlib.Path(path).read_text()
        except OSError:
            return ""

    model = re.search(r"^model name\s*:\s*(.*)$", read("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+) kB", read("/proc/meminfo"), re.MULTILINE)
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": model[1] if model else platform.processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory": int(memory[1]) * 1024 if memory else None,
        "load": list(os.getloadavg()),
    }


class Report:
    """The results, written whenever one is added."""

    def __init__(self, file: pathlib.Path | None, limit: float) -> None:
        self.file = file
        self.content: dict[str, Any] = {
            "schemaVersion": SCHEMA_VERSION,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "limitSeconds": limit,
            "finished": False,
            "passed": False,
            "machine": machine(),
            "stages": [],
        }
        self.write()

    def write(self) -> None:
        if self.file is None:
            return
        new = self.file.with_name(self.file.name + ".new")
        new.write_text(json.dumps(self.content, indent=1) + "\n")
        new.replace(self.file)

    def begin(self, stage: stages.Stage) -> dict[str, Any]:
        entry = {
            "name": stage.name,
            "verdict": "cut off",
            "needs": stage.needs,
            "seconds": 0.0,
            "reason": "",
            "figures": {},
        }
        self.content["stages"].append(entry)
        self.write()
        print(f"=== {stage.name}: {stage.proves}", flush=True)
        return entry

    def end(self, entry: dict[str, Any], verdict: str, reason: str, seconds: float) -> None:
        entry.update(verdict=verdict, reason=reason, seconds=round(seconds, 1))
        self.write()
        print(f"    {verdict} after {seconds:.1f} s" + (f": {reason}" if reason else ""), flush=True)

    def finish(self) -> bool:
        """Whether at least one stage passed and none failed."""
        verdicts = [entry["verdict"] for entry in self.content["stages"]]
        self.content.update(finished=True, passed="passed" in verdicts and "failed" not in verdicts)
        self.write()
        return bool(self.content["passed"])

    def table(self) -> str:
        lines = ["", "STAGE        VERDICT    SECONDS  FIGURES, OR WHY NOT"]
        for entry in self.content["stages"]:
            said = entry["reason"] or "; ".join(
                f"{name} {value}" for name, value in entry["figures"].items() if isinstance(value, (int, float, str))
            )
            lines.append(f"{entry['name']:<12} {entry['verdict']:<10} {entry['seconds']:>7.1f}  {said}".rstrip())
        return "\n".join(lines)


def prove(options: argparse.Namespace, folder: pathlib.Path) -> bool:
    """Run the stages; say whether at least one passed and none failed."""
    report, deadline = Report(options.json, options.limit), time.monotonic() + options.limit
    broken, known = "", dict[str, Any]()
    for stage in stages.ALL:
        if options.stage and stage.name not in options.stage:
            continue
        entry, began = report.begin(stage), time.monotonic()
        left = deadline - began
        if broken:
            report.end(entry, "not run", f"stage {broken} failed, and this one needs what it looks for", 0)
            continue
        if left < stages.LEAST_SECONDS:
            report.end(entry, "left out", f"no time was left of --limit {options.limit:g}s", 0)
            continue
        place = stages.Place(
            options, Children(began + min(stage.seconds, left)), folder, entry["figures"], report.write, known
        )
        try:
            stage.run(place)
            report.end(entry, "passed", "", time.monotonic() - began)
        except stages.LeftOut as left_out:
            report.end(entry, "left out", str(left_out), time.monotonic() - began)
        except stages.Failed as failed:
            report.end(entry, "failed", str(failed), time.monotonic() - began)
            broken = stage.name if stage.name == stages.FIRST else broken
        except Exception as error:  # one stage that breaks must not take the results of the others along
            report.end(
                entry, "failed", f"the proof itself broke: {type(error).__name__}: {error}", time.monotonic() - began
            )
    passed = report.finish()
    print(report.table(), flush=True)
    return passed


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="stages:\n"
        + "\n".join(f"  {one.name:<12} {one.proves}\n{'':15}needs {one.needs}" for one in stages.ALL),
    )
    parser.add_argument("--stage", action="append", choices=NAMES, help="only this stage; can be given several times")
    parser.add_argument("--limit", type=duration, default="8m", help="for all stages together (8m)")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file, after each stage")
    parser.add_argument("--python", default=sys.executable, help="the Python that has TensorFlow")
    parser.add_argument(
        "--wheels", type=pathlib.Path, help="folder of wheels that holds TensorFlow with CUDA and all that it needs"
    )
    parser.add_argument("--dagger", default="dagger", help="the Dagger CLI")
    parser.add_argument("--libcuda", default="", help="the driver's library, where it is not found by its name")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that no child stays behind
    with tempfile.TemporaryDirectory(prefix="gpu-proof-") as folder:
        if prove(options, pathlib.Path(folder)):
            return 0
    print("error: no stage passed, or one failed: the table above says which and why", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
