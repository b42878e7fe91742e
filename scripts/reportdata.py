"""What a report's pictures show, as plain numbers: training curves, the ROC curve, and a gate's limits drawn into it."""

from __future__ import annotations

import csv
import dataclasses
import math
import pathlib
from typing import Any

import numpy as np

import tfevents
from heldout import Unfit

MOST_CURVES = 12  # metrics worth a picture each
MOST_POINTS = 1000  # of one line; more cannot be seen
MOST_SLICES = 30
MOST_LETTERS = 40  # of a name that a project chose

EPOCH = "epoch_"  # how Keras's callback marks what it writes once an epoch
PER_STEP = "evaluation_"  # its second account of the same validation, by training steps


@dataclasses.dataclass(frozen=True)
class Curve:
    """One metric in the course of a training: for each run (train, validation) its steps [N] and values [N]."""

    metric: str
    unit: str  # of the steps: epoch (from 1) or step
    lines: dict[str, tuple[np.ndarray, np.ndarray]]


@dataclasses.dataclass(frozen=True)
class Limit:
    """A gate's limit in the plane of a ROC curve: the line from (0, `left`) to (1, `right`), true over false positive rate."""

    name: str
    left: float
    right: float
    passed: bool


@dataclasses.dataclass(frozen=True)
class Slice:
    """One slice's figure, and what the gate wants of it (None: nothing)."""

    name: str
    value: float
    examples: int | None
    limits: list[tuple[str, float, bool]]  # minimum or maximum, its value, whether it holds


def printable(name: str) -> str:
    """A name that a project chose, fit for a picture: no control characters, and short."""
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    return name if len(name) <= MOST_LETTERS else name[:MOST_LETTERS - 1] + "…"


def curves(logs: pathlib.Path) -> list[Curve]:
    """The metrics in a training's event files, loss first and the learning rate last."""
    found: dict[str, Curve] = {}
    for run, tags in tfevents.runs(logs).items():
        by_epoch = any(tag.startswith(EPOCH) for tag in tags)
        for tag, points in tags.items():
            if by_epoch and tag.startswith(PER_STEP) or not any(math.isfinite(value) for _, value in points):
                continue
            metric, unit, first = tag, "step", 0
            if tag.startswith(EPOCH):
                metric, unit, first = tag.removeprefix(EPOCH), "epoch", 1
            steps = np.array([step + first for step, _ in points], np.float64)
            values = np.array([value for _, value in points], np.float64)
            kept = spread(len(points))
            curve = found.setdefault(metric, Curve(metric, unit, {}))
            curve.lines["training" if run == "." else printable(run)] = steps[kept], values[kept]

    def order(curve: Curve) -> tuple[bool, bool, str]:
        return curve.metric != "loss", curve.metric == "learning_rate", curve.metric

    return sorted(found.values(), key=order)[:MOST_CURVES]


def spread(points: int) -> np.ndarray:
    """Which of so many points to draw: all, or evenly chosen ones with the first and the last."""
    if points <= MOST_POINTS:
        return np.arange(points)
    return np.unique(np.linspace(0, points - 1, MOST_POINTS).round().astype(int))


def predictions(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Labels [N] and outputs [N, C] from evaluate.py's predictions.csv; raises Unfit when it is none."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        head = next(rows, [])
        if head[:3] != ["row", "label", "prediction"] or len(head) < 4:
            raise Unfit(f"{path.name} has the columns {head[:5]}, want row, label, prediction, output: give the file that evaluate wrote")
        try:
            table = np.array([[float(row[1]), *map(float, row[3:])] for row in rows], np.float64)
        except (ValueError, IndexError) as error:
            raise Unfit(f"{path.name}: {error}: give the file that evaluate wrote") from error
    if table.ndim != 2 or len(table) == 0:
        raise Unfit(f"{path.name} has no rows: give the file that evaluate wrote")
    return table[:, 0], table[:, 1:]


def roc(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates [M], from (0, 0) to (1, 1), one point for each different score.

    `labels` are 0 or 1 [N], with both among them; `scores` [N] are finite.
    """
    order = np.argsort(-scores, kind="stable")
    positive = labels[order] > 0.5
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits, alarms = np.cumsum(positive)[last], np.cumsum(~positive)[last]
    return np.append(0, alarms / max(1, (~positive).sum())), np.append(0, hits / max(1, positive.sum()))


def limits(verdicts: list[dict[str, Any]], positives: int, negatives: int) -> list[Limit]:
    """The minimums of a gate that are straight lines over a ROC curve: of accuracy, precision, recall and F1 over all rows.

    With `positives` and `negatives` rows, a point (f, t) has t·positives hits and f·negatives false alarms; setting each
    metric's definition equal to the limit leaves t as a linear function of f. AUC belongs to the whole curve and has none.
    """
    ratio = negatives / positives
    lines = {
        "accuracy": lambda limit: (limit * (1 + ratio) - ratio, ratio),
        "precision": lambda limit: (0, limit / (1 - limit) * ratio if limit < 1 else math.inf),
        "recall": lambda limit: (limit, 0),
        "f1": lambda limit: (limit / (2 - limit), limit / (2 - limit) * ratio),
    }
    found = []
    for verdict in verdicts:
        if verdict["metric"] in lines and verdict["limit"] == "minimum" and not verdict.get("slice"):
            left, rise = lines[verdict["metric"]](verdict["want"])
            if math.isfinite(rise):
                found.append(Limit(f"{verdict['metric']} ≥ {verdict['want']:.6g}", left, left + rise, verdict["passed"]))
    return found


def sliced_metric(evaluation: dict[str, Any]) -> str | None:
    """The metric by which to compare slices: the gate's first on a slice, or accuracy, or the first that all have."""
    wanted = [verdict["metric"] for verdict in _verdicts(evaluation) if verdict.get("slice")]
    measured = [slice_["metrics"] for slice_ in evaluation["slices"].values()]
    for metric in [*wanted, "accuracy", "rmse", *sorted(evaluation["metrics"])]:
        if metric != "examples" and measured and all(of.get(metric) is not None for of in measured):
            return metric
    return None


def slices(evaluation: dict[str, Any], metric: str) -> list[Slice]:
    """The slices by name; of too many, those that the gate names and then the lowest."""
    found = []
    for name, of in evaluation["slices"].items():
        wanted = [(verdict["limit"], verdict["want"], verdict["passed"]) for verdict in _verdicts(evaluation)
                  if verdict.get("slice") == name and verdict["metric"] == metric and verdict["limit"] != "max-drop"]
        found.append(Slice(name, of["metrics"][metric], of["metrics"].get("examples"), wanted))
    if len(found) > MOST_SLICES:
        found = sorted(found, key=lambda slice_: (not slice_.limits, slice_.value))[:MOST_SLICES]
    return sorted(found, key=lambda slice_: slice_.name)


def _verdicts(evaluation: dict[str, Any]) -> list[dict[str, Any]]:
    return (evaluation.get("gate") or {}).get("verdicts") or []
