"""Install TensorFlow from wheels into an image that has Python alone.

    python3 wheels.py --lock FILE --python VERSION --uv UV [--limit SECONDS]

FILE pins every package by version and hash; nothing that is not in it is installed, and nothing is built from source. It is
made for one version of Python: another one is refused before anything is downloaded.
"""

from __future__ import annotations

import argparse
import pathlib
import platform
import subprocess
import sys

import bytecode
import intact
import step


def misfit(wanted: str, there: str) -> str:
    """Why the wheels of one version of Python cannot go into another one, or nothing."""
    if there == wanted or there.startswith(wanted + "."):
        return ""
    return (f"the lock file of the wheels is for Python {wanted}, and the image has Python {there}: "
            f"name one with Python {wanted} under images.python, such as python:{wanted}-slim-bookworm")


def command(uv: str, lock: pathlib.Path) -> list[str]:
    return [uv, "pip", "install", "--python", sys.executable, "--break-system-packages", "--no-deps", "--require-hashes", "--only-binary", ":all:",
            "--requirements", str(lock)]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=pathlib.Path, required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--uv", required=True)
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds")
    options = parser.parse_args(arguments)

    if wrong := misfit(options.python, platform.python_version()):
        return step.fail(wrong)
    status, said = 0, ""

    def run(install: list[str]) -> tuple[int, str]:
        nonlocal status, said
        try:
            result = subprocess.run(install, stderr=subprocess.PIPE, text=True, timeout=options.limit)
        except subprocess.TimeoutExpired:
            status, said = 124, f"it was stopped after {options.limit:g} s: is the package index reachable?"
            return status, said
        status, said = result.returncode, result.stderr
        return status, said

    before = set(intact.distributions())
    bad = intact.install(options.uv, command(options.uv, options.lock), run, lambda: intact.arrived(before))
    if bad:
        return step.fail(f"{', '.join(bad)} arrived damaged, twice: is the disk of the engine sound, and does nothing between it and the package "
                         "index change what it sends?")
    if status != 0:
        return step.fail(f"the wheels in {options.lock.name} cannot be installed:\n{said.strip()}")
    bytecode.write(intact.arrived(before))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
