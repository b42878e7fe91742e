"""Part of a stand-in for TensorFlow Serving: its REST API."""

from __future__ import annotations

import http.server
import json
import re
import socketserver
import urllib.parse
from typing import Any

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, model_pb2

from . import rpc, tensors
from .core import Core
from .status import HTTP, Status, invalid

PREDICTION = re.compile(r"(?i)/v1/models/([^/:]+)(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?:(classify|regress|predict)")
MODEL = re.compile(r"(?i)/v1/models(?:/([^/:]+))?(?:(?:/versions/(\d+))|(?:/labels/([^/:]+)))?(?:/(metadata))?")


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    """The REST API of a core; one thread a connection."""

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, port: int, core: Core, seconds: float) -> None:
        self.core, self.seconds = core, seconds
        super().__init__(("0.0.0.0", port), Handler)


class Handler(http.server.BaseHTTPRequestHandler):
    """Requests of one connection, which stays open."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one packet
    server: Server

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, *_: object) -> None:
        """The real server does not log requests."""

    def _answer(self, call: Any) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.lower().startswith("/v1/"):
            return self._send(404, b"")
        try:
            text, code = call(body), 200
        except Status as refused:
            text, code = json.dumps({"error": refused.message}).encode(), HTTP[refused.code]
        self._send(code, text)

    def _send(self, code: int, text: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.wfile.flush()

    def _post(self, body: bytes) -> bytes:
        name, version, label, method = self._match(PREDICTION)
        if method.lower() != "predict":
            raise Status("UNIMPLEMENTED", f"the stand-in for TensorFlow Serving has no {method}")
        _, servable = self.server.core.find(spec(name, version, label))
        signature, inputs, by_rows = tensors.request(body, servable)
        return tensors.answer(servable.predict(signature, inputs, []), by_rows)

    def _get(self, _: bytes) -> bytes:
        name, version, label, part = self._match(MODEL)
        if not name:
            raise invalid("Missing model name in request.")
        if part:
            return self._metadata(spec(name, version, label))
        response = rpc.status(self.server.core, spec(name, version, label))
        return json_format.MessageToJson(response, **FULL).encode()

    def _metadata(self, wanted: model_pb2.ModelSpec) -> bytes:
        response = rpc.metadata(self.server.core, wanted)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(signatures)
        told = [json_format.MessageToDict(message, preserving_proto_field_name=True, **FULL) for message in (response.model_spec, signatures)]
        return json.dumps({"model_spec": told[0], "metadata": {"signature_def": told[1]}}, indent=1).encode()

    def _match(self, form: re.Pattern[str]) -> tuple[str, str, str, str]:
        found = form.fullmatch(self.path)
        if not found:
            raise invalid(f"Malformed request: {self.command} {self.path}")
        name, version, label, last = (part or "" for part in found.groups())
        return urllib.parse.unquote(name), version, urllib.parse.unquote(label), last


def spec(name: str, version: str, label: str) -> model_pb2.ModelSpec:
    wanted = model_pb2.ModelSpec(name=name)
    if version:
        if int(version) >= 1 << 63:
            raise invalid(f"Failed to convert version: {version} to numeric.")
        wanted.version.value = int(version)
    if label:
        wanted.version_label = label
    return wanted


def _full() -> dict[str, bool]:
    """What makes protobuf's JSON hold fields of default values too: the argument has another name in each line of versions."""
    import inspect

    names = inspect.signature(json_format.MessageToJson).parameters
    return {next(name for name in ("always_print_fields_with_no_presence", "including_default_value_fields") if name in names): True}


FULL = _full()
