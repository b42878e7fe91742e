"""Part of a stand-in for TensorFlow Serving: one version of a model, loaded with TensorFlow."""

from __future__ import annotations

import pathlib
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from .status import Status, invalid

WARMUP = "assets.extra/tf_serving_warmup_requests"
MOST_WARMUPS = 1000
DEFAULT_SIGNATURE = "serving_default"


class Servable:
    """A SavedModel that answers; loading it raises Status."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        try:
            described = saved_model_pb2.SavedModel.FromString((path / "saved_model.pb").read_bytes())
            self.signatures = next(graph for graph in described.meta_graphs if "serve" in graph.meta_info_def.tags).signature_def
            self._model = tf.saved_model.load(str(path))  # holds the variables that the functions use
        except StopIteration as error:
            raise Status("NOT_FOUND", f"Could not find meta graph def matching supplied tags: {{ serve }} in {path}") from error
        except Exception as error:  # the loader raises whatever a damaged part leads it to
            raise Status("DATA_LOSS", f"{type(error).__name__}: {error}") from error

    def signature(self, name: str) -> Any:
        """The SignatureDef of that name; raises Status."""
        if name not in self.signatures:
            raise Status("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def predict(self, name: str, inputs: dict[str, np.ndarray], wanted: list[str]) -> dict[str, np.ndarray]:
        """The outputs `wanted` of a signature, all of them for none; raises Status."""
        signature = self.signature(name)
        asked, known = set(inputs), set(signature.inputs)
        if len(asked) != len(known):
            raise invalid(f"input size does not match signature: {len(asked)}!={len(known)} len({{{listed(asked)}}}) != "
                          f"len({{{listed(known)}}}). Sent extra: {{{listed(asked - known)}}}. "
                          f"Missing but required: {{{listed(known - asked)}}}.")
        for alias in asked - known:
            raise invalid(f"input tensor alias not found in signature: {alias}. Inputs expected to be in the set {{{listed(known)}}}.")
        for alias in wanted:
            if alias not in signature.outputs:
                raise invalid(f"output tensor alias not found in signature: {alias} Outputs expected to be in the set "
                              f"{{{listed(signature.outputs)}}}.")
        tensors = {}
        for alias, values in inputs.items():
            dtype = tf.dtypes.as_dtype(signature.inputs[alias].dtype)
            given = tf.string if values.dtype == object else tf.dtypes.as_dtype(values.dtype)
            if given != dtype:
                raise invalid(f"Expects {alias} to be {dtype.name} but {given.name} is provided")
            tensors[alias] = tf.constant(values, dtype)
        try:
            answer = self._model.signatures[name](**tensors)
        except (tf.errors.OpError, ValueError, TypeError) as error:
            raise invalid(str(error)) from error
        return {alias: answer[alias].numpy() for alias in wanted or answer}

    def warm_up(self) -> int:
        """Answer the requests that lie in the model; returns how many there were, and raises Status on one that fails."""
        file = self.path / WARMUP
        if not file.is_file():
            return 0
        count = 0
        try:
            for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
                count += 1
                if count > MOST_WARMUPS:
                    raise invalid(f"Number of warmup records exceeds the maximum ({MOST_WARMUPS}) at {file}")
                log = prediction_log_pb2.PredictionLog.FromString(record)
                if log.WhichOneof("log_type") != "predict_log":
                    raise Status("UNIMPLEMENTED", f"Unsupported log_type for warmup: {log.WhichOneof('log_type')}")
                request = log.predict_log.request
                self.predict(request.model_spec.signature_name or DEFAULT_SIGNATURE, unpacked(request.inputs), list(request.output_filter))
        except tf.errors.DataLossError as error:
            raise Status("DATA_LOSS", f"{error.message}. Please verify your warmup data is in TFRecord format.") from error
        return count


def unpacked(inputs: Any) -> dict[str, np.ndarray]:
    """The arrays in a request's tensors; raises Status."""
    arrays = {}
    for alias, tensor in inputs.items():
        try:
            arrays[alias] = tf.make_ndarray(tensor)
        except (ValueError, TypeError) as error:
            raise invalid(f"tensor parsing error: {alias}") from error
    return arrays


def listed(names: Any) -> str:
    return ",".join(sorted(names))
