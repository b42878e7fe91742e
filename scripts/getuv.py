"""Put uv, pinned by hash, into a folder of its own with the image's pip.

    python3 getuv.py --requirements requirements/uv.txt --out DIR

An index given as PIP_INDEX_URL may be plain http inside a company's network. pip would ignore it; what it sends is checked
against the pinned hash, so it may be used. It may also have a certificate by the company's own authority, which the engine
writes into the bundle of the image: Python looks at the folder beside the bundle only, and pip before 24.2, which images of
TensorFlow up to 2.16 have, at a bundle of its own.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import urllib.parse

import step


BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")


def environment(inherited: dict[str, str], bundle: pathlib.Path = BUNDLE) -> dict[str, str]:
    """The variables for pip: the image's bundle is trusted, and an index by plain http counts as one that it may ask."""
    variables = dict(inherited)
    if bundle.exists():
        variables.setdefault("SSL_CERT_FILE", str(bundle))
        variables.setdefault("PIP_CERT", variables["SSL_CERT_FILE"])
    index = urllib.parse.urlsplit(inherited.get("PIP_INDEX_URL", ""))
    if index.scheme == "http":
        variables["PIP_TRUSTED_HOST"] = index.netloc.rpartition("@")[2]
    return variables


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
