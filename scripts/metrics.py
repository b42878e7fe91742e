"""Metrics of predictions against labels, by their definitions, in float64 and NumPy alone.

Where a metric is undefined (AUC of one class, R2 of a constant label), or any prediction is not finite, it is NaN: a
model that answers NaN has no accuracy. Precision and F1 of a class that is never predicted are 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from heldout import Unfit

CLIP = 1e-7  # keeps the logarithm of a loss finite, as Keras does
MOST_CLASSES = 100  # of a confusion matrix that is still worth printing

Metrics = dict[str, float]
Confusion = list[list[int]]


def settle(task: str, labels: np.ndarray, outputs: np.ndarray, where: str) -> tuple[str, np.ndarray]:
    """Tell which task it is, and return the outputs as float64: [N, C] for multiclass, else [N].

    `auto` is multiclass for outputs [N, C] with C >= 2, binary for labels 0 and 1 with outputs from 0 to 1, and else
    regression. Raises Unfit when outputs or labels are not what the task needs.
    """
    if outputs.shape[:1] != labels.shape or outputs.ndim > 2 or outputs.size == 0:
        raise Unfit(f"{where} has the shape {list(outputs.shape)} for {len(labels)} rows: [N], [N, 1] or [N, C] can be evaluated")
    if outputs.dtype.kind == "V" or not np.can_cast(outputs.dtype, np.float64, "same_kind"):
        outputs = _floats(outputs, where)
    outputs = outputs.astype(np.float64)
    width = 1 if outputs.ndim == 1 else outputs.shape[1]
    if width == 1:
        outputs = outputs.reshape(-1)
    finite = outputs[np.isfinite(outputs)]
    probable = bool(((finite >= 0) & (finite <= 1)).all())
    two = bool(np.isin(labels, (0, 1)).all())
    if task == "auto":
        task = "multiclass" if width > 1 else "binary" if two and probable else "regression"
        if task == "regression" and two:
            raise Unfit(f"the labels are 0 and 1, but {where} goes from {finite.min():.6g} to {finite.max():.6g}, so it is no probability: "
                        "export the model with a sigmoid, or set the task to regression")
    if (task == "multiclass") != (width > 1):
        raise Unfit(f"{where} has {width} value(s) a row, which does not fit the task {task}: "
                    "multiclass needs one for each class, binary and regression need one")
    if task == "binary":
        _need(two, labels, lambda bad: ~np.isin(bad, (0, 1)), "the task binary needs the labels 0 and 1")
    if task == "multiclass":
        allowed = np.arange(width)
        _need(bool(np.isin(labels, allowed).all()), labels, lambda bad: ~np.isin(bad, allowed),
              f"{where} has {width} classes, so labels go from 0 to {width - 1}")
        sums = outputs[np.isfinite(outputs).all(axis=1)].sum(axis=1)
        if not probable or (np.abs(sums - 1) > 0.01).any():
            raise Unfit(f"{where} holds no probabilities that add up to 1 (a row adds up to "
                        f"{sums[np.argmax(np.abs(sums - 1))]:.6g}): export the model with a softmax")
    elif task == "binary" and not probable:
        raise Unfit(f"{where} goes from {finite.min():.6g} to {finite.max():.6g}, so it is no probability: export the model with a sigmoid")
    return task, outputs


def _floats(outputs: np.ndarray, where: str) -> np.ndarray:
    """Types that NumPy does not know, such as bfloat16; raises Unfit for text."""
    try:
        return outputs.astype(np.float64)
    except (TypeError, ValueError):
        raise Unfit(f"{where} has the type {outputs.dtype}, numbers are needed: name another output") from None


def _need(holds: bool, labels: np.ndarray, bad: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    if not holds:
        row = int(np.argmax(bad(labels)))
        raise Unfit(f"{message}; row {row + 1} has {labels[row]:.6g}")


def measure(task: str, labels: np.ndarray, outputs: np.ndarray, threshold: float) -> tuple[Metrics, Confusion | None]:
    """Metrics and the confusion matrix (rows: label, columns: prediction; None without classes) of settled outputs."""
    by_task = {
        "binary": lambda: binary(labels, outputs, threshold),
        "multiclass": lambda: multiclass(labels.astype(int), outputs),
        "regression": lambda: (regression(labels, outputs), None),
    }
    values, confusion = by_task[task]()
    if not np.isfinite(outputs).all():
        values, confusion = dict.fromkeys(values, float("nan")), None
    return {**{name: float(value) for name, value in values.items()}, "examples": len(labels)}, confusion


def predicted(task: str, outputs: np.ndarray, threshold: float) -> np.ndarray:
    """The class of each row, or the number itself for regression."""
    if task == "binary":
        return (outputs > threshold).astype(int)
    return outputs.argmax(axis=1) if task == "multiclass" else outputs


def binary(labels: np.ndarray, scores: np.ndarray, threshold: float) -> tuple[Metrics, Confusion]:
    """Labels 0 or 1 [N] and the probability of 1 [N]; a score above the threshold predicts 1."""
    truth, guess = labels > 0.5, scores > threshold
    matrix = counts(truth.astype(int), guess.astype(int), 2)
    (_, false_positive), (false_negative, true_positive) = matrix
    likely = np.clip(np.where(truth, scores, 1 - scores), CLIP, 1 - CLIP)
    return {
        "accuracy": np.mean(truth == guess),
        "auc": auc(truth, scores),
        "loss": -np.mean(np.log(likely)),
        "precision": _ratio(true_positive, true_positive + false_positive),
        "recall": _ratio(true_positive, true_positive + false_negative),
        "f1": _ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative),
    }, matrix.tolist()


def multiclass(labels: np.ndarray, scores: np.ndarray) -> tuple[Metrics, Confusion | None]:
    """Labels 0 to C-1 [N] and the probability of each class [N, C].

    macro_f1 is the mean over the classes that occur among labels or predictions; auc the mean, over the classes that some
    but not all labels have, of that class against the rest.
    """
    classes = scores.shape[1]
    guess = scores.argmax(axis=1)
    matrix = counts(labels, guess, classes)
    hits, both = np.diag(matrix), matrix.sum(axis=0) + matrix.sum(axis=1)
    areas = [auc(labels == one, scores[:, one]) for one in np.unique(labels)]
    likely = np.clip(scores[np.arange(len(labels)), labels], CLIP, 1 - CLIP)
    return {
        "accuracy": np.mean(labels == guess),
        "loss": -np.mean(np.log(likely)),
        "macro_f1": np.mean(2 * hits[both > 0] / both[both > 0]),
        "auc": np.mean(areas),
    }, matrix.tolist() if classes <= MOST_CLASSES else None


def regression(labels: np.ndarray, values: np.ndarray) -> Metrics:
    """Labels and predictions in the label's unit, both [N]."""
    error = values - labels
    squared = np.mean(error**2)
    spread = np.mean((labels - labels.mean()) ** 2)
    return {
        "mse": squared,
        "rmse": np.sqrt(squared),
        "mae": np.mean(np.abs(error)),
        "r2": 1 - squared / spread if spread > 0 else float("nan"),
        "loss": squared,
    }


def auc(positive: np.ndarray, scores: np.ndarray) -> float:
    """The exact area under the ROC curve: how often a positive outranks a negative, a tie counting half."""
    ones = int(positive.sum())
    pairs = ones * (len(positive) - ones)
    if pairs == 0:
        return float("nan")
    _, place, size = np.unique(scores, return_inverse=True, return_counts=True)
    rank = np.cumsum(size) - (size - 1) / 2
    return float((rank[place.reshape(-1)][positive].sum() - ones * (ones + 1) / 2) / pairs)


def counts(labels: np.ndarray, guess: np.ndarray, classes: int) -> np.ndarray:
    """The confusion matrix [C, C]: rows are labels, columns predictions."""
    return np.bincount(labels * classes + guess, minlength=classes * classes).reshape(classes, classes)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
