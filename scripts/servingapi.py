"""Talk to TensorFlow Serving over REST and gRPC, without loading TensorFlow.

The messages are those of the package tensorflow-serving-api. A tensor is a NumPy array whose first axis is the batch; text is an
array of bytes (dtype S or object). Everything that the server refuses, or that keeps it from answering, raises Refused.
"""

from __future__ import annotations

import base64
import dataclasses
import http.client
import importlib.util
import json
import sys
import types
from typing import Any

import numpy as np

import savedmodel
import warmup

SECONDS = 30.0  # how long one request may take
STATES = {0: "UNKNOWN", 10: "START", 20: "LOADING", 30: "AVAILABLE", 40: "UNLOADING", 50: "END"}  # ModelVersionStatus.State
AVAILABLE = "AVAILABLE"
DTYPES = {"float32": 1, "float64": 2, "int32": 3, "uint8": 4, "int16": 5, "int8": 6, "int64": 9, "bool": 10, "uint16": 17,
          "float16": 19, "uint32": 22, "uint64": 23}  # tensorflow.DataType
TEXT = 7
FIELDS = {1: "float_val", 2: "double_val", 3: "int_val", 4: "int_val", 5: "int_val", 6: "int_val", 9: "int64_val", 10: "bool_val",
          17: "int_val", 22: "uint32_val", 23: "uint64_val"}


class Refused(Exception):
    """The server refused a request, or did not answer it; the text is its reason."""


@dataclasses.dataclass(frozen=True)
class Target:
    """The model that is asked, and which version of it: by number, by label, or the newest that is loaded."""

    model: str
    version: int | None = None
    label: str | None = None

    @property
    def path(self) -> str:
        """Where the model is found over REST."""
        part = f"/versions/{self.version}" if self.version is not None else f"/labels/{self.label}" if self.label else ""
        return f"/v1/models/{self.model}{part}"


def messages() -> types.SimpleNamespace:
    """The modules predict_pb2 and model_server_config_pb2, with the stand-in for TensorFlow's own package that they need.

    Both import TensorFlow's messages, and with them all of TensorFlow, which takes seconds: a module that holds nothing but the
    package's folder gives them the messages alone. A process that has TensorFlow already keeps it. (The package's other messages
    name files that differ between versions of TensorFlow; what is needed of them is small enough to be written by hand.)
    """
    if "tensorflow" not in sys.modules:
        found = importlib.util.find_spec("tensorflow")
        if found is None:
            raise ModuleNotFoundError("no TensorFlow, whose messages tensorflow-serving-api uses")
        bare = types.ModuleType("tensorflow")
        bare.__path__ = list(found.submodule_search_locations or [])
        sys.modules["tensorflow"] = bare
    from tensorflow_serving.apis import predict_pb2
    from tensorflow_serving.config import model_server_config_pb2

    return types.SimpleNamespace(predict=predict_pb2, config=model_server_config_pb2)


def fill(tensor: Any, values: np.ndarray) -> None:
    """Write an array into a TensorProto."""
    for size in values.shape:
        tensor.tensor_shape.dim.add(size=size)
    if values.dtype.kind in "SO":
        tensor.dtype = TEXT
        tensor.string_val.extend(values.ravel().tolist())
        return
    tensor.dtype = DTYPES[values.dtype.name]
    tensor.tensor_content = np.ascontiguousarray(values).astype(values.dtype.newbyteorder("<")).tobytes()


def array(tensor: Any) -> np.ndarray:
    """The array in a TensorProto, whichever of its two forms it has."""
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.dtype == TEXT:
        return np.array(list(tensor.string_val), dtype=object).reshape(shape)
    names = {number: name for name, number in DTYPES.items()}
    if tensor.dtype not in names:
        raise Refused(f"the server answers with a tensor of the type {tensor.dtype}, which no NumPy array holds")
    dtype = np.dtype(names[tensor.dtype])
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, dtype=dtype.newbyteorder("<")).astype(dtype).reshape(shape)
    if dtype == np.float16:
        listed = np.array(list(tensor.half_val), dtype=np.uint16).view(np.float16)
    else:
        listed = np.array(list(getattr(tensor, FIELDS[tensor.dtype])), dtype=dtype)
    size = int(np.prod(shape))
    if 0 < listed.size < size:  # the last value stands for the rest
        listed = np.concatenate([listed, np.full(size - listed.size, listed[-1], dtype)])
    return listed.reshape(shape)


def plain(values: np.ndarray) -> Any:
    """An array as JSON can hold it; text in base64, as Serving wants what need not be UTF-8."""
    if values.dtype.kind not in "SO":
        return values.tolist()
    if values.ndim == 0:
        return {"b64": base64.b64encode(values.item()).decode()}
    return [plain(part if isinstance(part, np.ndarray) else np.array(part, dtype=object)) for part in values]


