import math

import numpy as np
import pytest

import metrics
from heldout import Unfit

NAN = float("nan")


@pytest.mark.parametrize(
    ("labels", "scores", "area"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.3, 0.4], 1.0),
        ([1, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], 0.0),
        ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5], 0.5),
        ([0, 1, 1], [0.3, 0.3, 0.9], 0.75),
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
        ([1, 1], [0.1, 0.9], NAN),
        ([0, 0], [0.1, 0.9], NAN),
    ],
    ids=["perfect", "reversed", "all tied", "one tie", "textbook", "only ones", "only zeros"],
)
def test_auc(labels: list[int], scores: list[float], area: float) -> None:
    assert metrics.auc(np.array(labels) > 0, np.array(scores)) == pytest.approx(area, nan_ok=True, abs=0)


def test_auc_is_the_share_of_pairs_in_order() -> None:
    random = np.random.default_rng(0)
    positive, scores = random.random(200) > 0.6, random.integers(0, 20, 200) / 20
    difference = scores[positive][:, None] - scores[~positive][None, :]
    assert metrics.auc(positive, scores) == pytest.approx(((difference > 0) + (difference == 0) / 2).mean(), abs=1e-15)


def test_binary_by_hand() -> None:
    values, confusion = metrics.measure("binary", np.array([0.0, 0, 1, 1, 1]), np.array([0.2, 0.7, 0.5, 0.8, 1.0]), 0.5)
    assert confusion == [[1, 1], [1, 2]]
    assert values["examples"] == 5
    assert values["accuracy"] == pytest.approx(3 / 5)
    assert values["precision"] == values["recall"] == values["f1"] == pytest.approx(2 / 3)
    likely = [0.8, 0.3, 0.5, 0.8, 1 - 1e-7]
    assert values["loss"] == pytest.approx(-sum(map(math.log, likely)) / 5, abs=1e-15)


def test_the_threshold_itself_predicts_0() -> None:
    labels, scores = np.array([0.0, 1.0]), np.array([0.3, 0.31])
    assert metrics.measure("binary", labels, scores, 0.3)[0]["accuracy"] == 1
    assert metrics.predicted("binary", scores, 0.3).tolist() == [0, 1]


def test_nothing_predicted_has_precision_0() -> None:
    values, _ = metrics.measure("binary", np.array([0.0, 1.0]), np.array([0.1, 0.2]), 0.5)
    assert (values["precision"], values["recall"], values["f1"]) == (0, 0, 0)


def test_a_certain_error_has_a_finite_loss() -> None:
    values, _ = metrics.measure("binary", np.array([1.0]), np.array([0.0]), 0.5)
    assert values["loss"] == pytest.approx(-math.log(1e-7))


def test_multiclass_by_hand() -> None:
    scores = np.array([[0.7, 0.2, 0.1, 0.0], [0.1, 0.6, 0.3, 0.0], [0.5, 0.3, 0.2, 0.0], [0.0, 0.1, 0.9, 0.0]])
    values, confusion = metrics.measure("multiclass", np.array([0.0, 1, 1, 2]), scores, 0.5)
    assert confusion == [[1, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert values["accuracy"] == 0.75
    assert values["macro_f1"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)  # the fourth class occurs nowhere
    assert values["auc"] == pytest.approx((1 + 1 + 1) / 3)
    assert values["loss"] == pytest.approx(-np.log([0.7, 0.6, 0.3, 0.9]).mean())


def test_a_confusion_matrix_has_a_limit() -> None:
    scores = np.full((1, 101), 1 / 101)
    assert metrics.measure("multiclass", np.array([0.0]), scores, 0.5)[1] is None


def test_regression_by_hand() -> None:
    values, confusion = metrics.measure("regression", np.array([1.0, 2, 3]), np.array([1.0, 2, 5]), 0.5)
    assert confusion is None
    assert values == pytest.approx({"mse": 4 / 3, "loss": 4 / 3, "rmse": math.sqrt(4 / 3), "mae": 2 / 3, "r2": -1.0, "examples": 3})
    assert math.isnan(metrics.measure("regression", np.array([2.0, 2]), np.array([1.0, 2]), 0.5)[0]["r2"])


@pytest.mark.parametrize("bad", [NAN, float("inf")])
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_one_bad_prediction_leaves_no_metric(task: str, bad: float) -> None:
    values, confusion = metrics.measure(task, np.array([0.0, 1.0]), np.array([0.0, bad]), 0.5)
    assert confusion is None
    assert values.pop("examples") == 2
    assert all(math.isnan(value) for value in values.values())


@pytest.mark.parametrize(
    ("labels", "outputs", "task", "shape"),
    [
        ([0, 1], [[0.1], [0.9]], "binary", (2,)),
        ([0, 1], [0.1, NAN], "binary", (2,)),
        ([0, 2], [0.1, 0.9], "regression", (2,)),
        ([0, 1], [[0.1, 0.9], [0.8, 0.2]], "multiclass", (2, 2)),
        ([1.5, 2], [[10.0], [20.0]], "regression", (2,)),
    ],
)
def test_auto_finds_the_task(labels: list, outputs: list, task: str, shape: tuple[int, ...]) -> None:
    found, settled = metrics.settle("auto", np.array(labels, float), np.array(outputs, np.float32), "the output")
    assert (found, settled.shape, settled.dtype) == (task, shape, np.float64)


@pytest.mark.parametrize(
    ("task", "labels", "outputs", "message"),
    [
        ("auto", [0, 1], [-2.0, 3.0], "the labels are 0 and 1, but the output goes from -2 to 3"),
        ("binary", [0, 1], [-2.0, 3.0], "goes from -2 to 3, so it is no probability"),
        ("binary", [0, 2], [0.1, 0.9], "needs the labels 0 and 1; row 2 has 2"),
        ("binary", [0, 1], [[0.1, 0.9]] * 2, "does not fit the task binary"),
        ("multiclass", [0, 1], [0.1, 0.9], "does not fit the task multiclass"),
        ("multiclass", [0, 3], [[0.1, 0.9]] * 2, "labels go from 0 to 1; row 2 has 3"),
        ("multiclass", [0, 0.5], [[0.1, 0.9]] * 2, "row 2 has 0.5"),
        ("multiclass", [0, 1], [[0.1, 0.9], [2.0, 3.0]], "a row adds up to 5"),
        ("auto", [0, 1], [[[0.1]], [[0.9]]], r"has the shape \[2, 1, 1\]"),
        ("auto", [0, 1], [0.1], r"has the shape \[1\] for 2 rows"),
        ("auto", [0, 1], [b"a", b"b"], "numbers are needed"),
    ],
)
def test_what_cannot_be_measured(task: str, labels: list, outputs: list, message: str) -> None:
    with pytest.raises(Unfit, match=message):
        metrics.settle(task, np.array(labels, float), np.array(outputs), "the output")
