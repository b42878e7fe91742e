"""The whole program on models of its own making: one process, since importing TensorFlow takes seconds."""

import csv
import json
import pathlib
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf

import evaluate

FLOAT = tf.float32
X = np.array([[0.0, 1.0], [2.0, 1.0], [3.0, 0.0], [0.0, 2.0], [1.0, 0.5]], np.float32)


def save(folder: pathlib.Path, function, *inputs: tf.TensorSpec) -> pathlib.Path:
    module = tf.Module()
    module.scale = tf.Variable(1.0)
    call = tf.function(lambda *values: function(module.scale, *values), input_signature=inputs)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": call.get_concrete_function()})
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """binary: P(a > b) of [N, 2]; probs: three classes; price: regression of columns by name; and what goes wrong."""
    root = tmp_path_factory.mktemp("models")
    two = tf.TensorSpec([None, 2], FLOAT, "features")
    return {
        "binary": save(root / "binary", lambda s, x: {"score": tf.sigmoid(s * (x[:, :1] - x[:, 1:]))}, two),
        "probs": save(root / "probs", lambda s, x: {"probs": tf.nn.softmax(s * tf.concat([x, x[:, :1] * 0 + 1], 1))}, two),
        "price": save(
            root / "price",
            lambda s, size, city: {"price": s * size * tf.where(city == "Ulm", 2.0, 3.0)},
            tf.TensorSpec([None], FLOAT, "size"), tf.TensorSpec([None], tf.string, "city")),
        "two": save(root / "two", lambda s, x: {"score": tf.sigmoid(s * x[:, 0]), "raw": s * x[:, 0]}, two),
        "nan": save(root / "nan", lambda s, x: {"score": tf.where(x[:, 0] > 2.5, float("nan"), 0.5 * s)}, two),
        "fixed": save(root / "fixed", lambda s, x: {"score": tf.sigmoid(s * (x[:, 0] - x[:, 1]))}, tf.TensorSpec([2, 2], FLOAT, "features")),
        "sum": save(root / "sum", lambda s, x: {"score": tf.reduce_sum(s * x)}, two),
        "fails": save(root / "fails", lambda s, x: {"score": s * tf.gather(x[:, 0], tf.cast(x[:, 0], tf.int32) * 9)}, two),
    }


