"""Make data/train.npz and data/held-out.npz from the digits that scikit-learn ships.

    python split.py data

The rule: an image is held out when the first 8 bytes of the SHA-256 of its 64 grey levels (row by row, one byte each),
taken as a big-endian number, can be divided by 5. Equal images therefore land on the same side.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib

import numpy as np
from sklearn.datasets import load_digits


def held_out(image: np.ndarray) -> bool:
    """Tell the side of an image [8, 8, 1] of uint8."""
    digest = hashlib.sha256(image.tobytes()).digest()
    return int.from_bytes(digest[:8], "big") % 5 == 0


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", type=pathlib.Path)
    target = parser.parse_args(arguments).target

    source = load_digits()
    image, label = source.images.astype(np.uint8)[..., None], source.target.astype(np.uint8)
    out = np.array([held_out(one) for one in image])
    target.mkdir(parents=True, exist_ok=True)
    for name, chosen in (("train.npz", ~out), ("held-out.npz", out)):
        np.savez(target / name, image=image[chosen], label=label[chosen])


if __name__ == "__main__":
    main()
