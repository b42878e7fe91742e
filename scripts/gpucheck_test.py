"""Tests of gpucheck.py with a stand-in for the driver, and one for TensorFlow's view of it."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import types

import gpucheck
import numpy as np
import pytest

HERE = pathlib.Path(__file__).parent
TWO = ("GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-1b2c3d4e-0000-1111-2222-333344445555)\n"
       "  MIG 1g.10gb     Device  0: (UUID: MIG-aaaa)\n"
       "GPU 1: NVIDIA A100-SXM4 (40GB) (UUID: GPU-9b2c3d4e-0000-1111-2222-333344445555)\n")


def run(tmp_path: pathlib.Path, script: str | None, **environment: str) -> tuple[subprocess.CompletedProcess[str], dict]:
    """Run the program where nvidia-smi is `script`, or where there is none."""
    if script is not None:
        (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n" + script)
        (tmp_path / "nvidia-smi").chmod(0o755)
    report = tmp_path / "new" / "gpu.json"
    result = subprocess.run([sys.executable, str(HERE / "gpucheck.py"), "--out", str(report)], capture_output=True, text=True, timeout=120,
                            env={"PATH": f"{tmp_path}", "TF_CPP_MIN_LOG_LEVEL": "3", **environment})
    return result, json.loads(report.read_text())


@pytest.mark.parametrize(("script", "messages"), [
    (None, ["step 1 of 3: nvidia-smi is not in this container", "_EXPERIMENTAL_DAGGER_GPU_SUPPORT=1"]),
    ("echo 'No devices found.'", ["step 1 of 3: nvidia-smi -L listed no GPU, it said: No devices found."]),
    ("echo 'Driver/library version mismatch' >&2; exit 18",
     ["nvidia-smi -L ended with status 18 and said: Driver/library version mismatch", "reboot it"]),
])
def test_without_a_driver_it_fails_at_the_first_step(tmp_path: pathlib.Path, script: str | None, messages: list[str]) -> None:
    result, report = run(tmp_path, script)
    assert result.returncode == 2 and report["failedStep"] == 1 and not report["passed"]
    errors = "\n".join(line for line in result.stderr.splitlines() if line.startswith("error: "))
    for message in messages:
        assert message in errors


def test_a_driver_without_cuda_fails_at_the_second_step(tmp_path: pathlib.Path) -> None:
    pytest.importorskip("tensorflow")
    listing = "\n".join(f"echo '{line}'" for line in TWO.splitlines())
    result, report = run(tmp_path, listing)
    assert result.returncode == 2 and report["failedStep"] == 2
    assert "nvidia-smi lists 2 GPU(s) (GPU-" in result.stderr and "), TensorFlow 0" in result.stderr
    assert [card["name"] for card in report["cards"]] == ["NVIDIA H100 80GB HBM3", "NVIDIA A100-SXM4 (40GB)"]


def test_reads_the_drivers_list() -> None:
    assert [card.uuid[:12] for card in gpucheck.cards(TWO)] == ["GPU-1b2c3d4e", "GPU-9b2c3d4e"]
    assert gpucheck.cards("GPU 0: broken\n") == []


# What the loader, cuDNN 8.9.4 and cuDNN 9.3.0 said.
GONE = "libcudnn.so.9: cannot open shared object file: No such file or directory"


@pytest.mark.parametrize(("wanted", "found", "loaded", "fault"), [
    ("9", {8: 8904, 9: GONE}, False, f"TensorFlow wants cuDNN 9, and {GONE}; cuDNN 8.9.4 is here"),
    ("9", {9: GONE}, False, f"TensorFlow wants cuDNN 9, and {GONE}"),
    ("9", {}, False, "TensorFlow wants cuDNN 9, and it was not looked for"),
    ("9", {9: 90300}, False, None),
    ("9", {8: 8904, 9: 90300}, True, None),
    ("9", {9: GONE}, True, None),  # TensorFlow has loaded one from a place of its own
    ("9.3.0", {9: 90300}, True, None),
    ("9.10", {9: 91002}, True, None),
    ("9.10", {9: 90300}, True, "TensorFlow wants cuDNN 9.10 or newer, and libcudnn.so.9 is 9.3.0"),
    ("8", {8: 8904}, True, None),
    ("8", {8: 90300}, True, "TensorFlow wants cuDNN 8 or newer, and libcudnn.so.8 is 9.3.0"),
    (None, {8: 8904}, False, None),
    ("", {}, False, None),
    ("unknown", {}, False, None),
])
def test_names_a_cudnn_that_does_not_fit(wanted: str | None, found: dict[int, int | str], loaded: bool, fault: str | None) -> None:
    assert gpucheck.cudnn_fault(wanted, found, loaded) == fault


@pytest.mark.parametrize(("number", "version"), [(7605, (7, 6, 5)), (8904, (8, 9, 4)), (90300, (9, 3, 0)), (91002, (9, 10, 2))])
def test_reads_cudnns_own_number(number: int, version: tuple[int, int, int]) -> None:
    assert gpucheck.cudnn_version(number) == version


def test_a_library_that_is_not_there_is_what_the_loader_says() -> None:
    assert gpucheck.load_cudnn(99) == "libcudnn.so.99: cannot open shared object file: No such file or directory"


class FakeTensorflow:
    """TensorFlow with `count` GPUs, whose products are `error` off and are computed on `where` (None: as asked)."""

    errors = types.SimpleNamespace(OpError=ValueError)

    def __init__(self, count: int, *, cuda: bool = True, error: float = 0.0, where: str | None = None, raises: str = "",
                 cudnn: str | None = None) -> None:
        self.sysconfig = types.SimpleNamespace(get_build_info=lambda: {"cudnn_version": cudnn} if cudnn else {})
        names = [types.SimpleNamespace(name=f"/physical_device:GPU:{i}") for i in range(count)]
        self.config = types.SimpleNamespace(list_physical_devices=lambda kind: names, set_soft_device_placement=self._place)
        self.test = types.SimpleNamespace(is_built_with_cuda=lambda: cuda)
        self.linalg = types.SimpleNamespace(matmul=self._multiply)
        self.error, self.where, self.raises, self.soft = error, where, raises, True

    def _place(self, soft: bool) -> None:
        self.soft = soft

    def device(self, name: str) -> FakeTensorflow:
        self.asked = name
        return self

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    constant = staticmethod(lambda value: value)

    def _multiply(self, left: np.ndarray, right: np.ndarray) -> types.SimpleNamespace:
        assert not self.soft
        if self.raises:
            raise ValueError(self.raises)
        device = self.where or "/job:localhost/device:" + self.asked[1:]
        return types.SimpleNamespace(numpy=lambda: left @ right + np.float32(self.error), device=device)


@pytest.mark.parametrize(("fake", "hidden", "number", "message"), [
    (FakeTensorflow(0, cuda=False), None, 2, "which has no CUDA in it"),
    (FakeTensorflow(1), None, 2, "TensorFlow 1"),
    (FakeTensorflow(0), None, 2, "Most often the requirements replaced or removed them"),
    (FakeTensorflow(0), "-1", 2, "CUDA_VISIBLE_DEVICES is set to '-1'"),
    (FakeTensorflow(0, cudnn="9"), None, 2, "TensorFlow wants cuDNN 9, and libcudnn.so.9: cannot open shared object file"),
    (FakeTensorflow(0, cudnn="9"), None, 2, "Add nvidia-cudnn-cu12 to the requirements"),
    (FakeTensorflow(0, cudnn="8"), None, 2, "Most often the requirements replaced or removed them"),
    (FakeTensorflow(2, cudnn="8.10"), None, 2, "TensorFlow wants cuDNN 8.10 or newer, and libcudnn.so.8 is 8.9.4"),
    (FakeTensorflow(2, raises="CUDA driver version is insufficient\ntrace"), None, 3, "GPU:0: CUDA driver version is insufficient\n"),
    (FakeTensorflow(2, where="/device:CPU:0"), None, 3, "was computed on /device:CPU:0"),
    (FakeTensorflow(2, error=0.5), None, 3, "is 0.5 off, at most 0.01 is rounding"),
    (FakeTensorflow(2, error=float("nan")), None, 3, "is nan off"),
])
def test_names_the_step_that_failed(monkeypatch: pytest.MonkeyPatch, fake: FakeTensorflow, hidden: str | None, number: int, message: str) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    monkeypatch.setattr(gpucheck, "driver", lambda: gpucheck.cards(TWO))
    monkeypatch.setattr(gpucheck, "cudnns", lambda: {8: 8904, 9: GONE})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if hidden is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    with pytest.raises(gpucheck.Failed) as failed:
        gpucheck.check({"differences": {}})
    assert failed.value.number == number and message in str(failed.value)


def test_passes_when_all_three_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", FakeTensorflow(2, error=1e-4))
    monkeypatch.setattr(gpucheck, "driver", lambda: gpucheck.cards(TWO))
    assert gpucheck.main(["--out", str(tmp_path / "gpu.json")]) == 0
    report = json.loads((tmp_path / "gpu.json").read_text())
    assert report["passed"] and report["failedStep"] is None and list(report["differences"]) == ["GPU:0", "GPU:1"]
