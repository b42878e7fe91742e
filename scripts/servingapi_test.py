"""Tests of servingapi.py: arrays and tensors are the same in every type, and what a server refuses is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
import servingapi
from servingapi import Grpc, Refused, Rest, Target

pytest.importorskip("tensorflow")  # before its messages are imported without it
pytest.importorskip("tensorflow_serving")
import fake_serving  # noqa: E402
from tensorflow.core.framework import tensor_pb2  # noqa: E402


@pytest.mark.parametrize("values", [
    *(np.array([[0, 1], [2, 3]], dtype=name) for name in servingapi.DTYPES),
    np.array([1e-40, np.nan, -np.inf], dtype=np.float32), np.zeros((0, 3), np.float32), np.array([[b"a", b"\xff\x00\xfe"]], dtype=object),
], ids=str)
def test_an_array_comes_back_as_it_was(values: np.ndarray) -> None:
    tensor = tensor_pb2.TensorProto()
    servingapi.fill(tensor, values)
    again = servingapi.array(tensor_pb2.TensorProto.FromString(tensor.SerializeToString()))
    assert again.dtype == values.dtype
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize("values", [
    np.array([[1.5, 2.5]], np.float32), np.array([1.5, 2.5]), np.array([1, 2], np.int32), np.array([1, 2], np.uint8), np.array([1, 2]),
    np.array([True, False]), np.array([1, 2], np.uint32), np.array([1, 2], np.uint64), np.array([0.5, 2], np.float16),
    np.full((2, 3), 7.0, np.float32),
], ids=str)
def test_tensorflows_own_tensors_are_read(values: np.ndarray) -> None:
    import tensorflow as tf

    np.testing.assert_array_equal(servingapi.array(tf.make_tensor_proto(values)), values)
    listed = tensor_pb2.TensorProto(dtype=tf.as_dtype(values.dtype).as_datatype_enum)  # value by value, as the server writes them
    for size in values.shape:
        listed.tensor_shape.dim.add(size=size)
    field = "half_val" if values.dtype == np.float16 else servingapi.FIELDS[listed.dtype]
    getattr(listed, field).extend((values.view(np.uint16) if values.dtype == np.float16 else values).ravel().tolist())
    np.testing.assert_array_equal(servingapi.array(listed), values)


def test_a_last_value_stands_for_the_rest() -> None:
    tensor = tensor_pb2.TensorProto(dtype=1, float_val=[1, 2])
    tensor.tensor_shape.dim.add(size=4)
    np.testing.assert_array_equal(servingapi.array(tensor), np.array([1, 2, 2, 2], np.float32))


def test_a_type_that_no_array_holds() -> None:
    with pytest.raises(Refused, match="type 21"):
        servingapi.array(tensor_pb2.TensorProto(dtype=21))


def test_requests_in_json() -> None:
    inputs = {"x": np.array([[0.1, 2]], np.float32), "word": np.array([b"\xffa"], dtype=object), "n": np.array([3])}
    row = {"x": [float(np.float32(0.1)), 2.0], "word": {"b64": "/2E="}, "n": 3}
    assert json.loads(Rest.body("s", inputs)) == {"signature_name": "s", "instances": [row]}
    assert json.loads(Rest.body("s", inputs, columns=True)) == {"signature_name": "s", "inputs": {name: [value] for name, value in row.items()}}


@pytest.mark.parametrize("target, path", [
    (Target("m"), "/v1/models/m"), (Target("m", version=3), "/v1/models/m/versions/3"), (Target("m", label="canary"), "/v1/models/m/labels/canary"),
])
def test_where_a_model_is(target: Target, path: str) -> None:
    assert target.path == path


def test_both_apis() -> None:
    fake, target, inputs = fake_serving.Fake(), Target("m", label="stable"), {"x": np.array([[1, 2], [3, 4]], np.float32)}
    with fake_serving.serving(fake) as ports, Rest("127.0.0.1", ports["rest"]) as rest, Grpc("127.0.0.1", ports["grpc"]) as grpc:
        for columns in (False, True):
            np.testing.assert_array_equal(rest.predict(target, Rest.body("s", inputs, columns), "y"), [[6], [14]])
        np.testing.assert_array_equal(grpc.predict(grpc.request(target, "s", inputs, "y"), "y"), [[6], [14]])
        assert rest.status(target) == {1: ("AVAILABLE", "")} and grpc.status(target) == {1: "AVAILABLE"}
        with pytest.raises(Refused, match="HTTP 404: Servable not found"):
            rest.predict(Target("other"), b"{}", "y")
        np.testing.assert_array_equal(rest.predict(target, Rest.body("s", inputs), "y"), [[6], [14]])  # on the same connection


def test_a_server_that_is_not_there() -> None:
    with Rest("127.0.0.1", 9, seconds=1) as rest, pytest.raises(Refused, match="no answer"):
        rest.status(Target("m"))
    with Grpc("127.0.0.1", 9, seconds=1) as grpc, pytest.raises(Refused, match="Predict: UNAVAILABLE|Predict: DEADLINE_EXCEEDED"):
        grpc.predict(grpc.request(Target("m"), "s", {}, "y"), "y")
