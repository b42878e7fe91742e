"""Tests of reference.py: what is written can be read back and is what the model answers."""

from __future__ import annotations

import pathlib

import agreement
import evaluate
import heldout
import numpy as np
import pytest

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
    assert evaluate.main(["--model", str(model), "--data", str(rows), "--label", "label", "--out", str(tmp_path / "e.json"),
                          "--reference", str(again)]) == 0
    assert {file.name: file.read_bytes() for file in out.iterdir()} == {file.name: file.read_bytes() for file in again.iterdir()}


@pytest.mark.parametrize(("kind", "message"), [
    ("nan", "the SavedModel answers row 1 with a value that is not finite"),
    ("text", "the input 'words' takes text, which the exported forms do not"),
])
def test_a_model_without_a_reference_is_evaluated_all_the_same(tmp_path: pathlib.Path, kind: str, message: str) -> None:
    import tensorflow as tf

    class Odd(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string if kind == "text" else tf.float32, name="words")])
        def serve(self, words: tf.Tensor) -> dict[str, tf.Tensor]:
            number = tf.cast(tf.strings.length(words), tf.float32) if kind == "text" else words
            return {"score": number * (float("nan") if kind == "nan" else 0.1)}

    model = sample_models.save(Odd(), tmp_path / "model")
    (tmp_path / "rows.csv").write_text("words,label\n1,0.5\n2,0.1\n")
    assert evaluate.main(["--model", str(model), "--data", str(tmp_path / "rows.csv"), "--label", "label", "--out", str(tmp_path / "e.json"),
                          "--reference", str(tmp_path / "out")]) == 0
    with pytest.raises(heldout.Unfit, match=message):
        agreement.Reference(tmp_path / "out")
