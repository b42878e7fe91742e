"""Time a fixed amount of work on the first card, step by step, through the driver's API.

    python3 workload.py --data-path DIR --model-dir DIR --record FILE --rounds N [--steps N] [--libcuda PATH]

It takes the flags of a training script, so that it runs by itself and in scripts/launch.py alike. FILE receives the
seconds of each step and whether the card's values are right. Without --rounds it prints how many rounds make a step
of some milliseconds.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import json
import pathlib
import sys
import time

import libcuda

ELEMENTS = 1 << 18
LAUNCHES = 10  # in one step, so that a step has to do with the host too
STEP_SECONDS = 0.005
TRIALS = 20
WARM_UP_SECONDS = 1.0  # not timed: a card that was idle raises its clock in them
TRIAL_ROUNDS = 2000
MOST_ROUNDS = 1_000_000


def step(context: libcuda.Context, kernel: ctypes.c_void_p, out: ctypes.c_uint64, rounds: int) -> float:
    """The seconds of one step."""
    began = time.perf_counter()
    for _ in range(LAUNCHES):
        context.launch(kernel, ELEMENTS, out, ctypes.c_uint(ELEMENTS), ctypes.c_uint(rounds))
    context.wait()
    return time.perf_counter() - began


def calibrated(seconds: float, rounds: int) -> int:
    """How many rounds make a step that long, after one that took `seconds` with `rounds`."""
    return min(MOST_ROUNDS, max(1, round(rounds * STEP_SECONDS / max(seconds, 1e-9))))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-path")
    parser.add_argument("--model-dir", type=pathlib.Path)
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--libcuda", default="")
    options = parser.parse_args(arguments)
    driver = libcuda.Driver(options.libcuda)
    with libcuda.Context(driver, driver.cards()[0]) as context:
        out, kernel = context.put(array.array("I", bytes(4 * ELEMENTS))), context.kernel("grind")
        if not options.rounds:
            times = [step(context, kernel, out, TRIAL_ROUNDS) for _ in range(TRIALS)]
            print(calibrated(min(times), TRIAL_ROUNDS))
            return 0
        warm = time.monotonic() + WARM_UP_SECONDS
        while time.monotonic() < warm:
            step(context, kernel, out, options.rounds)
        times = [step(context, kernel, out, options.rounds) for _ in range(options.steps)]
        right = context.get(out, array.array("I", bytes(4 * ELEMENTS))) == libcuda.ground(options.rounds, ELEMENTS)
    options.record.write_text(json.dumps({"seconds": times, "right": right}) + "\n")
    # scripts/launch.py wants a model of every script; this one measures, and an empty file will do.
    options.model_dir.mkdir(parents=True, exist_ok=True)
    (options.model_dir / "saved_model.pb").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
