"""Read the images, and put them in an order that every device and worker agrees on."""

from __future__ import annotations

import pathlib
import zipfile
from typing import NamedTuple

import numpy as np
import tensorflow as tf

SIZE, GREYS, CLASSES = 8, 17, 10


class Images(NamedTuple):
    """Grey levels 0 to 16 as uint8 [N, 8, 8, 1], and which digit each shows as int64 [N]."""

    image: np.ndarray
    label: np.ndarray


def read(path: pathlib.Path) -> Images:
    """Read and check one file; raises ValueError that names it and what is wrong."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            found = Images(arrays["image"], arrays["label"].astype(np.int64))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: expected the arrays image and label: {error}") from error
    if found.image.shape != (len(found.label), SIZE, SIZE, 1) or not len(found.label):
        raise ValueError(f"{path}: image has the shape {found.image.shape}, expected (N, 8, 8, 1)")
    if found.image.max() >= GREYS or found.label.min() < 0 or found.label.max() >= CLASSES:
        raise ValueError(f"{path}: grey levels go from 0 to 16 and labels from 0 to 9")
    return found


def set_aside(images: Images, each: int) -> tuple[Images, Images]:
    """Every `each`-th image is for validation, the same in every run and on every worker."""
    chosen = np.arange(len(images.label)) % each == 0
    return (
        Images(images.image[~chosen], images.label[~chosen]),
        Images(images.image[chosen], images.label[chosen]),
    )


def order(count: int, batch: int, seed: int, epoch: int) -> np.ndarray:
    """Which images each step of an epoch takes: [steps, batch]; the rest sits the epoch out."""
    steps = count // batch
    shuffled = np.random.default_rng([seed, epoch]).permutation(count)
    return shuffled[: steps * batch].reshape(steps, batch)


def share(
    images: Images, chosen: np.ndarray, pipeline: int, pipelines: int, replicas: int
) -> tf.data.Dataset:
    """The part of each step that one of several input pipelines feeds to its replicas.

    `chosen` is what `order` returned; all pipelines together give each of its images once.
    """
    mine = np.split(chosen, pipelines, axis=1)[pipeline].reshape(-1)
    image, label = images.image[mine].astype(np.float32), images.label[mine]
    size = chosen.shape[1] // pipelines // replicas
    return tf.data.Dataset.from_tensor_slices((image, label)).batch(size, drop_remainder=True)
