"""Tests of reportdata.py: figures that can be worked out by hand."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest

import metrics
import reportdata
from heldout import Unfit

tf = pytest.importorskip("tensorflow")


def logged(folder: pathlib.Path, **curves: list[float]) -> None:
    pytest.importorskip("tensorboard")  # which newer images of TensorFlow leave out, and tf.summary needs
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for tag, values in curves.items():
            for step, value in enumerate(values):
                tf.summary.scalar(tag, value, step=step)
    writer.close()


def test_curves_as_keras_logs_them(tmp_path: pathlib.Path) -> None:
    logged(tmp_path / "train", epoch_learning_rate=[0.5], epoch_loss=[2.0, 1.0], epoch_accuracy=[0.5, 0.75])
    logged(tmp_path / "validation", epoch_loss=[3.0, 2.0], evaluation_loss_vs_iterations=[3.0, 2.0])
    found = reportdata.curves(tmp_path)
    assert [(curve.metric, curve.unit, list(curve.lines)) for curve in found] == [
        ("loss", "epoch", ["train", "validation"]), ("accuracy", "epoch", ["train"]), ("learning_rate", "epoch", ["train"])]
    steps, values = found[0].lines["validation"]
    assert steps.tolist() == [1, 2] and values.tolist() == [3, 2]


def test_curves_of_a_loop_of_its_own(tmp_path: pathlib.Path) -> None:
    logged(tmp_path, loss=[float(step) for step in range(3000)], broken=[float("nan")])
    (curve,) = reportdata.curves(tmp_path)
    steps, _ = curve.lines["training"]
    assert (curve.metric, curve.unit) == ("loss", "step")
    assert len(steps) == reportdata.MOST_POINTS and steps[0] == 0 and steps[-1] == 2999
    assert reportdata.curves(tmp_path / "absent") == []


def test_predictions(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text("row,label,prediction,output_0,output_1\n1,0,0,0.75,0.25\n2,1,1,0.5,0.5\n")
    labels, outputs = reportdata.predictions(path)
    assert labels.tolist() == [0, 1] and outputs.tolist() == [[0.75, 0.25], [0.5, 0.5]]


@pytest.mark.parametrize("text, says", [
    ("", "has the columns []"), ("a,b\n1,2\n", "has the columns ['a', 'b']"), ("row,label,prediction,output\n", "has no rows"),
    ("row,label,prediction,output\n1,0,0,x\n", "could not convert"), ("row,label,prediction,output\n1\n", "index out of range"),
])
def test_what_is_no_predictions(tmp_path: pathlib.Path, text: str, says: str) -> None:
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(Unfit, match="give the file that evaluate wrote") as refused:
        reportdata.predictions(path)
    assert says in str(refused.value)


def test_roc_has_the_area_that_metrics_computes() -> None:
    random = np.random.default_rng(7)
    labels = (random.random(200) < 0.4).astype(float)
    scores = np.round(0.3 * labels + 0.7 * random.random(200), 2)  # with ties
    false_rate, true_rate = reportdata.roc(labels, scores)
    assert (false_rate[0], true_rate[0], false_rate[-1], true_rate[-1]) == (0, 0, 1, 1)
    assert (np.diff(false_rate) >= 0).all() and (np.diff(true_rate) >= 0).all()
    area = np.sum(np.diff(false_rate) * (true_rate[1:] + true_rate[:-1]) / 2)
    assert area == pytest.approx(metrics.auc(labels > 0.5, scores), abs=1e-12)


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall", "f1"])
def test_a_limit_is_the_line_on_which_the_metric_equals_it(metric: str) -> None:
    positives, negatives = 120, 80
    (limit,) = reportdata.limits([{"metric": metric, "limit": "minimum", "want": 0.8, "passed": True}], positives, negatives)
    for false_rate in (0.05, 0.1, 0.2):
        hits = (limit.left + (limit.right - limit.left) * false_rate) * positives
        alarms = false_rate * negatives
        value = {
            "accuracy": (hits + negatives - alarms) / (positives + negatives),
            "precision": hits / (hits + alarms),
            "recall": hits / positives,
            "f1": 2 * hits / (2 * hits + alarms + positives - hits),
        }[metric]
        assert value == pytest.approx(0.8, abs=1e-12)


def test_limits_that_are_no_line_are_left_out() -> None:
    verdicts = [
        {"metric": "auc", "limit": "minimum", "want": 0.9, "passed": True},
        {"metric": "accuracy", "limit": "max-drop", "want": 0.1, "passed": True},
        {"metric": "accuracy", "limit": "minimum", "want": 0.9, "passed": True, "slice": "a=1"},
        {"metric": "precision", "limit": "minimum", "want": 1, "passed": False},
    ]
    assert reportdata.limits(verdicts, 10, 10) == []


def test_slices() -> None:
    gate = {"verdicts": [{"metric": "f1", "slice": "a=99", "limit": "minimum", "want": 0.5, "passed": False}]}
    evaluation = {
        "metrics": {"accuracy": 0.5, "f1": 0.5}, "gate": gate,
        "slices": {f"a={number}": {"metrics": {"accuracy": 0.1, "f1": number / 100, "examples": 3}} for number in range(100)},
    }
    assert reportdata.sliced_metric(evaluation) == "f1"
    found = reportdata.slices(evaluation, "f1")
    assert len(found) == reportdata.MOST_SLICES
    assert [slice_.name for slice_ in found if slice_.limits] == ["a=99"]
    assert "a=0" in {slice_.name for slice_ in found} and "a=50" not in {slice_.name for slice_ in found}
    assert reportdata.sliced_metric({"metrics": {"accuracy": 1.0}, "slices": {}}) is None
    undefined = {"metrics": {"accuracy": 1.0, "auc": 1.0}, "slices": {"a=0": {"metrics": {"accuracy": None, "auc": 0.5}}}}
    assert reportdata.sliced_metric(undefined) == "auc"


def test_a_projects_names_are_fit_for_a_picture() -> None:
    assert reportdata.printable("a\x00b\nc") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    assert len(reportdata.printable("x" * 99)) == reportdata.MOST_LETTERS
