"""Part of a stand-in for TensorFlow Serving: its gRPC API."""

from __future__ import annotations

import concurrent.futures
import functools
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2, get_model_status_pb2, model_management_pb2, model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc,
)

from .core import Core
from .servable import DEFAULT_SIGNATURE, unpacked
from .status import Status, invalid

CODES = {code.name: code for code in grpc.StatusCode}
THREADS = 64


def answered(call: Callable[..., Any]) -> Callable[..., Any]:
    """Turn a Status into the end of the call."""
    @functools.wraps(call)
    def wrapper(self: Any, request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return call(self, request)
        except Status as refused:
            context.abort(CODES[refused.code], refused.message)

    return wrapper


class Predictions(prediction_service_pb2_grpc.PredictionServiceServicer):
    """PredictionService; what is not here answers UNIMPLEMENTED."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @answered
    def Predict(self, request: Any) -> Any:
        version, servable = self._core.find(request.model_spec)
        signature = request.model_spec.signature_name or DEFAULT_SIGNATURE
        outputs = servable.predict(signature, unpacked(request.inputs), list(request.output_filter))
        response = predict_pb2.PredictResponse()
        response.model_spec.name, response.model_spec.signature_name = request.model_spec.name, signature
        response.model_spec.version.value = version
        for name, values in outputs.items():
            pack(response.outputs[name], values)
        return response

    @answered
    def GetModelMetadata(self, request: Any) -> Any:
        fields = list(request.metadata_field)
        if not fields:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in fields:
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        return metadata(self._core, request.model_spec)


class Models(model_service_pb2_grpc.ModelServiceServicer):
    """ModelService."""

    def __init__(self, core: Core) -> None:
        self._core = core

    @answered
    def GetModelStatus(self, request: Any) -> Any:
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        return status(self._core, request.model_spec)

    @answered
    def HandleReloadConfigRequest(self, request: Any) -> Any:
        self._core.reload(request.config)
        return model_management_pb2.ReloadConfigResponse()


def status(core: Core, spec: Any) -> Any:
    """The GetModelStatusResponse for a ModelSpec; raises Status."""
    response = get_model_status_pb2.GetModelStatusResponse()
    for number, version in core.states(spec):
        one = response.model_version_status.add(version=number, state=version.state)
        one.status.error_code = CODES[version.error.code].value[0] if version.error else 0
        one.status.error_message = version.error.message if version.error else ""
    return response


def metadata(core: Core, spec: Any) -> Any:
    """The GetModelMetadataResponse for a ModelSpec; raises Status."""
    version, servable = core.find(spec)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name, response.model_spec.version.value = spec.name, version
    signatures = get_model_metadata_pb2.SignatureDefMap()
    for name, signature in servable.signatures.items():
        signatures.signature_def[name].CopyFrom(signature)
    response.metadata["signature_def"].Pack(signatures)
    return response


def pack(tensor: Any, values: np.ndarray) -> None:
    """Write an array as the real server does: value by value, in the field of its type."""
    if values.dtype == np.float32:
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.float_val.extend(values.ravel().tolist())
    elif values.dtype == np.float64:
        tensor.dtype = tf.float64.as_datatype_enum
        tensor.double_val.extend(values.ravel().tolist())
    elif values.dtype == np.int64:
        tensor.dtype = tf.int64.as_datatype_enum
        tensor.int64_val.extend(values.ravel().tolist())
    else:
        tensor.CopyFrom(tf.make_tensor_proto(values))
        return
    for size in values.shape:
        tensor.tensor_shape.dim.add(size=size)


def serve(port: int, core: Core) -> grpc.Server:
    """Start the API; raises RuntimeError when the port is taken."""
    unlimited = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS), options=unlimited)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Predictions(core), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Models(core), server)
    server.add_insecure_port(f"0.0.0.0:{port}")
    server.start()
    return server
