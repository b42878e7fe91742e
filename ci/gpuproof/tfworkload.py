"""Train a small convolutional network on the first card with TensorFlow, and time its steps.

    python3 tfworkload.py --data-path DIR --model-dir DIR --record FILE [--steps N]

It takes the flags of a training script, so that it runs by itself and in scripts/launch.py alike; what makes the
numbers equal is the launcher's. FILE receives the seconds of each step and the digest of the weights. With --look it
only says what TensorFlow is here and which cards it lists, as JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys
import time

import tensorflow as tf  # isort: skip  (first: where it is missing, the message names it)
import numpy as np

BATCH, SIDE, CLASSES = 256, 32, 10
WARM_UP = 30  # steps that are not timed: the function is traced and kernels are chosen in them


def look() -> dict[str, object]:
    build = {
        name: value
        for name, value in dict(tf.sysconfig.get_build_info()).items()
        if name in ("cuda_version", "cudnn_version")
    }
    return {
        "tensorflow": tf.__version__,
        "builtWithCuda": tf.test.is_built_with_cuda(),
        "build": build,
        "gpus": [device.name for device in tf.config.list_physical_devices("GPU")],
    }


def train(steps: int) -> tuple[list[float], str, int]:
    """The seconds of each step, the digest of the weights afterwards, and the most memory of the card that was used."""
    data = np.random.default_rng(7)
    images = tf.constant(data.standard_normal((BATCH, SIDE, SIDE, 3)), tf.float32)
    labels = tf.constant(data.integers(0, CLASSES, BATCH), tf.int32)
    draw = np.random.default_rng(11)

    def weights(*shape: int) -> tf.Variable:
        return tf.Variable(draw.standard_normal(shape) * 0.05, dtype=tf.float32)

    variables = [weights(3, 3, 3, 64), weights(3, 3, 64, 64), weights(SIDE * SIDE // 16 * 64, CLASSES)]

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            value = images
            for kernel in variables[:2]:
                value = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(value, kernel, 1, "SAME")), 2, 2, "SAME")
            value = tf.reshape(value, (BATCH, -1)) @ variables[2]
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=value))
        for variable, gradient in zip(variables, tape.gradient(loss, variables)):
            variable.assign_sub(0.01 * gradient)
        return loss

    times = []
    with tf.device("/GPU:0"):
        for _ in range(WARM_UP + steps):
            began = time.perf_counter()
            step().numpy()  # copies the loss to the host: the step is over then
            times.append(time.perf_counter() - began)
    digest = hashlib.sha256(b"".join(variable.numpy().tobytes() for variable in variables)).hexdigest()
    return times[WARM_UP:], digest, int(tf.config.experimental.get_memory_info("GPU:0")["peak"])


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--look", action="store_true")
    parser.add_argument("--data-path")
    parser.add_argument("--model-dir", type=pathlib.Path)
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args(arguments)
    if options.look:
        print(json.dumps(look()))
        return 0
    seconds, digest, peak = train(options.steps)
    options.record.write_text(json.dumps({"seconds": seconds, "digest": digest, "right": peak > 0}) + "\n")
    # scripts/launch.py wants a model of every script; this one measures, and an empty file will do.
    options.model_dir.mkdir(parents=True, exist_ok=True)
    (options.model_dir / "saved_model.pb").touch()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
