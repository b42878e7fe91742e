"""Tests of reference.py: what is written can be read back and is what the model answers."""

from __future__ import annotations

import pathlib

import agreement
import numpy as np
import pytest
import reference

pytest.importorskip("tensorflow")
import sample_models  # noqa: E402


def test_writes_what_the_model_answers(tmp_path: pathlib.Path) -> None:
    _, rows, out = sample_models.reference("binary", tmp_path)
    read = agreement.Reference(out)
    table = np.loadtxt(rows, delimiter=",", skiprows=1)
    assert read.task == "binary" and read.output == "score" and list(read.inputs) == ["features"]
    np.testing.assert_allclose(read.inputs["features"], table[:, :2], rtol=1e-6)
    np.testing.assert_allclose(read.expected, 1 / (1 + np.exp(-4 * (table[:, 0] - table[:, 1]))), atol=1e-5)
    np.testing.assert_array_equal(read.labels, table[:, 2])


def test_the_same_rows_give_the_same_bytes(tmp_path: pathlib.Path) -> None:
    model, rows, out = sample_models.reference("classes", tmp_path)
    again = tmp_path / "again"
    assert reference.main(["--model", str(model), "--data", str(rows), "--label", "label", "--out", str(again)]) == 0
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {file.name: file.read_bytes() for file in again.iterdir()}


@pytest.mark.parametrize(("kind", "message"), [
    ("nan", "error: the SavedModel answers row 1 with a value that is not finite"),
    ("text", "error: the input 'words' takes text, which the exported forms do not"),
    ("damaged", "error: saved_model.pb is damaged"),
])
def test_refuses(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], kind: str, message: str) -> None:
    import tensorflow as tf

    class Odd(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string if kind == "text" else tf.float32, name="words")])
        def serve(self, words: tf.Tensor) -> dict[str, tf.Tensor]:
            number = tf.cast(tf.strings.length(words), tf.float32) if kind == "text" else words
            return {"score": number * (float("nan") if kind == "nan" else 0.1)}

    model = sample_models.save(Odd(), tmp_path / "model")
    if kind == "damaged":
        (model / "saved_model.pb").write_bytes(b"\x12\x7f")
    (tmp_path / "rows.csv").write_text("words,label\n1,0.5\n2,0.1\n")
    assert reference.main(["--model", str(model), "--data", str(tmp_path / "rows.csv"), "--label", "label", "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
