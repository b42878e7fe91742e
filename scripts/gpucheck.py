"""Prove that TensorFlow computes on the GPUs, in the container that is going to train, or say where it stops.

    python3 gpucheck.py --out FILE.json

Three steps, each of which has failed for somebody while the one before it held: the driver lists the cards
(`nvidia-smi -L`), TensorFlow lists them too and its cuDNN fits, and a matrix product placed on each of them (never silently on the CPU) has
the value that NumPy has. Exit status 0 only if all three hold; FILE then and otherwise holds what each step saw.
"""

from __future__ import annotations

import argparse
import ctypes
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import pathlib
import re
import subprocess
import sys
from typing import Any

import step

SMI_SECONDS = 60
SIDE = 256          # of the square matrices that are multiplied
TOLERANCE = 1e-2    # absolute, on sums of 256 products of numbers in [-1, 1): TensorFloat-32 keeps 10 bits of each
CUDNNS = range(7, 12)  # major versions that are looked for, to say what is there
CARD = re.compile(r"^GPU (\d+): (.+) \(UUID: (GPU-[0-9a-fA-F-]+)\)$")

NO_HOOK = """No GPU reaches this container. The engine hands the cards out, not this step: start the engine with
_EXPERIMENTAL_DAGGER_GPU_SUPPORT=1 in the environment of the Dagger CLI that starts it (it then takes the -gpu engine image and
--gpus all), or set it in the environment of an engine that runs already, on a host with an NVIDIA driver and the NVIDIA
container toolkit, and ask for cards with --gpus."""
BAD_DRIVER = """The container has nvidia-smi and the driver does not answer it: the host's kernel module is not loaded, or it is
another version than the library that the toolkit brought in (after a driver update without a reboot).
Run nvidia-smi on the host; reboot it, or install the driver again."""
CPU_WHEEL = """The installed package is {package}, which has no CUDA in it: name the GPU image under images.tensorflow-gpu
(tensorflow/tensorflow:VERSION-gpu), and take tensorflow-cpu out of the requirements."""
NO_LIBRARIES = """The driver works and TensorFlow cannot load CUDA: the libraries that this TensorFlow was built for are not there.
Most often the requirements replaced or removed them (other nvidia-*-cu12 packages, another tensorflow): run gpu-check without
the requirements to see whether they are the cause, and let the image's versions stand. An image without CUDA looks the same."""
WRONG_CUDNN = """Images tensorflow/tensorflow:VERSION-gpu from 2.18 on were published with cuDNN 8.9, and their TensorFlow wants 9.
Add nvidia-cudnn-cu12 to the requirements, in the version that tensorflow[and-cuda] of this TensorFlow asks for (9.3.0.75 for 2.18), or
name an image whose cuDNN fits, such as tensorflow/tensorflow:2.17.0-gpu. A cuDNN of the requirements that is too old looks the same."""
HIDDEN = "CUDA_VISIBLE_DEVICES is set to {value!r}, which hides cards from TensorFlow: remove it, --gpus chooses the cards."
FAILED_OP = """TensorFlow lists the card and cannot compute on it. In this order: the driver is too old for the CUDA of this
TensorFlow (update it on the host, or name an older image); the card is too new or too old for the kernels in it; another
program holds the card's memory (nvidia-smi shows it)."""
WRONG_VALUE = """The card computes other numbers than the CPU: do not train on it.
Run nvidia-smi -q on the host and look for ECC errors or a card that is too hot."""


class Failed(Exception):
    """A step did not hold: what was seen, and why that happens."""

    def __init__(self, number: int, seen: str, why: str) -> None:
        super().__init__(f"GPU check failed at step {number} of 3: {seen}\n{why}")
        self.number = number


@dataclasses.dataclass(frozen=True)
class Card:
    """One line of `nvidia-smi -L`."""

    index: int
    name: str
    uuid: str


def cards(text: str) -> list[Card]:
    """The cards in the output of `nvidia-smi -L`."""
    matches = (CARD.match(line.strip()) for line in text.splitlines())
    return [Card(int(match[1]), match[2], match[3]) for match in matches if match]


def driver() -> list[Card]:
    """Step 1: the cards that the driver lists in this container."""
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=SMI_SECONDS)
    except FileNotFoundError:
        raise Failed(1, "nvidia-smi is not in this container", NO_HOOK) from None
    except OSError as error:
        raise Failed(1, f"nvidia-smi cannot be run ({error})", BAD_DRIVER) from error
    except subprocess.TimeoutExpired:
        raise Failed(1, f"nvidia-smi -L gave no answer within {SMI_SECONDS} s", BAD_DRIVER) from None
    said = (answer.stdout + answer.stderr).strip()
    if answer.returncode != 0:
        raise Failed(1, f"nvidia-smi -L ended with status {answer.returncode} and said: {said or 'nothing'}", BAD_DRIVER)
    if not (found := cards(answer.stdout)):
        raise Failed(1, f"nvidia-smi -L listed no GPU, it said: {said or 'nothing'}", NO_HOOK)
    return found


def package() -> str:
    """The TensorFlow distribution that is installed, with its version."""
    names = ("tensorflow-cpu", "tensorflow", "tf-nightly", "intel-tensorflow")
    for name in names:
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return "none of " + ", ".join(names)


def cudnn_version(number: int) -> tuple[int, int, int]:
    """What cudnnGetVersion says, as a version: 8904 is 8.9.4, and 90300 is 9.3.0."""
    unit = 1000 if number < 10000 else 10000
    return number // unit, number % unit // 100, number % 100


