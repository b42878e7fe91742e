"""Tests of litert.py. Where LiteRT is not installed beside TensorFlow, TensorFlow's own interpreter, its ancestor, stands in."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import sys
import types

import litert
import pytest
import tflite

tf = pytest.importorskip("tensorflow")
import sample_models  # noqa: E402


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    if importlib.util.find_spec("ai_edge_litert") is None:
        monkeypatch.setitem(sys.modules, "ai_edge_litert", types.ModuleType("ai_edge_litert"))
        monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", types.SimpleNamespace(Interpreter=tf.lite.Interpreter))


def run(file: pathlib.Path, reference: pathlib.Path, out: pathlib.Path) -> int:
    return litert.main(["--tflite", str(file), "--reference", str(reference), "--quantize", "dynamic", "--out", str(out)])


@pytest.mark.parametrize("kind", ["binary", "classes"])
def test_agrees_with_the_savedmodel(tmp_path: pathlib.Path, kind: str) -> None:
    model, _, reference = sample_models.reference(kind, tmp_path)
    file = tmp_path / "model.tflite"
    assert tflite.main(["--model", str(model), "--out", str(file)]) == 0
    assert run(file, reference, tmp_path / "report.json") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["maxAbsDiff"] < 1e-5 and report["agreement"] == 1.0 and report["accuracyLost"] == 0.0
    assert report["bytes"] == file.stat().st_size and report["examples"] == 60 and report["quantize"] == "dynamic"


def test_a_fixed_batch(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Eight(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([8, 2], tf.float32, name="features")])
        def serve(self, features: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"score": tf.sigmoid(tf.reshape(features, [8, 2])[:, :1])}

    monkeypatch.setattr(sample_models, "binary", lambda folder: sample_models.save(Eight(), folder))
    model, _, reference = sample_models.reference("binary", tmp_path)
    assert tflite.main(["--model", str(model), "--out", str(tmp_path / "m.tflite")]) == 0
    assert run(tmp_path / "m.tflite", reference, tmp_path / "report.json") == 0


def test_another_models_answers_are_seen(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, reference = sample_models.reference("classes", tmp_path / "a")
    other, _, _ = sample_models.reference("binary", tmp_path / "b")
    assert tflite.main(["--model", str(other), "--out", str(tmp_path / "m.tflite")]) == 0
    assert run(tmp_path / "m.tflite", reference, tmp_path / "report.json") == 2
    assert "error: LiteRT cannot run m.tflite" in capsys.readouterr().err


def test_a_damaged_file(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, _, reference = sample_models.reference("binary", tmp_path)
    (tmp_path / "m.tflite").write_bytes(b"not a model")
    assert run(tmp_path / "m.tflite", reference, tmp_path / "report.json") == 2
    assert "error: LiteRT cannot run m.tflite (11 bytes): " in capsys.readouterr().err
