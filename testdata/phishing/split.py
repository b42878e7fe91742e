"""Make data/train.csv and data/held-out.csv from the phishing table that the PyPI package river ships.

    pip download --no-deps river==0.26.1
    unzip -p river-0.26.1-*.whl river/datasets/phishing.csv.gz > phishing.csv.gz
    python split.py phishing.csv.gz data

The rule: a row is held out when the first 8 bytes of the SHA-256 of its nine features, as they are written in the
source and joined by commas, taken as a big-endian number, can be divided by 5. Rows that describe the same page
therefore land on the same side, whatever their label: nothing that is tested has been trained on.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import pathlib

SOURCE_SHA256 = "d8a6d44bd9672e852b8a53ad2c64229f81972158a77d981073a98b17c27af7a9"


def held_out(row: str) -> bool:
    """Tell the side of a row: nine features and the label, joined by commas."""
    observed, _, _ = row.rpartition(",")
    digest = hashlib.sha256(observed.encode()).digest()
    return int.from_bytes(digest[:8], "big") % 5 == 0


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=pathlib.Path)
    parser.add_argument("target", type=pathlib.Path)
    options = parser.parse_args(arguments)

    packed = options.source.read_bytes()
    if (found := hashlib.sha256(packed).hexdigest()) != SOURCE_SHA256:
        parser.error(f"{options.source} has SHA-256 {found}, river 0.26.1 ships {SOURCE_SHA256}")
    header, *rows = gzip.decompress(packed).decode().splitlines()
    options.target.mkdir(parents=True, exist_ok=True)
    for name, side in (("train.csv", False), ("held-out.csv", True)):
        chosen = [row for row in rows if held_out(row) is side]
        (options.target / name).write_text("\n".join([header, *chosen]) + "\n", newline="\n")


if __name__ == "__main__":
    main()