class Rest:
    """A connection to the REST API, for one thread: it stays open between requests."""

    def __init__(self, host: str, port: int, seconds: float = SECONDS) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=seconds)

    def __enter__(self) -> Rest:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def status(self, target: Target) -> dict[int, tuple[str, str]]:
        """State and error of each version that the server knows."""
        said = self._call("GET", target.path)["model_version_status"]
        return {int(one["version"]): (one["state"], one.get("status", {}).get("error_message", "")) for one in said}

    def metadata(self, target: Target) -> dict[str, Any]:
        """The signatures of a version, as JSON."""
        return self._call("GET", target.path + "/metadata")

    @staticmethod
    def body(signature: str, inputs: dict[str, np.ndarray], columns: bool = False) -> bytes:
        """A predict request: one object a row, or one list an input (`columns`)."""
        if columns:
            asked: dict[str, Any] = {"inputs": {name: plain(values) for name, values in inputs.items()}}
        else:
            named = {name: plain(values) for name, values in inputs.items()}
            asked = {"instances": [dict(zip(named, row)) for row in zip(*named.values())]}
        return json.dumps({"signature_name": signature, **asked}).encode()

    def predict(self, target: Target, body: bytes, output: str) -> np.ndarray:
        """The output named `output` of a predict request."""
        said = self._call("POST", target.path + ":predict", body)
        if "predictions" in said:
            rows = said["predictions"]
            return np.array([row[output] if isinstance(row, dict) else row for row in rows])
        columns = said.get("outputs")
        return np.array(columns[output] if isinstance(columns, dict) else columns)

    def _call(self, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
        try:
            self._connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()  # the next request opens it again
            raise Refused(f"{method} {path}: no answer ({error or type(error).__name__})") from error
        try:
            said = json.loads(text)
        except ValueError as error:
            raise Refused(f"{method} {path}: HTTP {answer.status}, not JSON: {text[:200]!r}") from error
        if answer.status != 200:
            raise Refused(f"{method} {path}: HTTP {answer.status}: {said.get('error', text[:200])}")
        return said


class Grpc:
    """A channel to the gRPC API; threads may share it."""

    def __init__(self, host: str, port: int, seconds: float = SECONDS) -> None:
        import grpc

        self._grpc, self._seconds, self._messages = grpc, seconds, messages()
        self._channel = grpc.insecure_channel(f"{host}:{port}", options=[
            ("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
        predict = self._messages.predict
        self._predict = self._channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=predict.PredictRequest.SerializeToString, response_deserializer=predict.PredictResponse.FromString)
        self._status = self._channel.unary_unary("/tensorflow.serving.ModelService/GetModelStatus")
        self._reload = self._channel.unary_unary("/tensorflow.serving.ModelService/HandleReloadConfigRequest")
        self._metadata = self._channel.unary_unary("/tensorflow.serving.PredictionService/GetModelMetadata")

    def __enter__(self) -> Grpc:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def request(self, target: Target, signature: str, inputs: dict[str, np.ndarray], output: str) -> Any:
        """A PredictRequest for one output."""
        request = self._messages.predict.PredictRequest(output_filter=[output])
        request.model_spec.name, request.model_spec.signature_name = target.model, signature
        if target.version is not None:
            request.model_spec.version.value = target.version
        elif target.label:
            request.model_spec.version_label = target.label
        for name, values in inputs.items():
            fill(request.inputs[name], values)
        return request

    def predict(self, request: Any, output: str) -> np.ndarray:
        """The output named `output` of a PredictRequest."""
        answer = self._ask("Predict", self._predict, request)
        if output not in answer.outputs:
            raise Refused(f"Predict: the answer has no output {output!r}, it has: {', '.join(sorted(answer.outputs)) or 'none'}")
        return array(answer.outputs[output])

    def status(self, target: Target) -> dict[int, str]:
        """State of each version that the server knows."""
        answer = self._ask("GetModelStatus", self._status, warmup.field(1, self._spec(target)))
        found = {}
        for one in savedmodel.inside(memoryview(answer), 1):
            values = {number: value for number, value in savedmodel.fields(one) if isinstance(value, int)}
            found[values.get(1, 0)] = STATES[values.get(2, 0)]
        return found

    def metadata(self, target: Target) -> bytes:
        """The signatures of a version, as a serialised GetModelMetadataResponse."""
        return self._ask("GetModelMetadata", self._metadata, warmup.field(1, self._spec(target)) + warmup.field(2, b"signature_def"))

    def reload(self, config: str) -> None:
        """Push a models.config, in text format; the server takes it as the whole truth."""
        from google.protobuf import text_format

        message = text_format.Parse(config, self._messages.config.ModelServerConfig())
        self._ask("HandleReloadConfigRequest", self._reload, warmup.field(1, message.SerializeToString()))

    def _spec(self, target: Target) -> bytes:
        return self.request(target, "", {}, "").model_spec.SerializeToString()

    def _ask(self, name: str, call: Any, request: Any) -> Any:
        try:
            return call(request, timeout=self._seconds)
        except self._grpc.RpcError as error:
            raise Refused(f"{name}: {error.code().name}: {error.details()}") from error
