"""Tests of tfjs.py, and of tfjs_check.mjs where Node and its packages are (TFJS_NODE_MODULES, or tfjs/node_modules)."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("google.protobuf")
import agreement  # noqa: E402
import sample_models  # noqa: E402

HERE = pathlib.Path(__file__).parent
MODULES = pathlib.Path(os.environ.get("TFJS_NODE_MODULES", HERE / "tfjs" / "node_modules"))


def convert(model: pathlib.Path, out: pathlib.Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Convert in a process of its own: the stand-ins stay in the interpreter."""
    return subprocess.run([sys.executable, str(HERE / "tfjs.py"), "--model", str(model), "--out", str(out), *more],
                          capture_output=True, text=True, timeout=120)


def check(model: pathlib.Path, reference: pathlib.Path, folder: pathlib.Path) -> subprocess.CompletedProcess[str]:
    """Run the converted model in Node; the program finds its packages beside itself."""
    if not MODULES.is_dir() or not shutil.which("node"):
        pytest.skip("no Node, or not its packages")
    script = shutil.copy(HERE / "tfjs_check.mjs", folder)
    (folder / "node_modules").symlink_to(MODULES)
    return subprocess.run(["node", script, str(model), str(reference), str(folder / "values.npy")], capture_output=True, text=True, timeout=120)


@pytest.fixture(autouse=True)
def converter() -> None:
    import importlib.util
    if importlib.util.find_spec("tensorflowjs") is None:
        pytest.skip("no tensorflowjs")


def test_the_same_model_gives_the_same_bytes(tmp_path: pathlib.Path) -> None:
    model = sample_models.classes(tmp_path / "model")
    for name in ("a", "b"):
        result = convert(model, tmp_path / name, "--quantize", "uint8")
        assert result.returncode == 0, result.stderr
    files = [{file.name: file.read_bytes() for file in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1] and "model.json" in files[0]


@pytest.mark.parametrize(("kind", "quantize", "limit"), [("binary", "none", 1e-5), ("classes", "none", 1e-5), ("classes", "uint8", 0.05)])
def test_agrees_with_the_savedmodel(tmp_path: pathlib.Path, kind: str, quantize: str, limit: float) -> None:
    model, _, reference = sample_models.reference(kind, tmp_path)
    assert convert(model, tmp_path / "web", "--quantize", quantize).returncode == 0
    result = check(tmp_path / "web", reference, tmp_path)
    assert result.returncode == 0, result.stderr
    assert agreement.main(["--reference", str(reference), "--values", str(tmp_path / "values.npy"), "--exported", str(tmp_path / "web"),
                           "--format", "tfjs", "--quantize", quantize, "--out", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["maxAbsDiff"] < limit and report["examples"] == 60


def test_damaged_models_are_refused(tmp_path: pathlib.Path) -> None:
    model = sample_models.binary(tmp_path / "model")
    (model / "variables" / "variables.index").unlink()
    result = convert(model, tmp_path / "web")
    assert result.returncode == 2 and "error: variables/variables.index is missing" in result.stderr


def test_damaged_weights_are_refused(tmp_path: pathlib.Path) -> None:
    model, _, reference = sample_models.reference("classes", tmp_path)
    assert convert(model, tmp_path / "web").returncode == 0
    next((tmp_path / "web").glob("*.bin")).write_bytes(b"\0\0")
    result = check(tmp_path / "web", reference, tmp_path)
    assert result.returncode == 2 and result.stderr.splitlines()[-1].startswith("error: TensorFlow.js cannot run this model: ")
