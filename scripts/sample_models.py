"""Two small SavedModels with rows to feed them, for the tests of the programs that read a model."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np

COLUMNS = ("width", "height")


def binary(folder: pathlib.Path) -> pathlib.Path:
    """A SavedModel: features [N, 2] float32 → score [N, 1], the probability that width > height."""
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="binary")
            self.weights = tf.Variable([[4.0], [-4.0]], name="weights")

        @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="features")])
        def serve(self, features: Any) -> dict[str, Any]:
            return {"score": tf.sigmoid(features @ self.weights)}

    return save(Model(), folder)


def classes(folder: pathlib.Path) -> pathlib.Path:
    """A SavedModel: image [N, 4, 4, 1] float32 → probs [N, 3], which third of the picture is the brightest."""
    import tensorflow as tf

    class Model(tf.Module):
        def __init__(self) -> None:
            super().__init__(name="classes")
            self.kernel = tf.Variable(np.random.default_rng(1).normal(0.3, 0.05, (3, 3, 1, 4)).astype(np.float32), name="kernel")
            third = np.repeat(np.minimum(np.arange(16) // 6, 2), 4)
            self.dense = tf.Variable(np.eye(3, dtype=np.float32)[third], name="dense")

        @tf.function(input_signature=[tf.TensorSpec([None, 4, 4, 1], tf.float32, name="image")])
        def serve(self, image: Any) -> dict[str, Any]:
            hidden = tf.nn.relu(tf.nn.conv2d(image, self.kernel, 1, "SAME"))
            return {"probs": tf.nn.softmax(tf.reshape(hidden, [-1, 64]) @ self.dense)}

    return save(Model(), folder)


def save(module: Any, folder: pathlib.Path) -> pathlib.Path:
    """Save `module` with its `serve` as the serving signature."""
    import tensorflow as tf

    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve.get_concrete_function()})
    return folder


def table(file: pathlib.Path, count: int = 60) -> pathlib.Path:
    """A CSV of rows for `binary`, with the column `label`."""
    values = np.random.default_rng(2).uniform(0, 1, (count, 2)).astype(np.float32)
    lines = [",".join((*COLUMNS, "label"))] + [f"{w},{h},{int(w > h)}" for w, h in values]
    file.write_text("\n".join(lines) + "\n")
    return file


def images(file: pathlib.Path, count: int = 60) -> pathlib.Path:
    """An .npz of rows for `classes`: `image` [count, 4, 4, 1] float32 and `label` [count]."""
    random = np.random.default_rng(3)
    label = random.integers(0, 3, count)
    image = random.uniform(0, 0.3, (count, 16)).astype(np.float32)
    image[np.minimum(np.arange(16) // 6, 2)[None] == label[:, None]] += 0.7
    np.savez(file, image=image.reshape(count, 4, 4, 1), label=label)
    return file


def reference(kind: str, folder: pathlib.Path) -> tuple[pathlib.Path, pathlib.Path, pathlib.Path]:
    """Make the model `kind` in `folder`, rows for it, and a reference of both: (model, rows, reference)."""
    import evaluate

    model = {"binary": binary, "classes": classes}[kind](folder / "model")
    rows = table(folder / "rows.csv") if kind == "binary" else images(folder / "rows.npz")
    out = folder / "reference"
    assert evaluate.main(["--model", str(model), "--data", str(rows), "--label", "label", "--out", str(folder / "evaluation.json"),
                          "--reference", str(out)]) == 0
    return model, rows, out
