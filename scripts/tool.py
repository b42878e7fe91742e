"""Install one of the line's own tools, pinned by hash, into a folder of its own.

    python3 tool.py --uv UV --requirements FILE --out DIR
"""

from __future__ import annotations

import argparse
import subprocess
import sys

import bytecode
import intact
import step


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uv", required=True)
    parser.add_argument("--requirements", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    status = 0

    def run(command: list[str]) -> tuple[int, str]:
        nonlocal status
        result = subprocess.run(command, stderr=subprocess.PIPE, text=True)
        sys.stderr.write(result.stderr)
        status = result.returncode
        return status, result.stderr

    command = [options.uv, "pip", "install", "--quiet", "--python", "python3", "--target", options.out, "--no-deps", "--require-hashes",
               "--requirements", options.requirements]
    path = [options.out]
    bad = intact.install(options.uv, command, run, lambda: intact.arrived(path=path), path)
    if bad:
        return step.fail(f"{', '.join(bad)} arrived damaged, twice: is the disk of the engine sound, and does nothing between it and the package "
                         "index change what it sends?")
    if status == 0:
        bytecode.write(intact.arrived(path=path), path)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
