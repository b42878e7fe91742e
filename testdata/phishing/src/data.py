"""Read the table, set rows aside for validation, and put the rest in a repeatable order."""

from __future__ import annotations

import pathlib
from typing import NamedTuple

import numpy as np
import pandas as pd
import tensorflow as tf
from sklearn.model_selection import train_test_split

from src import features


class Rows(NamedTuple):
    """Features as float32 [N, 9] and labels as float32 [N]."""

    x: np.ndarray
    y: np.ndarray


def read(path: pathlib.Path) -> Rows:
    """Read and check one CSV file; raises ValueError that names the file and what is wrong."""
    frame = pd.read_csv(path)
    try:
        features.check(frame)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Rows(
        frame[list(features.FEATURES)].to_numpy(np.float32),
        frame[features.LABEL].to_numpy(np.float32),
    )


def set_aside(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Split into training and validation rows with equal shares of each label.

    The same rows in every run, so that a resumed run validates on nothing it was trained on.
    """
    x, validation_x, y, validation_y = train_test_split(
        rows.x, rows.y, test_size=share, random_state=0, stratify=rows.y
    )
    return Rows(x, y), Rows(validation_x, validation_y)


def batches(rows: Rows, size: int, seed: int, epochs: range) -> tuple[tf.data.Dataset, int]:
    """Batches of all the epochs, one after the other, and how many there are in one epoch.

    The order within an epoch follows from the seed and the epoch's number alone, so that a run
    that starts again at epoch 7 sees what an uninterrupted run saw there. Rows that fill no
    whole batch sit that epoch out.
    """
    size = min(size, len(rows.y))
    steps = len(rows.y) // size
    orders = [
        np.random.default_rng([seed, epoch]).permutation(len(rows.y))[: steps * size]
        for epoch in epochs
    ]
    x, y = tf.constant(rows.x), tf.constant(rows.y)
    order = tf.data.Dataset.from_tensor_slices(np.concatenate(orders)).batch(size)
    return order.map(lambda index: (tf.gather(x, index), tf.gather(y, index))), steps
