"""Tests of tflite.py: each quantisation converts, twice to the same bytes, and what is missing is said."""

from __future__ import annotations

import pathlib

import pytest
import tflite

pytest.importorskip("tensorflow")
import sample_models  # noqa: E402


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return sample_models.classes(tmp_path_factory.mktemp("tflite") / "model")


@pytest.mark.parametrize("quantize", tflite.QUANTIZE)
def test_the_same_model_gives_the_same_bytes(model: pathlib.Path, tmp_path: pathlib.Path, quantize: str) -> None:
    rows = sample_models.images(tmp_path / "train.npz", 20)
    for name in ("a", "b"):
        assert tflite.main(["--model", str(model), "--quantize", quantize, "--representative", str(rows), "--label", "label",
                            "--rows", "10", "--out", str(tmp_path / name)]) == 0
    content = (tmp_path / "a").read_bytes()
    assert content == (tmp_path / "b").read_bytes() and content[4:8] == b"TFL3"


@pytest.mark.parametrize(("more", "message"), [
    ([], "error: int8 takes the ranges of its integers from training data"),
    (["--representative", "train.csv"], "error: --representative needs --label"),
    (["--representative", "none.npz", "--label", "label"], "error: cannot read the held-out data none.npz"),
    (["--signature", "predict"], "no signature 'predict'; it has: serving_default"),
])
def test_says_what_is_missing(model: pathlib.Path, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], more: list[str], message: str) -> None:
    assert tflite.main(["--model", str(model), "--quantize", "int8", "--out", str(tmp_path / "m.tflite"), *more]) == 2
    assert message in capsys.readouterr().err and not (tmp_path / "m.tflite").exists()


def test_operations_without_a_form_are_named(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    import tensorflow as tf

    class Inverse(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2, 2], tf.float32, name="x")])
        def serve(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": tf.linalg.inv(x)}

    model = sample_models.save(Inverse(), tmp_path / "model")
    assert tflite.main(["--model", str(model), "--out", str(tmp_path / "m.tflite")]) == 2
    assert "error: TensorFlow Lite has no form of the operations MatrixInverse" in capsys.readouterr().err


@pytest.mark.parametrize(("rows", "status"), [(None, 2), (1, 0)])
def test_a_recurrent_layer_needs_a_number_of_rows(tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str], rows: int | None, status: int) -> None:
    keras = pytest.importorskip("keras")
    import tensorflow as tf

    layer = keras.layers.LSTM(2)
    layer.build((rows, 3, 1))

    class Recurrent(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.kept = [variable.value for variable in layer.variables]

        @tf.function(input_signature=[tf.TensorSpec([rows, 3, 1], tf.float32, name="x")])
        def serve(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"y": layer(x)}

    model = sample_models.save(Recurrent(), tmp_path / "model")
    assert tflite.main(["--model", str(model), "--out", str(tmp_path / "m.tflite")]) == status
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == (1 if status else 0)
    assert not status or "recurrent layer whose number of rows is open" in errors[0]


def test_rows_must_be_positive(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SystemExit):
        tflite.main(["--model", "m", "--out", "o", "--rows", "0"])
