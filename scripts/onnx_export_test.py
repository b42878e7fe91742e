"""Tests of onnx_export.py, where tf2onnx and ONNX Runtime are installed beside TensorFlow."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("tf2onnx")
pytest.importorskip("onnxruntime")
import sample_models  # noqa: E402

HERE = pathlib.Path(__file__).parent


def export(model: pathlib.Path, reference: pathlib.Path, out: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Export in a process of its own: within one process names go on counting."""
    return subprocess.run([sys.executable, str(HERE / "onnx_export.py"), "--model", str(model), "--reference", str(reference),
                           "--out", str(out), "--report", str(out) + ".json"], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_agrees_with_the_savedmodel_and_is_stable(tmp_path: pathlib.Path, kind: str) -> None:
    model, _, reference = sample_models.reference(kind, tmp_path)
    for name in ("a.onnx", "b.onnx"):
        result = export(model, reference, tmp_path / name)
        assert result.returncode == 0, result.stderr
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()
    report = json.loads((tmp_path / "a.onnx.json").read_text())
    assert report["maxAbsDiff"] < 1e-5 and report["agreement"] == 1.0 and report["format"] == "onnx"


def test_operations_without_a_form_are_refused(tmp_path: pathlib.Path) -> None:
    import tensorflow as tf

    class Digest(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None, 2, 2], tf.float32, name="x")])
        def serve(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"score": tf.linalg.eigh(x)[0]}

    _, _, reference = sample_models.reference("binary", tmp_path)
    result = export(sample_models.save(Digest(), tmp_path / "odd"), reference, tmp_path / "m.onnx")
    assert result.returncode == 2 and not (tmp_path / "m.onnx").exists()
    assert any(line.startswith("error: ") for line in result.stderr.splitlines())
