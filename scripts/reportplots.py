"""Draw a report's pictures with Matplotlib: each a figure on a transparent ground, in colours that can be exchanged for a dark page.

The same numbers give the same bytes: no date, no random identifier, no font of the machine's.
"""

from __future__ import annotations

import dataclasses
import io
import math
import re
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

import reportdata
from reportdata import Curve, Limit, Slice, printable

# Colours on white, and what each becomes on a dark page.
INK, MUTED, GRID = "#1f2531", "#667085", "#e1e5eb"
SERIES = ["#2457d6", "#c2570c", "#7a3fc4", "#0f7b8a"]
GOOD, BAD = "#17803f", "#cf2a2a"
DARK = {
    INK: "#e8ebf1", MUTED: "#9aa5b5", GRID: "#353c49", GOOD: "#58c47f", BAD: "#ff7d75",
    SERIES[0]: "#84a9ff", SERIES[1]: "#f3a05c", SERIES[2]: "#bb93f2", SERIES[3]: "#57c3d3",
}

DOTS_PER_INCH = 144  # of the PNG, for a merge request
WIDTH, HEIGHT = 4.6, 3.2  # inches of a picture that stands beside another
MOST_LABELLED_CLASSES = 20  # whose counts can be read in a confusion matrix

STYLE = {
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "font.size": 9, "text.parse_math": False,
    "axes.edgecolor": GRID, "axes.labelcolor": MUTED, "axes.titlecolor": INK, "axes.titlesize": 10, "axes.titlelocation": "left",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "axes.axisbelow": True,
    "grid.color": GRID, "grid.linewidth": 0.8, "xtick.color": MUTED, "ytick.color": MUTED, "text.color": INK,
    "legend.frameon": False, "legend.fontsize": 8, "lines.linewidth": 1.8,
    "figure.constrained_layout.w_pad": 0.08, "figure.constrained_layout.h_pad": 0.08, "svg.fonttype": "none", "svg.hashsalt": "tensorflow-ci",
}
matplotlib.rcParams.update(STYLE)


@dataclasses.dataclass(frozen=True)
class Picture:
    """A drawn figure: the name of its files, a heading, and what it shows in words for who cannot see it."""

    name: str
    title: str
    alt: str
    figure: Figure

    def svg(self) -> str:
        """The picture as SVG text, for a white page."""
        text = io.StringIO()
        FigureCanvasSVG(self.figure).print_svg(text, metadata={"Date": None, "Creator": None})
        return text.getvalue()

    def png(self) -> bytes:
        """The picture as a PNG on white."""
        data = io.BytesIO()
        self.figure.set_dpi(DOTS_PER_INCH)
        self.figure.patch.set_alpha(1)
        FigureCanvasAgg(self.figure).print_png(data, metadata={"Software": None})
        return data.getvalue()


def dark(svg: str) -> str:
    """The same SVG in the colours of a dark page."""
    return re.sub(r"(?<=: )#[0-9a-f]{6}", lambda match: DARK.get(match[0], match[0]), svg)


def pictures(evaluation: dict[str, Any], predictions: tuple[np.ndarray, np.ndarray] | None, curves: list[Curve]) -> list[Picture]:
    """Everything that can be drawn of an evaluation (evaluation.json), its predictions and a training's curves."""
    drawn = [_curve(curve, number) for number, curve in enumerate(curves, start=1)]
    if predictions is not None:
        drawn += _predictions(evaluation, *predictions)
    if evaluation.get("confusion"):
        drawn.append(_confusion(np.array(evaluation["confusion"])))
    metric = reportdata.sliced_metric(evaluation)
    if metric:
        drawn.append(_slices(metric, evaluation["metrics"].get(metric), reportdata.slices(evaluation, metric)))
    return drawn


def _predictions(evaluation: dict[str, Any], labels: np.ndarray, outputs: np.ndarray) -> list[Picture]:
    if not np.isfinite(outputs).all():
        return []
    if evaluation["task"] == "regression":
        return [_scatter(labels, outputs[:, 0])]
    if evaluation["task"] != "binary" or not 0 < (labels > 0.5).sum() < len(labels):
        return []
    (true_negative, false_positive), (false_negative, true_positive) = evaluation["confusion"]
    positives, negatives = true_positive + false_negative, true_negative + false_positive
    verdicts = (evaluation.get("gate") or {}).get("verdicts") or []
    return [_roc(*reportdata.roc(labels, outputs[:, 0]), point=(false_positive / negatives, true_positive / positives),
                 area=evaluation["metrics"].get("auc"), limits=reportdata.limits(verdicts, positives, negatives),
                 least=next((verdict["want"] for verdict in verdicts
                             if verdict["metric"] == "auc" and verdict["limit"] == "minimum" and not verdict.get("slice")), None))]


