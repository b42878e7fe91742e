"""Ask a server of one model what TensorFlow Serving's clients and operators rely on; ends at the first that it does otherwise.

    python3 conformance.py HOST MODEL

The server has version 1 of the model under the label stable. The same for the official image and for the stand-in.
"""

from __future__ import annotations

import collections.abc
import sys

import numpy as np
from servingapi import Grpc, Refused, Rest, Target

ROWS = np.array([[0.1, 0.9], [0.9, 0.1], [0.5, 0.5]], np.float32)
OUTPUT, SIGNATURE = "output_0", "serving_default"


def refused(what: str, call: collections.abc.Callable[[], object], *parts: str) -> None:
    """Want `call` to be refused in these words."""
    try:
        call()
    except Refused as refusal:
        lacking = [part for part in parts if part not in str(refusal)]
        assert not lacking, f"{what}: the refusal does not say {lacking}; it says: {refusal}"
    else:
        raise AssertionError(f"{what}: was accepted")


def config(model: str, versions: list[int], **labels: int) -> str:
    listed = " ".join(f"versions: {version}" for version in versions)
    told = " ".join(f'version_labels {{ key: "{label}" value: {version} }}' for label, version in labels.items())
    return (f'model_config_list {{ config {{ name: "{model}" base_path: "/models/{model}" model_platform: "tensorflow" '
            f"model_version_policy {{ specific {{ {listed} }} }} {told} }} }}")


def answers(rest: Rest, grpc: Grpc, model: str, name: str) -> None:
    """Every way of asking for the rows gives the same answer."""
    inputs = {name: ROWS}
    found = [grpc.predict(grpc.request(Target(model), SIGNATURE, inputs, OUTPUT), OUTPUT)]
    for target in (Target(model), Target(model, version=1), Target(model, label="stable")):
        for columns in (False, True):
            found.append(rest.predict(target, Rest.body(SIGNATURE, inputs, columns), OUTPUT))
        found.append(grpc.predict(grpc.request(target, SIGNATURE, inputs, OUTPUT), OUTPUT))
    assert found[0].shape == (3, 1) and found[0].dtype == np.float32, found[0]
    for answer in found:
        np.testing.assert_allclose(answer, found[0], rtol=0, atol=1e-6)


def refusals(rest: Rest, grpc: Grpc, model: str, name: str) -> None:
    """What is not there, or is no request, is refused with the server's own code and words."""
    body = Rest.body(SIGNATURE, {name: ROWS})
    for target, parts in (
        (Target("nobody"), ("HTTP 404", "Servable not found for request: Latest(nobody)")),
        (Target(model, version=7), ("HTTP 404", f"Servable not found for request: Specific({model}, 7)")),
        (Target(model, label="nowhere"), ("HTTP 400", "Unrecognized servable version label: nowhere")),
    ):
        refused(f"REST {target}", lambda target=target: rest.predict(target, body, OUTPUT), *parts)
    refused("status of no model", lambda: rest.status(Target("nobody")), "HTTP 404", "Could not find any versions of model nobody")
    for text in (b"", b"{", b"[]", b"{}", b'{"instances": []}', b'{"instances": [["x", 1]]}', b'{"signature_name": "x", "instances": [[1, 2]]}'):
        refused(f"REST {text!r}", lambda text=text: rest.predict(Target(model), text, OUTPUT), "HTTP 400")
    for target, parts in (
        (Target("nobody"), ("NOT_FOUND", "Latest(nobody)")), (Target(model, version=7), ("NOT_FOUND", "Specific")),
        (Target(model, label="nowhere"), ("INVALID_ARGUMENT", "nowhere")),
    ):
        refused(f"gRPC {target}", lambda target=target: grpc.predict(grpc.request(target, SIGNATURE, {name: ROWS}, OUTPUT), OUTPUT), *parts)
    refused("gRPC without the input", lambda: grpc.predict(grpc.request(Target(model), SIGNATURE, {}, OUTPUT), OUTPUT), "INVALID_ARGUMENT")
    refused("gRPC with another type", lambda: grpc.predict(
        grpc.request(Target(model), SIGNATURE, {name: ROWS.astype(np.float64)}, OUTPUT), OUTPUT), "INVALID_ARGUMENT")


def labels(rest: Rest, grpc: Grpc, model: str, name: str) -> None:
    """A label moves to what is loaded and to nothing else, and one that is gone is gone."""
    body, canary = Rest.body(SIGNATURE, {name: ROWS}), Target(model, label="canary")
    refused("a label to a version that is not loaded", lambda: grpc.reload(config(model, [1], stable=2)),
            "FAILED_PRECONDITION", f"Request to assign label to version 2 of model {model}, which is not currently available")
    refused("a model twice", lambda: grpc.reload(
        f'model_config_list {{ {2 * (config(model, [1])[len("model_config_list {"):-1].strip() + " ")} }}'), "INVALID_ARGUMENT", "multiple times")
    rest.predict(Target(model, label="stable"), body, OUTPUT)
    for _ in range(2):
        grpc.reload(config(model, [1], stable=1, canary=1))
        rest.predict(canary, body, OUTPUT)
        grpc.reload(config(model, [1], stable=1))
        refused("a label that was taken away", lambda: rest.predict(canary, body, OUTPUT), "Unrecognized servable version label: canary")


def main(host: str, model: str) -> None:
    with Rest(host, 8501) as rest, Grpc(host, 8500) as grpc:
        assert rest.status(Target(model)) == {1: ("AVAILABLE", "")}, rest.status(Target(model))
        assert grpc.status(Target(model)) == {1: "AVAILABLE"}, grpc.status(Target(model))
        told = rest.metadata(Target(model))
        assert told["model_spec"]["name"] == model and told["model_spec"]["version"] == "1", told["model_spec"]
        inputs = told["metadata"]["signature_def"]["signature_def"][SIGNATURE]["inputs"]
        (name, one), = inputs.items()
        assert one["dtype"] == "DT_FLOAT" and [dim["size"] for dim in one["tensor_shape"]["dim"]] == ["-1", "2"], one
        assert SIGNATURE.encode() in grpc.metadata(Target(model))
        answers(rest, grpc, model, name)
        refusals(rest, grpc, model, name)
        labels(rest, grpc, model, name)
    print("conforms")


if __name__ == "__main__":
    main(*sys.argv[1:])
