"""Run a training script as `python SCRIPT ARGUMENT...` would, after fixing what makes two runs differ.

    python3 seeded.py SEED MODE SCRIPT ARGUMENT...

MODE `off` changes nothing. Otherwise Python, NumPy and TensorFlow are seeded and, except in mode `seeded`, TensorFlow's operations
are made deterministic before the script's first line: both must happen before any operation, so a script cannot be asked to.
"""

from __future__ import annotations

import os
import runpy
import sys


def main(arguments: list[str]) -> None:
    seed, mode, script, *rest = arguments
    if mode != "off":
        import tensorflow as tf

        tf.keras.utils.set_random_seed(int(seed))
        if mode != "seeded":
            tf.config.experimental.enable_op_determinism()
    sys.argv = [script, *rest]
    sys.path[0] = os.path.dirname(os.path.abspath(script))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
