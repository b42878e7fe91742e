"""Choose where to train: on several machines, on all devices of one, or on the only one."""

from __future__ import annotations

import json
import os

import tensorflow as tf


def strategy() -> tf.distribute.Strategy:
    """Return the strategy that the environment asks for; call it before any other operation.

    `TF_CONFIG` with more than one worker means that this process is one of them. Otherwise all
    GPUs that TensorFlow sees are used, or without any the CPU, which may be divided into several.
    """
    if workers() > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    if len(devices) > 1:
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    return tf.distribute.get_strategy()


def workers() -> int:
    """How many workers train together."""
    cluster = _config().get("cluster", {})
    return max(1, len(cluster.get("worker", [])) + len(cluster.get("chief", [])))


def is_chief() -> bool:
    """Whether this worker is the one that writes the model."""
    task = _config().get("task", {})
    has_chief = bool(_config().get("cluster", {}).get("chief"))
    if has_chief:
        return task.get("type") == "chief"
    return int(task.get("index", 0)) == 0


def _config() -> dict:
    return json.loads(os.environ.get("TF_CONFIG") or "{}")
