"""Tests of the stand-in for TensorFlow Serving: it does what server_core.cc, json_tensor.cc and saved_model_warmup_util.cc say.

    python3 -m pytest standin_test.py        beside TensorFlow and tensorflow-serving-api
"""

from __future__ import annotations

import contextlib
import http.client
import json
import pathlib
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from standin import flags, rest, rpc, servable, tensors
from standin.core import AVAILABLE, END, Core
from standin.status import Status
from tensorflow_serving.apis import (
    get_model_metadata_pb2, get_model_status_pb2, model_management_pb2, model_pb2, model_service_pb2_grpc, predict_pb2, prediction_log_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

SECONDS = 20.0


class Double:
    """What loads in no time; a folder with a file `broken` does not."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        if (path / "broken").exists():
            raise Status("DATA_LOSS", "broken")

    def warm_up(self) -> int:
        return 0


def core(*more: str, load: Callable[[pathlib.Path], Any] = Double) -> Core:
    options = flags.parse(["--model_base_path=/unused", "--file_system_poll_wait_seconds=1", "--load_retry_interval_micros=1000",
                           "--max_num_load_retries=1", *more])
    return Core(options, lambda text: None, load)


def config(base: pathlib.Path, policy: str, labels: dict[str, int] | None = None, name: str = "m") -> Any:
    told = " ".join(f'version_labels {{ key: "{label}" value: {version} }}' for label, version in (labels or {}).items())
    return text_format.Parse(f'model_config_list {{ config {{ name: "{name}" base_path: "{base}" model_platform: "tensorflow" '
                             f"model_version_policy {{ {policy} }} {told} }} }}", model_server_config_pb2.ModelServerConfig())


def specific(base: pathlib.Path, versions: list[int], labels: dict[str, int] | None = None) -> Any:
    return config(base, f"specific {{ versions: {versions} }}", labels)


def spec(version: int | None = None, label: str = "", name: str = "m") -> Any:
    asked = model_pb2.ModelSpec(name=name)
    if version is not None:
        asked.version.value = version
    if label:
        asked.version_label = label
    return asked


@pytest.fixture
def base(tmp_path: pathlib.Path) -> pathlib.Path:
    for version in (1, 2, 3):
        (tmp_path / "m" / str(version)).mkdir(parents=True)
    (tmp_path / "m" / "not-a-version").mkdir()
    return tmp_path / "m"


def states(server: Core, name: str = "m") -> dict[int, str]:
    try:
        return {number: version.state for number, version in server.states(spec(name=name))}
    except Status:
        return {}


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.01)


@pytest.mark.parametrize("policy, loaded", [
    ("", {3}), ("latest {}", {3}), ("latest { num_versions: 2 }", {2, 3}), ("all {}", {1, 2, 3}), ("specific { versions: [1, 3, 9] }", {1, 3}),
])
def test_policies(base: pathlib.Path, policy: str, loaded: set[int]) -> None:
    server = core()
    server.reload(config(base, policy))
    until(lambda: {number for number, state in states(server).items() if state == AVAILABLE} == loaded)
    assert server.find(spec())[0] == max(loaded)


def test_a_label_to_a_version_that_is_not_loaded_is_refused_and_nothing_changes(base: pathlib.Path) -> None:
    server = core()
    with pytest.raises(Status, match="FAILED_PRECONDITION: Request to assign label to version 1 of model m, which is not currently available"):
        server.reload(specific(base, [1], {"stable": 1}))  # so it is at the start too
    server.reload(specific(base, [1]))
    server.reload(specific(base, [1], {"stable": 1}))
    with pytest.raises(Status, match="label to version 2"):
        server.reload(specific(base, [1, 2], {"stable": 2}))  # in one push with its loading
    time.sleep(0.1)
    assert states(server) == {1: AVAILABLE} and server.find(spec(label="stable"))[0] == 1


def test_the_flag_allows_new_labels_and_no_move(base: pathlib.Path) -> None:
    server = core("--allow_version_labels_for_unavailable_models=true")
    server.reload(specific(base, [1], {"stable": 1}))
    server.reload(specific(base, [1, 2], {"stable": 1, "canary": 2}))
    with pytest.raises(Status, match="label to version 3"):
        server.reload(specific(base, [1, 2, 3], {"stable": 3, "canary": 2}))
    assert server.find(spec(label="stable"))[0] == 1


def test_canary_rollback_canary(base: pathlib.Path) -> None:
    server = core()
    server.reload(specific(base, [1]))
    server.reload(specific(base, [1], {"stable": 1}))
    for _ in range(2):
        server.reload(specific(base, [1, 2], {"stable": 1}))
        until(lambda: states(server).get(2) == AVAILABLE)
        server.reload(specific(base, [1, 2], {"stable": 1, "canary": 2}))
        assert server.find(spec(label="canary"))[0] == 2
        server.reload(specific(base, [1], {"stable": 1}))
        with pytest.raises(Status, match="INVALID_ARGUMENT: Unrecognized servable version label: canary"):
            server.find(spec(label="canary"))
        until(lambda: states(server) == {1: AVAILABLE, 2: END})


def test_a_new_version_is_there_before_the_old_one_goes(base: pathlib.Path) -> None:
    gate = threading.Event()

    class Slow(Double):
        def __init__(self, path: pathlib.Path) -> None:
            super().__init__(path)
            assert path.name == "1" or gate.wait(SECONDS)

    server = core(load=Slow)
    server.reload(specific(base, [1]))
    server.reload(specific(base, [2]))
    until(lambda: states(server).get(2) == "LOADING")
    assert server.find(spec())[0] == 1
    gate.set()
    until(lambda: states(server) == {1: END, 2: AVAILABLE})
    assert server.find(spec())[0] == 2
    with pytest.raises(Status, match=r"NOT_FOUND: Servable not found for request: Specific\(m, 1\)"):
        server.find(spec(1))


def test_a_version_that_appears_is_found(base: pathlib.Path) -> None:
    server = core()
    server.reload(config(base, ""))
    (base / "10").mkdir()
    until(lambda: states(server) == {3: END, 10: AVAILABLE})


def test_a_version_that_cannot_be_loaded(base: pathlib.Path) -> None:
    (base / "3" / "broken").touch()
    server = core()
    with pytest.raises(Status, match="UNKNOWN: Some models did not become available: {{name: m version: 3}"):
        server.reload(config(base, ""))
    (number, version), = server.states(spec())
    assert (number, version.state, version.error.message) == (3, END, "broken")
    server.reload(specific(base, [1, 3]))
    until(lambda: states(server) == {1: AVAILABLE, 3: END})  # the good one serves


@pytest.mark.parametrize("text, message", [
    ('custom_model_config {}', "Only ModelConfigList is currently supported"),
    ('model_config_list { config { name: "m" base_path: "/m" } }', "Illegal setting neither"),
    ('model_config_list { config { name: "m" base_path: "/m" model_platform: "caffe" } }', "unsupported platform caffe"),
    ('model_config_list { config { name: "m" base_path: "m" model_platform: "tensorflow" } }', "to have an absolute path"),
    ('model_config_list { config { name: "m" base_path: "/m" model_platform: "tensorflow" } config { name: "m" } }', "multiple times"),
])
def test_configs_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(Status, match="INVALID_ARGUMENT: .*" + message):
        core().reload(text_format.Parse(text, model_server_config_pb2.ModelServerConfig()))


def test_what_nobody_knows(base: pathlib.Path) -> None:
    server = core()
    server.reload(specific(base, [1]))
    for asked, message in ((spec(name="x"), r"Latest\(x\)"), (spec(7), r"Specific\(m, 7\)"), (model_pb2.ModelSpec(), "no name specified")):
        with pytest.raises(Status, match=message):
            server.find(asked)
    for asked, message in ((spec(name="x"), "any versions of model x"), (spec(7), "version 7 of model m")):
        with pytest.raises(Status, match="NOT_FOUND: Could not find " + message):
            server.states(asked)


# The rest asks a server with a real model: features [N, 2] float32 and words [N] text → sum [N, 1], shout [N].

class Model(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, name="features"), tf.TensorSpec([None], tf.string, name="words")])
    def serve(self, features: Any, words: Any) -> dict[str, Any]:
        with tf.control_dependencies([tf.debugging.assert_less(features, 100.0)]):
            return {"sum": tf.reduce_sum(features, axis=1, keepdims=True), "shout_bytes": tf.strings.upper(words)}


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("saved") / "model"
    module = Model()
    tf.saved_model.save(module, str(folder), signatures={"serving_default": module.serve.get_concrete_function()})
    return folder


@contextlib.contextmanager
def running(base: pathlib.Path) -> Iterator[tuple[http.client.HTTPConnection, grpc.Channel]]:
    server = core(load=servable.Servable)
    server.reload(specific(base, [1]))
    server.reload(specific(base, [1], {"stable": 1}))
    web = rest.Server(0, server, 30)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    calls = rpc.serve(port, server)
    connection = http.client.HTTPConnection("127.0.0.1", web.server_address[1], timeout=SECONDS)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
            yield connection, channel
    finally:
        connection.close()
        web.shutdown()
        web.server_close()
        calls.stop(None)


@pytest.fixture(scope="module")
def apis(saved: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[http.client.HTTPConnection, grpc.Channel]]:
    base = tmp_path_factory.mktemp("base")
    for version in ("1", "2"):
        shutil.copytree(saved, base / version)
    with running(base) as both:
        yield both


def ask(connection: http.client.HTTPConnection, method: str, path: str, body: object = None) -> tuple[int, Any]:
    connection.request(method, path, json.dumps(body) if body is not None else None)
    answer = connection.getresponse()
    text = answer.read()
    return answer.status, json.loads(text) if text else None


ROW = {"features": [1, 0.5], "words": "a"}


@pytest.mark.parametrize("path", ["m", "m/versions/1", "m/labels/stable"])
def test_rest_predicts(apis: Any, path: str) -> None:
    connection, _ = apis
    shout = {"b64": "QQ=="}
    assert ask(connection, "POST", f"/v1/models/{path}:predict", {"instances": [ROW, ROW]}) == (
        200, {"predictions": [{"sum": [1.5], "shout_bytes": shout}] * 2})
    assert ask(connection, "POST", f"/v1/models/{path}:predict", {"inputs": {"features": [[0.1, 0.1]], "words": [{"b64": "YQ=="}]}}) == (
        200, {"outputs": {"sum": [[0.2]], "shout_bytes": [shout]}})


@pytest.mark.parametrize("path, body, code, message", [
    ("m/labels/x:predict", {"instances": [ROW]}, 400, "Unrecognized servable version label: x"),
    ("m/versions/7:predict", {"instances": [ROW]}, 404, "Servable not found for request: Specific(m, 7)"),
    ("x:predict", {"instances": [ROW]}, 404, "Servable not found for request: Latest(x)"),
    ("m:predict", {}, 400, "Missing 'inputs' or 'instances' key"),
    ("m:predict", [], 400, "Is not object"),
    ("m:predict", {"instances": [ROW], "inputs": 1}, 400, "only one of"),
    ("m:predict", {"instances": []}, 400, "No values in 'instances' array"),
    ("m:predict", {"instances": 1}, 400, "to be an list/array"),
    ("m:predict", {"instances": [1]}, 400, "multiple input tensors required"),
    ("m:predict", {"instances": [ROW, 1]}, 400, "Expecting object but got list at item 1"),
    ("m:predict", {"instances": [{"features": [1, 2]}]}, 400, "must only have keys: features,words"),
    ("m:predict", {"instances": [{**ROW, "x": 1}]}, 400, "does not have named input: x"),
    ("m:predict", {"instances": [{**ROW, "features": ["1", 2]}]}, 400, "Type: String is not of expected type: float"),
    ("m:predict", {"instances": [{**ROW, "features": [True, 2]}]}, 400, "Type: True is not of expected type: float"),
    ("m:predict", {"instances": [{**ROW, "features": [[1], 2]}]}, 400, "incorrect level"),
    ("m:predict", {"instances": [{**ROW, "features": [1 << 25, 2]}]}, 400, "without loss of precision"),
    ("m:predict", {"instances": [ROW, {**ROW, "features": [1, 2, 3]}]}, 400, "Expecting shape"),
    ("m:predict", {"instances": [{**ROW, "words": {"b64": "?"}}]}, 400, "Unable to base64 decode"),
    ("m:predict", {"instances": [{**ROW, "features": [500, 2]}]}, 400, "assertion failed"),
    ("m:predict", {"inputs": {"features": [[1, 2]]}}, 400, "Missing named input: words"),
    ("m:predict", {"signature_name": "x", "instances": [ROW]}, 400, 'Serving signature name: "x" not found'),
    ("m:predict", {"signature_name": 1, "instances": [ROW]}, 400, "must be a string"),
    ("m:regress", {"examples": []}, 501, "stand-in"),
    ("m:forget", {}, 400, "Malformed request: POST"),
])
def test_rest_refuses(apis: Any, path: str, body: object, code: int, message: str) -> None:
    connection, _ = apis
    status, said = ask(connection, "POST", "/v1/models/" + path, body)
    assert status == code and message in said["error"], said


def test_rest_refuses_what_is_no_json(apis: Any) -> None:
    connection, _ = apis
    for text, message in ((b"", "The document is empty"), (b"{", "JSON Parse error"), (b"[" * 100_000, "JSON Parse error"), (b"\xff", "JSON Parse")):
        connection.request("POST", "/v1/models/m:predict", text)
        answer = connection.getresponse()
        assert answer.status == 400 and message in json.loads(answer.read())["error"]


def test_rest_status_and_metadata(apis: Any) -> None:
    connection, _ = apis
    code, said = ask(connection, "GET", "/v1/models/m")
    assert code == 200 and {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}} in said["model_version_status"]
    code, said = ask(connection, "GET", "/v1/models/m/versions/1/metadata")
    assert code == 200 and said["model_spec"] == {"name": "m", "signature_name": "", "version": "1"}
    inputs = said["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]
    assert inputs["features"]["dtype"] == "DT_FLOAT" and [dim["size"] for dim in inputs["features"]["tensor_shape"]["dim"]] == ["-1", "2"]
    for path, wanted in (("m/versions/9", 404), ("x", 404), ("x/metadata", 404), ("", 400)):
        assert ask(connection, "GET", "/v1/models/" + path)[0] == wanted, path
    assert ask(connection, "GET", "/elsewhere")[0] == 404


def request(**inputs: np.ndarray) -> Any:
    asked = predict_pb2.PredictRequest(model_spec=spec())
    for name, values in inputs.items():
        asked.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    return asked


FEATURES, WORDS = np.array([[1, 0.5]], np.float32), np.array(["a"])


def test_grpc_predicts(apis: Any) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(apis[1])
    answer = stub.Predict(request(features=FEATURES, words=WORDS), timeout=SECONDS)
    assert tf.make_ndarray(answer.outputs["sum"]).tolist() == [[1.5]] and tf.make_ndarray(answer.outputs["shout_bytes"]).tolist() == [b"A"]
    assert (answer.model_spec.version.value, answer.model_spec.signature_name) == (1, "serving_default")
    asked = request(features=FEATURES, words=WORDS)
    asked.output_filter.append("sum")
    assert list(stub.Predict(asked, timeout=SECONDS).outputs) == ["sum"]


@pytest.mark.parametrize("change, code, message", [
    (lambda asked: asked.inputs.pop("words"), "INVALID_ARGUMENT", "input size does not match signature: 1!=2"),
    (lambda asked: asked.output_filter.append("x"), "INVALID_ARGUMENT", "output tensor alias not found in signature: x"),
    (lambda asked: setattr(asked.model_spec, "signature_name", "x"), "FAILED_PRECONDITION", 'Serving signature key "x" not found.'),
    (lambda asked: setattr(asked.model_spec, "version_label", "x"), "INVALID_ARGUMENT", "Unrecognized servable version label"),
    (lambda asked: setattr(asked.model_spec, "name", "x"), "NOT_FOUND", "Latest(x)"),
    (lambda asked: asked.inputs["features"].CopyFrom(tf.make_tensor_proto([[1.0, 2.0]], tf.float64)), "INVALID_ARGUMENT", "double|float64"),
    (lambda asked: setattr(asked.inputs["features"], "tensor_content", b"123"), "INVALID_ARGUMENT", "tensor parsing error: features"),
])
def test_grpc_refuses(apis: Any, change: Callable[[Any], object], code: str, message: str) -> None:
    asked = request(features=FEATURES, words=WORDS)
    change(asked)
    with pytest.raises(grpc.RpcError) as failed:
        prediction_service_pb2_grpc.PredictionServiceStub(apis[1]).Predict(asked, timeout=SECONDS)
    assert failed.value.code().name == code
    assert message in failed.value.details() or re.search(message, failed.value.details())


def test_grpc_status_metadata_and_what_is_missing(apis: Any) -> None:
    models, predictions = model_service_pb2_grpc.ModelServiceStub(apis[1]), prediction_service_pb2_grpc.PredictionServiceStub(apis[1])
    answer = models.GetModelStatus(get_model_status_pb2.GetModelStatusRequest(model_spec=spec(1)), timeout=SECONDS)
    assert [(one.version, one.state) for one in answer.model_version_status] == [(1, get_model_status_pb2.ModelVersionStatus.AVAILABLE)]
    asked = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec(), metadata_field=["signature_def"])
    told = get_model_metadata_pb2.SignatureDefMap()
    predictions.GetModelMetadata(asked, timeout=SECONDS).metadata["signature_def"].Unpack(told)
    assert "serving_default" in told.signature_def
    for call, wrong, code in (
        (models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest(), "INVALID_ARGUMENT"),
        (predictions.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec()), "INVALID_ARGUMENT"),
        (models.HandleReloadConfigRequest, model_management_pb2.ReloadConfigRequest(), "INVALID_ARGUMENT"),
    ):
        with pytest.raises(grpc.RpcError) as failed:
            call(wrong, timeout=SECONDS)
        assert failed.value.code().name == code


def warm(saved: pathlib.Path, folder: pathlib.Path, *logs: Any) -> pathlib.Path:
    shutil.copytree(saved, folder)
    (folder / "assets.extra").mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(folder / servable.WARMUP)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())
    return folder


def log_of(asked: Any) -> Any:
    return prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=asked))


def test_warm_up(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    good = log_of(request(features=FEATURES, words=WORDS))
    assert servable.Servable(warm(saved, tmp_path / "good", good, good)).warm_up() == 2
    for name, log, message in (
        ("wrong", log_of(request(features=FEATURES)), "input size does not match"),
        ("other", prediction_log_pb2.PredictionLog(classify_log=prediction_log_pb2.ClassifyLog()), "Unsupported log_type"),
    ):
        with pytest.raises(Status, match=message):
            servable.Servable(warm(saved, tmp_path / name, log)).warm_up()
    damaged = warm(saved, tmp_path / "damaged", good)
    (damaged / servable.WARMUP).write_bytes(b"not records at all, not one of them")
    with pytest.raises(Status, match="DATA_LOSS"):
        servable.Servable(damaged).warm_up()


def test_a_version_whose_warm_up_fails_is_not_served(saved: pathlib.Path, tmp_path: pathlib.Path) -> None:
    warm(saved, tmp_path / "1", log_of(request(features=FEATURES)))
    with pytest.raises(Status, match="did not become available"):
        core(load=servable.Servable).reload(specific(tmp_path, [1]))
    core("--enable_model_warmup=false", load=servable.Servable).reload(specific(tmp_path, [1]))


@pytest.mark.parametrize("damage", [lambda model: shutil.rmtree(model / "variables"), lambda model: (model / "saved_model.pb").write_bytes(b"\x12\x7f")])
def test_a_damaged_model(saved: pathlib.Path, tmp_path: pathlib.Path, damage: Callable[[pathlib.Path], object]) -> None:
    model = shutil.copytree(saved, tmp_path / "model")
    damage(model)
    with pytest.raises(Status, match="DATA_LOSS|NOT_FOUND"):
        servable.Servable(model)


@pytest.mark.parametrize("values, text", [
    (np.array([0.2, 3, 1e-9, np.inf, -np.inf], np.float32), "[0.2, 3.0, 1e-09, Infinity, -Infinity]"),
    (np.array([0.1], np.float64), "[0.1]"), (np.array([[1], [2]], np.int64), "[[1], [2]]"), (np.array([True]), "[true]"),
])
def test_numbers_in_json(values: np.ndarray, text: str) -> None:
    assert json.dumps(tensors.plain("y", values)) == text


def test_flags() -> None:
    read = flags.parse(["--model_config_file=/f", "--allow_version_labels_for_unavailable_models", "--enable_model_warmup=false", "--port=1"])
    assert (read.allow_version_labels_for_unavailable_models, read.enable_model_warmup, read.port, read.rest_api_port) == (True, False, 1, 0)
    for wrong in ([], ["--model_base_path=/m", "--no_such_flag"], ["--model_base_path=/m", "--port=x"], ["--model_base_path=/m", "--enable_model_warmup=2"]):
        with pytest.raises(SystemExit):
            flags.parse(wrong)