def cudnn_fault(wanted: str | None, found: dict[int, int | str], loaded: bool) -> str | None:
    """Why no cuDNN here fits a TensorFlow that was built for version `wanted`, such as 9 or 9.3.0; None where one does.

    `found` has, for each major version that was looked for, what its library says of itself, or what the loader says of the library.
    `loaded` is whether TensorFlow has its libraries: then it found a cuDNN in a place of its own where the loader knows none.
    """
    match = re.match(r"(\d+)(?:\.(\d+))?", wanted or "")
    if match is None:
        return None
    major, minor = int(match[1]), int(match[2] or 0)
    seen = found.get(major, "it was not looked for")
    if isinstance(seen, str):
        if loaded:
            return None
        others = [".".join(map(str, cudnn_version(number))) for number in found.values() if isinstance(number, int)]
        return f"TensorFlow wants cuDNN {wanted}, and {seen}" + (f"; cuDNN {', '.join(others)} is here" if others else "")
    version = cudnn_version(seen)
    if (version[0], version[1]) >= (major, minor) and version[0] == major:
        return None
    return f"TensorFlow wants cuDNN {wanted} or newer, and libcudnn.so.{major} is {'.'.join(map(str, version))}"


def cudnns() -> dict[int, int | str]:
    """The cuDNN libraries of this container, as cudnn_fault takes them."""
    return {major: load_cudnn(major) for major in CUDNNS}


def load_cudnn(major: int) -> int | str:
    """The version of the library as it says itself, or what the loader says where there is none."""
    name = f"libcudnn.so.{major}"
    package = importlib.util.find_spec("nvidia") and importlib.util.find_spec("nvidia.cudnn")
    folders = list(package.submodule_search_locations or ()) if package else []
    said = ""
    # A library of TensorFlow's own package comes first: it is what TensorFlow itself takes.
    for place in [*(str(path) for folder in folders if (path := pathlib.Path(folder, "lib", name)).is_file()), name]:
        try:
            version = ctypes.CDLL(place).cudnnGetVersion
            version.restype = ctypes.c_size_t
            return int(version())
        except (OSError, AttributeError) as error:
            said = said or str(error)
    return said


def devices(tf: Any, listed: list[Card]) -> list[str]:
    """Step 2: the GPUs that TensorFlow lists, at least as many as the driver does."""
    found = [device.name.removeprefix("/physical_device:") for device in tf.config.list_physical_devices("GPU")]
    fault = cudnn_fault(tf.sysconfig.get_build_info().get("cudnn_version"), cudnns(), bool(found))
    if len(found) >= len(listed):
        if fault is not None:
            raise Failed(2, fault, WRONG_CUDNN)
        return found
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None:
        why = HIDDEN.format(value=hidden)
    elif not tf.test.is_built_with_cuda():
        why = CPU_WHEEL.format(package=package())
    elif fault is not None:
        why = f"{fault}.\n{WRONG_CUDNN}"
    else:
        why = NO_LIBRARIES
    cards_seen = ", ".join(card.uuid for card in listed)
    raise Failed(2, f"nvidia-smi lists {len(listed)} GPU(s) ({cards_seen}), TensorFlow {len(found)} ({package()})", why)


def compute(tf: Any, device: str) -> float:
    """Step 3: the largest difference between a product computed on `device` and NumPy's; raises Failed."""
    import numpy as np

    left, right = np.random.default_rng(7).uniform(-1, 1, (2, SIDE, SIDE)).astype(np.float32)
    try:
        with tf.device(f"/{device}"):
            product = tf.linalg.matmul(tf.constant(left), tf.constant(right))
        value = product.numpy()
    except (tf.errors.OpError, RuntimeError) as error:
        raise Failed(3, f"a matrix product on /{device}: {str(error).splitlines()[0]}", FAILED_OP) from error
    if not product.device.endswith(device):
        raise Failed(3, f"a matrix product for /{device} was computed on {product.device}", FAILED_OP)
    difference = float(np.max(np.abs(value - left @ right)))
    if not difference <= TOLERANCE:
        raise Failed(3, f"a matrix product on /{device} is {difference:.3g} off, at most {TOLERANCE:g} is rounding", WRONG_VALUE)
    return difference


def check(report: dict[str, Any]) -> None:
    """Run the three steps and put what each saw into `report`; raises Failed at the first that does not hold."""
    listed = driver()
    report["cards"] = [dataclasses.asdict(card) for card in listed]
    print("1. driver: " + ", ".join(f"{card.name} ({card.uuid})" for card in listed), flush=True)
    try:
        import tensorflow as tf
    except ImportError as error:
        raise Failed(2, f"TensorFlow cannot be imported: {error}", NO_LIBRARIES) from error
    report["tensorflow"] = package()
    found = report["devices"] = devices(tf, listed)
    print(f"2. TensorFlow ({package()}): {', '.join(found)}", flush=True)
    tf.config.set_soft_device_placement(False)
    for device in found:
        report["differences"][device] = compute(tf, device)
        print(f"3. product on {device}: {report['differences'][device]:.2g} off NumPy's", flush=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    report: dict[str, Any] = {
        "passed": False, "failedStep": None, "reason": None, "tensorflow": None, "cards": [], "devices": [], "differences": {},
    }
    try:
        check(report)
        report["passed"] = True
    except Failed as failed:
        report["failedStep"], report["reason"] = failed.number, str(failed)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    return 0 if report["passed"] else step.fail(report["reason"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