@pytest.fixture
def rows(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "rows.csv"
    path.write_text("a,b,y\n" + "".join(f"{a},{b},{label}\n" for (a, b), label in zip(X, (0, 1, 1, 0, 0))))
    return path


def run(model: pathlib.Path, data: pathlib.Path, *extra: str) -> tuple[int, pathlib.Path]:
    out = data.with_name("evaluation.json")
    return evaluate.main(["--model", str(model), "--data", str(data), "--label", "y", "--out", str(out), *extra]), out


def result(model: pathlib.Path, data: pathlib.Path, *extra: str) -> dict:
    status, out = run(model, data, *extra)
    assert status == 0
    return json.loads(out.read_text())


def test_binary(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    found = result(models["binary"], rows, "--slices", "a,y")
    assert {key: found[key] for key in ("task", "signature", "output", "confusion")} == {
        "task": "binary", "signature": "serving_default", "output": "score", "confusion": [[2, 1], [0, 2]]}
    assert found["metrics"]["examples"] == 5
    assert found["metrics"]["accuracy"] == 0.8
    assert found["metrics"]["auc"] == 1.0
    assert sorted(found["slices"]) == ["a=0", "a=1", "a=2", "a=3", "y=0", "y=1"]
    ones = found["slices"]["y=1"]["metrics"]
    assert (ones["accuracy"], ones["examples"], ones["auc"]) == (1.0, 2, None)
    assert found["nonFinite"] == ["a=0/auc", "a=1/auc", "a=2/auc", "a=3/auc", "y=0/auc", "y=1/auc"]


def test_batches_do_not_matter_and_bytes_are_stable(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    texts = []
    for batch in ("1", "2", "3", "256"):
        status, out = run(models["binary"], rows, "--batch", batch)
        assert status == 0
        texts.append(out.read_bytes())
    assert len(set(texts)) == 1


def test_a_signature_for_one_size_of_batch(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    assert result(models["fixed"], rows)["metrics"] == result(models["binary"], rows)["metrics"]


def test_the_threshold(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    assert result(models["binary"], rows, "--threshold", "0.7")["metrics"]["accuracy"] == 1.0


def test_predictions(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    predictions = rows.with_name("predictions.csv")
    result(models["probs"], rows, "--predictions", str(predictions))
    with predictions.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert [line["row"] for line in lines] == ["1", "2", "3", "4", "5"]
    assert [line["prediction"] for line in lines] == ["1", "0", "0", "1", "0"]
    assert np.float32(lines[0]["output_1"]) == tf.nn.softmax([0.0, 1.0, 1.0]).numpy()[1]


def test_multiclass_from_npz(models: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "rows.npz"
    np.savez(path, x=X, y=np.array([1, 0, 0, 1, 2]))
    found = result(models["probs"], path)
    assert found["task"] == "multiclass"
    assert set(found["metrics"]) == {"accuracy", "auc", "loss", "macro_f1", "examples"}
    assert found["confusion"] == [[2, 0, 0], [0, 2, 0], [1, 0, 0]]


def test_columns_by_name_with_text(models: dict[str, pathlib.Path], tmp_path: pathlib.Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("city,y,id,size\nUlm,4,a,2\nBonn,7,b,2\n")
    found = result(models["price"], path, "--slices", "city")
    assert found["task"] == "regression"
    assert found["metrics"]["mae"] == 0.5
    assert found["slices"]["city=Ulm"]["metrics"]["mse"] == 0
    assert found["confusion"] is None


def test_nan_is_null_and_listed(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    found = result(models["nan"], rows, "--slices", "a")
    assert found["metrics"]["accuracy"] is None
    assert found["metrics"]["examples"] == 5
    assert found["confusion"] is None
    assert {"accuracy", "loss", "a=3/accuracy"} <= set(found["nonFinite"])
    assert found["slices"]["a=0"]["metrics"]["accuracy"] == 1.0


def test_an_output_can_be_named(models: dict[str, pathlib.Path], rows: pathlib.Path) -> None:
    assert result(models["two"], rows, "--output", "raw", "--task", "regression")["output"] == "raw"


@pytest.mark.parametrize(
    ("model", "extra", "message"),
    [
        ("binary", ["--label", "z"], "has no column 'z' for the label; it has: a, b, y"),
        ("binary", ["--slices", "z"], "has no column 'z' for slices"),
        ("binary", ["--signature", "tag"], "has no signature 'tag'; it has: serving_default"),
        ("binary", ["--output", "probs"], "has no output 'probs': name one of score"),
        ("two", [], "has several outputs: name one of raw, score"),
        ("two", ["--output", "raw"], "so it is no probability"),
        ("sum", [], r"has the shape \[\] for 5 rows"),
        ("fails", [], "failed on rows 1 to 5"),
        ("binary", ["--data", "absent.csv"], "cannot read the held-out data absent.csv"),
        ("binary", ["--model", "absent"], "absent is not a folder"),
        ("binary", ["--out", "/absent/evaluation.json"], "cannot write /absent/evaluation.json"),
    ],
)
def test_bad_input(models, rows: pathlib.Path, capfd: pytest.CaptureFixture[str], model: str, extra: list[str], message: str) -> None:
    status, out = run(models[model], rows, *extra)
    assert status == 2
    assert not out.exists()
    complaint(capfd, message)


def test_too_few_columns(models, rows: pathlib.Path, capfd: pytest.CaptureFixture[str]) -> None:
    rows.write_text("a,y\n1,0\n")
    assert run(models["binary"], rows)[0] == 2
    complaint(capfd, r"the model's input 'features' wants 2 values a row, .* has 1 columns beside the label \(a\)")


@pytest.mark.parametrize("damage", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"])
@pytest.mark.parametrize("kind", ["missing", "truncated"])
def test_a_damaged_model(models, rows: pathlib.Path, capfd: pytest.CaptureFixture[str], damage: str, kind: str) -> None:
    model = rows.with_name("model")
    shutil.copytree(models["binary"], model)
    file = model / damage
    if kind == "missing":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:-40])
    assert run(model, rows)[0] == 2
    complaint(capfd, pathlib.Path(damage).name)


@pytest.mark.parametrize(("flag", "value"), [("--threshold", "1.5"), ("--threshold", "nan"), ("--batch", "0"), ("--task", "ranking")])
def test_wrong_values_of_flags(rows: pathlib.Path, capfd: pytest.CaptureFixture[str], flag: str, value: str) -> None:
    with pytest.raises(SystemExit) as exit_info:
        run(rows, rows, flag, value)
    assert exit_info.value.code == 2
    assert flag in capfd.readouterr().err


def complaint(capfd: pytest.CaptureFixture[str], message: str) -> None:
    """Exactly one line begins with `error: `, it says what is expected, and no traceback is shown."""
    lines = capfd.readouterr().err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    assert len(errors) == 1
    assert re.search(message, errors[0])
    assert not any("Traceback" in line for line in lines)
