"""Read a SavedModel's protocol buffers and its checkpoint without running anything of them, and digest their values.

modeldigest.py says what the digests are.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import struct
import sys
from collections.abc import Iterable
from typing import Any

INIT_OP = "__saved_model_init_op"  # the loader's own signature, nothing to call


class Fault(Exception):
    """Why the model has no digest, for the person who reads the log."""


def mix(*parts: bytes | str | int | Iterable) -> bytes:
    """H of the definition."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, (str, int)):
            part = str(part).encode()
        elif not isinstance(part, bytes):
            part = mix(*part)
        total.update(struct.pack("<Q", len(part)))
        total.update(part)
    return total.digest()


class Model:
    """The protocol buffers of a SavedModel and its checkpoint, read but not run."""

    def __init__(self, directory: pathlib.Path) -> None:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
        import tensorflow as tf
        from google.protobuf.message import DecodeError
        from tensorflow.core.protobuf import saved_model_pb2, trackable_object_graph_pb2

        self.tf, self.directory = tf, directory
        file = directory / "saved_model.pb"
        if not directory.is_dir():
            raise Fault(f"{directory} is not a folder: name the one that holds saved_model.pb")
        if not file.is_file():
            raise Fault(f"{file} is missing: name the folder of a SavedModel, written by model.export(model_dir)")
        saved = saved_model_pb2.SavedModel()
        try:
            saved.ParseFromString(file.read_bytes())
        except DecodeError as error:
            raise Fault(f"{file} ({file.stat().st_size:,} bytes) is damaged or cut off: export or copy the model again") from error
        serving = [graph for graph in saved.meta_graphs if "serve" in graph.meta_info_def.tags]
        if not serving:
            tags = [list(graph.meta_info_def.tags) for graph in saved.meta_graphs]
            raise Fault(f"{file} has no graph with the tag 'serve' (it has: {tags}): export or copy the model again")
        self.graph = serving[0]
        self.objects = self.graph.object_graph_def.nodes
        self.functions = {function.signature.name: function for function in self.graph.graph_def.library.function}
        self.reader: Any = None
        self.tracked = trackable_object_graph_pb2.TrackableObjectGraph()
        self._open_checkpoint()

    def _open_checkpoint(self) -> None:
        folder = self.directory / "variables"
        if not (folder / "variables.index").is_file():
            if any(node.WhichOneof("kind") == "variable" for node in self.objects) or any(folder.glob("variables.data-*")):
                raise Fault(f"{folder / 'variables.index'} is missing, the model has variables: export or copy the model again")
            return
        try:
            self.reader = self.tf.train.load_checkpoint(str(folder / "variables"))
        except (self.tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise self._damaged(error) from error
        if self.reader.has_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"):
            self.tracked.ParseFromString(self.value("_CHECKPOINTABLE_OBJECT_GRAPH").item())

    def value(self, key: str) -> Any:
        """One tensor of the checkpoint as a NumPy array."""
        import numpy as np

        try:
            value = self.reader.get_tensor(key)
            return np.array(value, dtype=object) if isinstance(value, bytes) else np.asarray(value)  # "S" would drop trailing zeros
        except (self.tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
            raise self._damaged(error) from error

    def _damaged(self, error: Exception) -> Fault:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return Fault(f"the variables in {self.directory / 'variables'} are incomplete or damaged ({said}): export or copy the model again")

    def dtype(self, number: int) -> str:
        return self.tf.dtypes.as_dtype(number).base_dtype.name

    def content(self, array: Any) -> bytes:
        """content(tensor) of the definition."""
        import numpy as np

        sizes = [int(size) for size in array.shape]
        if array.dtype.kind in "OSU":
            texts = [text if isinstance(text, bytes) else str(text).encode() for text in array.ravel().tolist()]
            return mix("tensor", "string", sizes, mix(*texts))
        ordered = np.ascontiguousarray(array)
        if sys.byteorder == "big":
            ordered = ordered.byteswap()
        return mix("tensor", self.tf.dtypes.as_dtype(array.dtype).name, sizes, ordered.tobytes())


def in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=str.encode)


def sizes(shape: Any) -> str | list[int]:
    return "unknown" if shape.unknown_rank else [dim.size for dim in shape.dim]