def _axes(title: str, width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure((width, height), layout="constrained")
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.set_title(title)
    axes.tick_params(length=0)
    return figure, axes


def _curve(curve: Curve, number: int) -> Picture:
    title = printable(curve.metric)
    figure, axes = _axes(title)
    ends = []
    for at, (run, (steps, values)) in enumerate(curve.lines.items()):
        axes.plot(steps, values, color=SERIES[at % len(SERIES)], label=run, linestyle="-" if at < len(SERIES) else "--",
                  marker="o" if len(steps) == 1 else None)
        last = np.flatnonzero(np.isfinite(values))[-1]
        ends.append(f"{run} ends at {values[last]:.6g} in {curve.unit} {steps[last]:g}")
    axes.set_xlabel(curve.unit)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if len(curve.lines) > 1:
        axes.legend(loc="best")
    slug = re.sub(r"[^a-z0-9]+", "-", curve.metric.lower()).strip("-")[:40]
    return Picture(f"curve-{number:02d}" + (f"-{slug}" if slug else ""), title, f"{title} by {curve.unit}: {'; '.join(ends)}", figure)


def _roc(false_rate: np.ndarray, true_rate: np.ndarray, *, point: tuple[float, float], area: float | None, limits: list[Limit],
         least: float | None) -> Picture:
    figure, axes = _axes("ROC curve", height=WIDTH)
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":")
    label = "model" if area is None else f"model, AUC {area:.4f}"
    label += "" if least is None else f" (minimum {least:g})"
    axes.plot(false_rate, true_rate, color=SERIES[0], drawstyle="default", label=label)
    for at, limit in enumerate(limits):
        axes.plot([0, 1], [limit.left, limit.right], color=GOOD if limit.passed else BAD, linewidth=1.3,
                  linestyle=["--", "-.", (0, (1, 1)), (0, (5, 1, 1, 1))][at % 4], label=limit.name)
    axes.plot(*point, marker="o", markersize=7, color=SERIES[1], linestyle="none", label="at the threshold")
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel="false positive rate", ylabel="true positive rate", aspect="equal")
    axes.legend(loc="lower right")
    said = [f"{limit.name} {'holds' if limit.passed else 'does not hold'}" for limit in limits]
    alt = f"ROC curve: at the threshold {point[1]:.4f} of the positives are found and {point[0]:.4f} of the negatives are alarms"
    return Picture("roc", "ROC curve", "; ".join([alt, *said]), figure)


def _confusion(counts: np.ndarray) -> Picture:
    classes = len(counts)
    figure, axes = _axes("Confusion matrix", height=WIDTH)
    share = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    shade = np.empty((*counts.shape, 4))
    shade[..., :3] = np.array([int(SERIES[0][at:at + 2], 16) for at in (1, 3, 5)]) / 255
    shade[..., 3] = 0.85 * share
    axes.imshow(shade, interpolation="nearest")
    if classes <= MOST_LABELLED_CLASSES:
        axes.set_xticks(range(classes))
        axes.set_yticks(range(classes))
        for row, column in np.ndindex(*counts.shape):
            if counts[row, column] or classes <= 4:
                axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", fontsize=14 if classes <= 4 else 8,
                          color="#ffffff" if share[row, column] > 0.6 else INK)
    axes.grid(False)
    axes.set(xlabel="predicted class", ylabel="class by the label")
    alt = f"Confusion matrix of {classes} classes: {int(np.trace(counts)):,} of {int(counts.sum()):,} rows on the diagonal"
    return Picture("confusion", "Confusion matrix", alt, figure)


def _scatter(labels: np.ndarray, values: np.ndarray) -> Picture:
    figure, axes = _axes("Prediction by label", height=WIDTH)
    low, high = float(min(labels.min(), values.min())), float(max(labels.max(), values.max()))
    kept = reportdata.spread(len(labels))
    axes.plot(labels[kept], values[kept], marker="o", markersize=3, alpha=0.5, linestyle="none", color=SERIES[0], rasterized=True)
    axes.plot([low, high], [low, high], color=MUTED, linewidth=1, linestyle=":")
    axes.set(xlabel="label", ylabel="prediction")
    return Picture("scatter", "Prediction by label", f"Predictions of {len(labels):,} rows from {values.min():.6g} to {values.max():.6g} "
                   f"for labels from {labels.min():.6g} to {labels.max():.6g}", figure)


def _slices(metric: str, overall: float | None, slices: list[Slice]) -> Picture:
    figure, axes = _axes(f"{metric} by slice", height=max(1.6, 0.9 + 0.3 * len(slices)))
    places = np.arange(len(slices))[::-1]
    said, named = [], set()
    for place, slice_ in zip(places, slices):
        passed = all(holds for _, _, holds in slice_.limits)
        axes.plot(slice_.value, place, marker="o", markersize=7, color=SERIES[0] if passed else BAD, linestyle="none")
        for limit, value, holds in slice_.limits:
            axes.plot([value, value], [place - 0.32, place + 0.32], color=GOOD if holds else BAD, linewidth=2,
                      label=None if limit in named else f"{limit} of the gate")
            named.add(limit)
            said.append(f"{printable(slice_.name)}: {limit} {value:g} {'holds' if holds else 'does not hold'}")
    if overall is not None and math.isfinite(overall):
        axes.axvline(overall, color=MUTED, linewidth=1, linestyle=":", label=f"all rows {overall:.4f}")
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower right", ncols=3)
    axes.set_yticks(places, [printable(slice_.name) for slice_ in slices])
    axes.set_ylim(-0.6, len(slices) - 0.4)
    axes.margins(x=0.1)
    alt = f"{metric} of {len(slices)} slices, from {min(s.value for s in slices):.4f} to {max(s.value for s in slices):.4f}"
    return Picture("slices", f"{metric} by slice", "; ".join([alt, *said]), figure)
