"""Compare two ways of doing the same work, turn about, by the middle of the pairs' ratios."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any


class Failed(Exception):
    """A stage ran and did not hold; the text says what was seen."""


def paired(
    measured: Callable[[str, int], list[float]],
    ways: tuple[str, str],
    pairs: int,
    left: Callable[[], float],
    save: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Measure both ways in pairs, each pair in the other order; return the middle ratio of the second way to the first.

    A pair is begun only while there is time for it: a machine that is slow gives fewer pairs, never half of one.
    """
    ratios: list[float] = []
    middles: dict[str, list[float]] = {way: [] for way in ways}
    longest, figures = 0.0, {}
    for number in range(pairs):
        if ratios and left() < 1.2 * longest:
            break
        began = time.monotonic()
        for way in ways if number % 2 == 0 else reversed(ways):
            middles[way].append(statistics.median(measured(way, number)))
        longest = max(longest, time.monotonic() - began)
        ratios.append(middles[ways[1]][-1] / middles[ways[0]][-1])
        figures = {
            "ratio": round(statistics.median(ratios), 4),
            "pairs": len(ratios),
            "ratios": [round(one, 4) for one in ratios],
            "milliseconds": {way: [round(1000 * one, 4) for one in found] for way, found in middles.items()},
        }
        save(figures)
    return figures


def judged(figures: dict[str, Any], most: float) -> None:
    """Raise Failed when the ratio is above the limit."""
    if not figures["ratio"] <= most:
        raise Failed(
            f"the middle of {figures['pairs']} ratios is {figures['ratio']:g}, above {most:g}; all of them: "
            + ", ".join(f"{one:g}" for one in figures["ratios"])
        )
