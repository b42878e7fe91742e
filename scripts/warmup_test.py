"""Tests of warmup.py: the requests are those of the rows, in the form that TensorFlow Serving reads."""

from __future__ import annotations

import pathlib

import numpy as np
import pytest
import savedmodel
import warmup

tf = pytest.importorskip("tensorflow")
import sample_models  # noqa: E402


def write(model: pathlib.Path, rows: pathlib.Path, out: pathlib.Path, *more: str) -> int:
    return warmup.main(["--model", str(model), "--data", str(rows), "--label", "label", "--name", "fraud", "--out", str(out), *more])


def read(out: pathlib.Path) -> list[bytes]:
    return list(tf.data.TFRecordDataset(str(out / warmup.ASSET)).as_numpy_iterator())


def test_requests_are_the_rows(tmp_path: pathlib.Path) -> None:
    model, rows, _ = sample_models.reference("binary", tmp_path)
    for name in ("a", "b"):
        assert write(model, rows, tmp_path / name, "--rows", "7") == 0
    records = read(tmp_path / "a")
    assert records == read(tmp_path / "b") and len(records) == 7
    from tensorflow.core.framework.tensor_pb2 import TensorProto
    values = [tf.make_ndarray(TensorProto.FromString(warmup.requested(record)["features"])) for record in records]
    np.testing.assert_allclose(np.concatenate(values), np.loadtxt(rows, delimiter=",", skiprows=1)[:7, :2], rtol=1e-6)
    savedmodel.check(model)


def test_servings_own_messages_read_them(tmp_path: pathlib.Path) -> None:
    messages = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    model, rows, _ = sample_models.reference("classes", tmp_path)
    assert write(model, rows, tmp_path / "out", "--rows", "3") == 0
    for record in read(tmp_path / "out"):
        request = messages.PredictionLog.FromString(record).predict_log.request
        assert (request.model_spec.name, request.model_spec.signature_name) == ("fraud", "serving_default")
        assert tf.make_ndarray(request.inputs["image"]).shape == (1, 4, 4, 1)


def test_a_request_that_the_model_fails_on_is_told(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    class Four(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="features")])
        def serve(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
            with tf.control_dependencies([tf.debugging.assert_greater(tf.shape(features)[0], 3)]):
                return {"score": tf.identity(features[:, :1])}

    model, rows = sample_models.save(Four(), tmp_path / "model"), sample_models.table(tmp_path / "rows.csv")
    assert write(model, rows, tmp_path / "out") == 2
    assert "error: the model fails on warm-up request 1, so TensorFlow Serving would refuse it" in capsys.readouterr().err


@pytest.mark.parametrize("size", [0, 1, 127, 128, 300, 20_000])
def test_lengths_are_written_as_they_are_read(size: int) -> None:
    content = bytes(size)
    assert [(number, bytes(value)) for number, value in savedmodel.fields(memoryview(warmup.field(6, content)))] == [(6, content)]


@pytest.mark.parametrize("rows", ["0", "1001", "x"])
def test_the_number_of_rows_has_limits(rows: str) -> None:
    with pytest.raises(SystemExit):
        warmup.main(["--model", "m", "--data", "d", "--label", "l", "--name", "n", "--out", "o", "--rows", rows])
