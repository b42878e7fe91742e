"""Ask a server for all held-out rows, over REST and over gRPC, and compare its answers with the SavedModel's; then put load on it.

    python3 smoketest.py --server HOST --name MODEL --label stable --reference DIR --limit 1e-5 --clients 4 --seconds 3 --out FILE
    python3 smoketest.py … --next-reference DIR --steps FILE

DIR is what the model itself answers, as reference.py writes it. With --steps, the next version is rolled out in the middle of the load: FILE is a JSON list of what
to push, `{"config": models.config, "versions": [what it loads], "moves": whether the label moves}`, and --next-reference what the
next version answers.
The report:

    {"model", "target", "signature", "output", "examples", "maxAbsDiff", "maxAbsDiffs": {"rest", "restColumns", "grpc"},
     "readySeconds", "failedRequests", "p99Ms", "load": {…}, "rollout": {…} or null}

Exit status 0 when the report is written, whatever it says of the model; 2 when the server never came up.
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import sys
import time
from typing import Any

import numpy as np

import servingload
import step
from agreement import Reference
from heldout import Unfit
from servingapi import AVAILABLE, Grpc, Refused, Rest, Target
from servingload import Load, Rollout, Rows, Tally

BATCH = 64  # rows in one request of the comparison
POLL_SECONDS = 0.1
GONE = ("UNLOADING", "END")


class Down(Exception):
    """The server does not serve the model, and will not; the text says why."""


def wait(rest: Rest, target: Target, versions: list[int] | None, seconds: float) -> float:
    """Wait until these versions of the model are available (all that are not gone, for none); returns the seconds that it took.

    Raises Down when they are not after `seconds`, or when the server has given one of them up.
    """
    began, last = time.monotonic(), "it was not asked"
    while True:
        try:
            known = rest.status(Target(target.model))
            wanted = {version: known.get(version, ("UNKNOWN", "")) for version in versions} if versions else \
                {version: one for version, one in known.items() if one[0] not in GONE or one[1]}
            if wanted and all(state == AVAILABLE for state, _ in wanted.values()):
                return time.monotonic() - began
            last = "; ".join(f"version {version} is {state} {error}".rstrip() for version, (state, error) in sorted(wanted.items())) or \
                "it knows no version"
            if any(state in GONE and error for state, error in wanted.values()):
                raise Down(f"the server could not load the model: {last}")
        except Refused as refused:
            last = str(refused)
        if time.monotonic() - began > seconds:
            raise Down(f"the server does not serve {target.model} after {seconds:g} s: {last}")
        time.sleep(POLL_SECONDS)


def compare(rest: Rest, grpc: Grpc, target: Target, rows: Rows, reasons: collections.Counter[str]) -> dict[str, float | None]:
    """The largest difference by each way of asking for all rows; None where not one answer came. Adds to the reasons of failures."""
    apart: dict[str, float | None] = {"rest": None, "restColumns": None, "grpc": None}
    for start in range(0, len(rows), BATCH):
        part = slice(start, min(start + BATCH, len(rows)))
        inputs = rows.part(part)
        for way in apart:
            try:
                if way == "grpc":
                    answer = grpc.predict(grpc.request(target, rows.signature, inputs, rows.output), rows.output)
                else:
                    answer = rest.predict(target, Rest.body(rows.signature, inputs, columns=way == "restColumns"), rows.output)
                apart[way] = max(apart[way] or 0.0, rows.difference(part, answer, 0))
            except (Refused, KeyError, ValueError) as refused:
                reasons[servingload.reason(refused)] += 1
    return apart


def roll(grpc: Grpc, rest: Rest, target: Target, steps: list[dict[str, Any]], rollout: Rollout, seconds: float) -> None:
    """Push each config, and wait until what it lists is available; raises Down or Refused."""
    for pushed in steps:
        if pushed["moves"]:
            rollout.began = time.monotonic()
        grpc.reload(pushed["config"])
        if pushed["moves"]:
            rollout.ended = time.monotonic()
        wait(rest, target, pushed["versions"], seconds)


def under_load(options: argparse.Namespace, target: Target, rows: Rows, rest: Rest, grpc: Grpc) -> tuple[Tally, dict, dict | None]:
    """Put load on the server; with steps, roll the next version out half way through. Returns the tally and both reports."""
    steps = json.loads(options.steps.read_text()) if options.steps else []
    rollout, told = Rollout(), None

    def meanwhile() -> None:
        nonlocal told
        time.sleep(options.seconds / 2)
        if steps:
            told = {"pushes": len(steps), "failure": None}
            began = time.monotonic()
            try:
                roll(grpc, rest, target, steps, rollout, options.wait)
            except (Down, Refused) as failure:
                told["failure"] = str(failure)
            told["seconds"] = round(time.monotonic() - began, 3)
        time.sleep(options.seconds / 2)

    load = Load(options.server, {"rest": options.rest_port, "grpc": options.grpc_port}, target, rows, options.limit, rollout)
    tally, seconds = load.run(options.clients, meanwhile)
    if told is not None:
        told.update(answeredBefore=tally.by_model[0], answeredAfter=tally.by_model[1])
    return tally, servingload.report(tally, options.clients, seconds), told


def test(options: argparse.Namespace) -> dict[str, Any]:
    """The report; raises Down when the server never came up, Unfit when the two references are of different rows."""
    reference = Reference(options.reference)
    expected = [reference.expected]
    if options.next_reference:
        after = Reference(options.next_reference)
        if after.output != reference.output or after.expected.shape != reference.expected.shape:
            raise Unfit(f"the next model answers with {after.output!r} {list(after.expected.shape)}, the first with "
                        f"{reference.output!r} {list(reference.expected.shape)}: a client of the one cannot be a client of the other")
        expected.append(after.expected)
    rows = Rows(reference.signature, reference.output, reference.inputs, expected)
    target = Target(options.name, label=options.label)
    reasons: collections.Counter[str] = collections.Counter()
    with Rest(options.server, options.rest_port) as rest, Grpc(options.server, options.grpc_port) as grpc:
        ready = wait(rest, target, None, options.wait)
        apart = compare(rest, grpc, target, rows, reasons)
        tally, load, rollout = under_load(options, target, rows, rest, grpc)
    whole = [difference for difference in apart.values() if difference is not None]
    if any(tally.by_model.values()):
        whole.append(tally.apart)
    return {
        "model": options.name, "target": target.path, "signature": rows.signature, "output": rows.output, "examples": len(rows),
        "maxAbsDiff": max(whole) if whole else None, "maxAbsDiffs": apart, "readySeconds": round(ready, 3),
        "failedRequests": sum(reasons.values()) + load["failed"], "reasons": dict(reasons.most_common(servingload.MOST_REASONS)),
        "p99Ms": (load["latencyMs"] or {}).get("p99"), "load": load, "rollout": rollout,
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True, help="its host")
    parser.add_argument("--rest-port", type=int, default=8501)
    parser.add_argument("--grpc-port", type=int, default=8500)
    parser.add_argument("--name", required=True, help="under which the model is served")
    parser.add_argument("--label", help="of the version to ask; the newest without one")
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--next-reference", type=pathlib.Path)
    parser.add_argument("--steps", type=pathlib.Path)
    parser.add_argument("--limit", type=float, default=1e-5, help="an answer that is further off than this is wrong")
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=3, help="of load")
    parser.add_argument("--wait", type=float, default=60, help="seconds until the server must be ready")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    if bool(options.steps) != bool(options.next_reference):
        parser.error("--steps and --next-reference go together")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        report = test(options)
    except (Down, Unfit) as problem:
        return step.fail(str(problem))
    options.out.write_text(json.dumps(report, indent=1, sort_keys=True, allow_nan=False) + "\n")
    for text, count in (report["reasons"] | report["load"]["reasons"]).items():
        print(f"{count} requests failed: {text}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
