"""Put uv, pinned by hash, into a folder of its own with the image's pip.

    python3 getuv.py --requirements requirements/uv.txt --out DIR

An index given as PIP_INDEX_URL may be plain http inside a company's network. pip would ignore it; what it sends is checked
against the pinned hash, so it may be used.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import urllib.parse

import step


def environment(inherited: dict[str, str]) -> dict[str, str]:
    """The variables for pip: an index by plain http counts as one that it may ask."""
    index = urllib.parse.urlsplit(inherited.get("PIP_INDEX_URL", ""))
    if index.scheme != "http":
        return inherited
    return {**inherited, "PIP_TRUSTED_HOST": index.netloc.rpartition("@")[2]}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requirements", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    result = subprocess.run([
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--root-user-action", "ignore", "--no-input",
        "--no-cache-dir", "--no-compile", "--require-hashes", "--only-binary", ":all:",
        "--target", options.out, "--requirement", options.requirements,
    ], env=environment(dict(os.environ)))
    if result.returncode != 0:
        return step.fail("uv cannot be had from the package index: is the index reachable, and are its name and password right?")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
