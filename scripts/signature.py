"""A signature of a SavedModel as what is asked for answers: its inputs, its outputs, and calls in batches.

Keras is not used: what answers is what would be served.
"""

from __future__ import annotations

import os
import pathlib

import numpy as np

import heldout
import savedmodel
from heldout import Unfit


class Signature:
    """One signature of a loaded SavedModel: what it wants, and what it answers."""

    def __init__(self, directory: pathlib.Path, name: str) -> None:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow as tf

        self._tf = tf
        savedmodel.check(directory, name)
        try:
            self._model = tf.saved_model.load(str(directory))  # holds the variables that the function uses
            self._call = self._model.signatures[name]
        except Exception as error:  # the loader raises whatever a damaged part leads it to
            raise Unfit(f"the SavedModel in {directory} cannot be loaded: {first_line(error)}; export it again") from error
        self.name = name
        self.outputs = sorted(self._call.structured_outputs)
        self.inputs: dict[str, heldout.Input] = {}
        for key, spec in self._call.structured_input_signature[1].items():
            if not isinstance(spec, tf.TensorSpec):
                raise Unfit(f"the input {key!r} of the signature {name!r} is a {type(spec).__name__}: "
                            "only dense inputs can be evaluated")
            shape = None if spec.shape.rank is None else tuple(spec.shape)
            self.inputs[key] = heldout.Input(shape, np.dtype(spec.dtype.as_numpy_dtype))

    def output(self, wanted: str | None) -> str:
        """The output to evaluate; raises Unfit when it is not there, or when nothing tells which it is."""
        if wanted in self.outputs:
            return wanted
        if wanted is None and len(self.outputs) == 1:
            return self.outputs[0]
        problem = "has several outputs" if wanted is None else f"has no output {wanted!r}"
        raise Unfit(f"the signature {self.name!r} {problem}: name one of {heldout.listed(self.outputs)}")

    def predict(self, feed: dict[str, np.ndarray], output: str, batch: int) -> np.ndarray:
        """Call the signature in batches and return one output for all rows.

        A signature made for one size of batch is called with that size; rows that fill the last one are repeated.
        """
        rows = len(next(iter(feed.values()), ()))
        fixed = {wanted.shape[0] for wanted in self.inputs.values() if wanted.shape} - {None}
        size = fixed.pop() if fixed else batch
        parts = []
        for start in range(0, rows, size):
            index = np.arange(start, start + size if fixed or size != batch else min(start + size, rows)) % rows
            tensors = {name: self._tf.constant(values[index]) for name, values in feed.items()}
            try:
                part = self._call(**tensors)[output].numpy()
            except (self._tf.errors.OpError, ValueError, TypeError) as error:
                last = min(start + len(index), rows)
                raise Unfit(f"the signature {self.name!r} failed on rows {start + 1} to {last}: {first_line(error)}") from error
            if part.shape[:1] != index.shape:
                raise Unfit(f"the output {output!r} has the shape {list(part.shape)} for {len(index)} rows: "
                            "name an output with one row for each")
            parts.append(part[: rows - start])
        return np.concatenate(parts)


def first_line(error: Exception) -> str:
    """What an exception says, short enough for a log."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]
