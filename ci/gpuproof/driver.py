"""Look at the NVIDIA driver of this machine and run a kernel on each card; print what was seen as JSON.

    python3 driver.py [--libcuda PATH]

Exit status 0 when every card gave the right values. A program of its own: a driver that crashes or hangs takes only
this one along.
"""

from __future__ import annotations

import argparse
import array
import ctypes
import glob
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
from typing import Any

import libcuda

ELEMENTS = 1 << 18
SMI_SECONDS = 20
SMI_FOLDER = "/usr/local/nvidia/bin"  # where some container runtimes put it, off the PATH
VERSION_FILES = ("/proc/driver/nvidia/version", "/sys/module/nvidia/version")


def device_files() -> list[str]:
    """The device files of NVIDIA's driver, or of the Windows host's below WSL."""
    return sorted(glob.glob("/dev/nvidia*") + glob.glob("/dev/dxg"))


def driver_version(texts: list[str]) -> str:
    """The kernel module's version in what its files say; empty where none says it."""
    for text in texts:
        if found := re.search(r"\b(\d{3}\.\d+(?:\.\d+)?)\b", text):
            return found[1]
    return ""


def smi_path() -> str | None:
    return shutil.which("nvidia-smi", path=os.pathsep.join((os.environ.get("PATH", ""), SMI_FOLDER)))


def smi() -> str:
    """The cards and the driver as nvidia-smi names them, or why it does not."""
    if (program := smi_path()) is None:
        return "not here"
    try:
        answer = subprocess.run(
            [program, "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=SMI_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"gave no answer: {error}"
    return "; ".join((answer.stdout or answer.stderr).strip().splitlines()) or f"ended with status {answer.returncode}"


def compute(context: libcuda.Context, elements: int = ELEMENTS) -> None:
    """Run both kernels on fresh numbers; raises Failed when one value of the results is off."""
    # Whole numbers of up to 11 bits: the sums are exact in float32, so that every card must give the same bits.
    factor = random.randrange(1, 2048)
    left, right = (array.array("f", random.choices(range(-2048, 2048), k=elements)) for _ in range(2))
    poison = array.array("f", [float("nan")]) * elements
    out, x, y = context.put(poison), context.put(left), context.put(right)
    context.launch(context.kernel("axpy"), elements, out, x, y, ctypes.c_float(factor), ctypes.c_uint(elements))
    context.wait()
    same(
        "axpy",
        context.get(out, array.array("f", poison)),
        array.array("f", (factor * a + b for a, b in zip(left, right, strict=True))),
    )

    rounds = random.randrange(100, 1000)
    context.launch(context.kernel("grind"), elements, out, ctypes.c_uint(elements), ctypes.c_uint(rounds))
    context.wait()
    same("grind", context.get(out, array.array("I", bytes(4 * elements))), libcuda.ground(rounds, elements))


def same(kernel: str, got: array.array, want: array.array) -> None:
    """Raise Failed unless every value is the one wanted."""
    if got == want:
        return
    wrong = [at for at, (one, other) in enumerate(zip(got, want, strict=True)) if one != other]
    raise libcuda.Failed(
        f"the kernel {kernel} left {len(wrong)} of {len(want)} values wrong, the first at {wrong[0]}: {got[wrong[0]]}, "
        f"want {want[wrong[0]]}; do not train on this card, and look at nvidia-smi -q for ECC errors"
    )


def look(path: str, facts: dict[str, Any]) -> None:
    """Fill in the facts, one after the other; raises Failed at the first that does not hold."""
    files = facts["deviceFiles"] = device_files()
    facts["visible"] = os.environ.get("CUDA_VISIBLE_DEVICES")
    texts = [pathlib.Path(name).read_text() for name in VERSION_FILES if os.path.isfile(name)]
    facts["driver"] = driver_version(texts)
    facts["nvidiaSmi"] = smi()
    try:
        driver = libcuda.Driver(path)
    except libcuda.Failed as failed:
        seen = (
            "there are no NVIDIA device files (/dev/nvidia0, /dev/nvidiactl, /dev/nvidia-uvm)"
            if not files
            else "the device files are " + ", ".join(files)
        )
        hidden = f"; CUDA_VISIBLE_DEVICES is {facts['visible']!r}" if facts["visible"] is not None else ""
        raise libcuda.Failed(f"{failed}; {seen}{hidden}", failed.code) from failed
    facts["library"], facts["cuda"] = driver.path, driver.version()
    cards = driver.cards()
    facts["cards"] = [
        {
            "name": card.name,
            "uuid": card.uuid,
            "memory": card.memory,
            "capability": card.capability / 10,
            "multiprocessors": card.multiprocessors,
        }
        for card in cards
    ]
    facts["computed"] = []
    for card in cards:
        try:
            with libcuda.Context(driver, card) as context:
                compute(context)
        except libcuda.Failed as failed:
            raise libcuda.Failed(f"card {card.index} ({card.name}): {failed}", failed.code) from failed
        facts["computed"].append(card.index)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--libcuda", default="", help="the driver's library, where it is not found by its name")
    options = parser.parse_args(arguments)
    facts: dict[str, Any] = {}
    report: dict[str, Any] = {"passed": True, "reason": "", "code": 0, "facts": facts}
    try:
        look(options.libcuda, facts)
    except libcuda.Failed as failed:
        report.update(passed=False, reason=str(failed), code=failed.code)
    print(json.dumps(report))
    return 0 if report["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
