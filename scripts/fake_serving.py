"""A server that speaks as much of TensorFlow Serving's APIs as the tests of its clients need; it multiplies and has no model.

It answers one input with the factor of the version that the label `stable` points at, and can be told to be wrong, to refuse, or
never to be ready.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import savedmodel
import servingapi
import warmup


class Fake:
    """What the server knows: the factor of each loaded version, and where the label points."""

    def __init__(self) -> None:
        self.factors = {1: 2.0, 2: 3.0}
        self.loaded, self.stable = [1], 1
        self.state, self.error = "AVAILABLE", ""
        self.spoil: Callable[[str, np.ndarray], np.ndarray] = lambda protocol, values: values
        self.pushed: list[str] = []

    def answer(self, protocol: str, values: np.ndarray) -> np.ndarray:
        return self.spoil(protocol, (values * self.factors[self.stable]).sum(axis=1, keepdims=True).astype(np.float32))

    def reload(self, config: Any) -> None:
        model = config.model_config_list.config[0]
        stable = model.version_labels["stable"]
        if stable not in self.loaded:
            raise servingapi.Refused(f"version {stable} is not available")
        self.stable, self.loaded = stable, list(model.model_version_policy.specific.versions)
        self.pushed.append(f"{self.loaded} stable {self.stable}")


@contextlib.contextmanager
def serving(fake: Fake) -> Iterator[dict[str, int]]:
    """Serve until the block ends; the ports by protocol."""
    import grpc

    modules = servingapi.messages()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version, disable_nagle_algorithm, wbufsize = "HTTP/1.1", True, -1

        def do_GET(self) -> None:
            self.send({"model_version_status": [
                {"version": str(version), "state": fake.state, "status": {"error_code": "OK", "error_message": fake.error}}
                for version in fake.loaded]})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if not re.fullmatch("/v1/models/m/labels/stable:predict", self.path):
                return self.send({"error": "Servable not found"}, 404)
            rows = [row["x"] for row in asked["instances"]] if "instances" in asked else asked["inputs"]["x"]
            try:
                answer = fake.answer("rest", np.array(rows, dtype=np.float32)).tolist()
            except servingapi.Refused as refused:
                return self.send({"error": str(refused)}, 400)
            self.send({"predictions" if "instances" in asked else "outputs": answer})

        def send(self, said: object, status: int = 200) -> None:
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            self.wfile.flush()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def call(method: Callable[[bytes], bytes]) -> Any:
        def wrapper(request: bytes, context: grpc.ServicerContext) -> bytes:
            try:
                return method(request)
            except servingapi.Refused as refused:
                context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refused))

        return grpc.unary_unary_rpc_method_handler(wrapper)

    def predict(data: bytes) -> bytes:
        request = modules.predict.PredictRequest.FromString(data)
        response = modules.predict.PredictResponse()
        servingapi.fill(response.outputs[request.output_filter[0]], fake.answer("grpc", servingapi.array(request.inputs["x"])))
        return response.SerializeToString()

    def reload(data: bytes) -> bytes:
        config = bytes(next(savedmodel.inside(memoryview(data), 1)))
        fake.reload(modules.config.ModelServerConfig.FromString(config))
        return b""

    def status(_: bytes) -> bytes:
        return b"".join(warmup.field(1, bytes([8, version, 16, 30])) for version in fake.loaded)

    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    rpc = grpc.server(concurrent.futures.ThreadPoolExecutor(8))
    rpc.add_generic_rpc_handlers((
        grpc.method_handlers_generic_handler("tensorflow.serving.PredictionService", {"Predict": call(predict)}),
        grpc.method_handlers_generic_handler("tensorflow.serving.ModelService", {
            "HandleReloadConfigRequest": call(reload), "GetModelStatus": call(status)}),
    ))
    port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    try:
        yield {"rest": web.server_address[1], "grpc": port}
    finally:
        web.shutdown()
        web.server_close()
        rpc.stop(None)
