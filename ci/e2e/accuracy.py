"""Load a SavedModel and print its accuracy on a table of held-out rows, with nothing of the line's own code.

    python3 accuracy.py MODEL ROWS.csv LABEL
"""

from __future__ import annotations

import csv
import json
import sys

import numpy as np
import tensorflow as tf


def main(model: str, table: str, label: str) -> None:
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != label]
    features = np.array([[float(row[name]) for name in names] for row in rows], np.float32)
    truth = np.array([float(row[label]) > 0.5 for row in rows])
    signature = tf.saved_model.load(model).signatures["serving_default"]
    (name,) = signature.structured_input_signature[1]
    (scores,) = signature(**{name: tf.constant(features)}).values()
    right = (scores.numpy()[:, 0] > 0.5) == truth
    print(json.dumps({"accuracy": float(right.mean()), "examples": len(rows)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
