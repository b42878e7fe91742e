"""Part of a stand-in for TensorFlow Serving: predict requests and answers in JSON, by the rules of its json_tensor.cc."""

from __future__ import annotations

import base64
import binascii
import json
import math
from typing import Any

import numpy as np
import tensorflow as tf

from .servable import DEFAULT_SIGNATURE, Servable
from .status import Status, invalid


def request(text: bytes, servable: Servable) -> tuple[str, dict[str, np.ndarray], bool]:
    """Signature, inputs and whether they came in rows, of the text of a predict request; raises Status."""
    if not text:
        raise invalid("JSON Parse error: The document is empty")
    try:
        asked = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(asked, dict):
        raise invalid(f"JSON Value: {shown(asked)} Is not object")
    name = asked.get("signature_name", DEFAULT_SIGNATURE)
    if not isinstance(name, str):
        raise invalid(f"JSON Value: {shown(asked)} not formatted correctly. 'signature_name' key must be a string value.")
    if name not in servable.signatures:
        raise invalid(f'Serving signature name: "{name}" not found in signature def')
    dtypes = {alias: tf.dtypes.as_dtype(info.dtype) for alias, info in servable.signatures[name].inputs.items()}
    if "instances" in asked and "inputs" in asked:
        raise invalid(f"JSON Value: {shown(asked)} Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
    if "instances" in asked:
        return name, rows(asked["instances"], dtypes), True
    if "inputs" in asked:
        return name, columns(asked["inputs"], dtypes), False
    raise invalid("Missing 'inputs' or 'instances' key")


def rows(instances: Any, dtypes: dict[str, tf.DType]) -> dict[str, np.ndarray]:
    if not isinstance(instances, list):
        raise invalid(f"JSON Value: {shown(instances)} Excepting 'instances' to be an list/array")
    if not instances:
        raise invalid(f"JSON Value: {shown(instances)} No values in 'instances' array")
    if not is_named(instances[0]) and len(dtypes) > 1:
        raise invalid("instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map")
    named: dict[str, list[np.ndarray]] = {alias: [] for alias in dtypes}
    for number, instance in enumerate(instances):
        if is_named(instance) != is_named(instances[0]):
            raise invalid(f"Expecting {'object but got list' if is_named(instances[0]) else 'value/list but got object'} "
                          f"at item {number} of input list")
        one = instance if is_named(instance) else {next(iter(dtypes)): instance}
        for alias, value in one.items():
            if alias not in dtypes:
                raise invalid(f"Failed to process element: {number} key: {alias} of 'instances' list. Error: "
                              f"INVALID_ARGUMENT: JSON object: does not have named input: {alias}")
            try:
                values = tensor(value, dtypes[alias])
            except Status as refused:
                raise invalid(f"Failed to process element: {number} key: {alias} of 'instances' list. Error: {refused}") from refused
            if named[alias] and named[alias][0].shape != values.shape:
                raise invalid(f"Failed to process element: {number} of 'instances' list. Error: INVALID_ARGUMENT: "
                              f"Expecting shape {named[alias][0].shape} but got: {values.shape}")
            named[alias].append(values)
        if one.keys() != dtypes.keys():
            raise invalid(f"Failed to process element: {number} of 'instances' list. JSON object: {shown(instance)} "
                          f"must only have keys: {','.join(sorted(dtypes))}")
    return {alias: np.stack(values) for alias, values in named.items()}


def columns(inputs: Any, dtypes: dict[str, tf.DType]) -> dict[str, np.ndarray]:
    if not is_named(inputs):
        if len(dtypes) > 1:
            raise invalid("inputs is a plain value/list, but expecting an object as multiple input tensors required as per tensorinfo_map")
        return {alias: tensor(inputs, dtype) for alias, dtype in dtypes.items()}
    for alias in dtypes:
        if alias not in inputs:
            raise invalid(f"Missing named input: {alias} in 'inputs' object.")
    return {alias: tensor(inputs[alias], dtype) for alias, dtype in dtypes.items()}


def is_base64(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def tensor(value: Any, dtype: tf.DType) -> np.ndarray:
    """A JSON value of any depth as an array; raises Status for one that is ragged, or of another type."""
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        if not inner:
            break
        inner = inner[0]
    leaves: list[Any] = []

    def walk(part: Any, level: int) -> None:
        if not isinstance(part, list):
            if level != len(shape):
                raise invalid(f"JSON Value: {shown(part)} found at incorrect level: {level + 1} in the JSON DOM. "
                              f"Expected at level: {len(shape)}")
            leaves.append(leaf(part, dtype))
            return
        if level >= len(shape):
            raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
        if len(part) != shape[level]:
            raise invalid(f"Encountered list at unexpected size: {len(part)} at level: {level} expected size: {shape[level]}")
        for one in part:
            walk(one, level + 1)

    walk(value, 0)
    return np.array(leaves, dtype=object if dtype == tf.string else dtype.as_numpy_dtype).reshape(shape)


def leaf(value: Any, dtype: tf.DType) -> Any:
    """One value; raises Status for one that the type does not hold."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if dtype == tf.string:
        if is_base64(value):
            try:
                return base64.b64decode(value["b64"], validate=True)
            except binascii.Error as error:
                raise invalid("Unable to base64 decode") from error
        if isinstance(value, str):
            return value.encode()
    elif dtype in (tf.float32, tf.float64):
        if number:
            if isinstance(value, int) and abs(value) > (1 << (24 if dtype == tf.float32 else 53)) - 1:
                raise invalid(f"Cannot convert JSON value: {value} to {'float' if dtype == tf.float32 else 'double'} without loss of precision.")
            return value
    elif dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif dtype.is_integer and number and isinstance(value, int) and dtype.min <= value <= dtype.max:
        return value
    raise invalid(f"JSON Value: {shown(value)} Type: {kind(value)} is not of expected type: {dtype.name}")


def kind(value: Any) -> str:
    names = {dict: "Object", list: "Array", str: "String", int: "Number", float: "Number", type(None): "Null"}
    return str(value) if isinstance(value, bool) else names[type(value)]


def shown(value: Any) -> str:
    return json.dumps(value)[:2000]


def answer(outputs: dict[str, np.ndarray], by_rows: bool) -> bytes:
    """The JSON text of the outputs; raises Status where they cannot be told in rows."""
    if not by_rows:
        told = {name: plain(name, values) for name, values in outputs.items()}
        return dumped({"outputs": told if len(told) > 1 else next(iter(told.values()))})
    sizes = {}
    for name, values in outputs.items():
        if values.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
        if len(values) < 1:
            raise invalid(f"Tensor name: {name} has invalid batch size: {len(values)}")
        sizes[name] = len(values)
        if len(set(sizes.values())) > 1:
            raise invalid(f"Tensor name: {name} has inconsistent batch size: {len(values)} expecting: {next(iter(sizes.values()))}")
    told = {name: plain(name, values) for name, values in sorted(outputs.items())}
    if len(told) == 1:
        return dumped({"predictions": next(iter(told.values()))})
    return dumped({"predictions": [dict(zip(told, row)) for row in zip(*told.values())]})


def plain(name: str, values: np.ndarray) -> Any:
    """An array as JSON: floats by as few digits as give them back, bytes in base64 where the name says that they are bytes."""
    if values.dtype == object:
        as_bytes = name.endswith("_bytes")
        texts = [{"b64": base64.b64encode(one).decode()} if as_bytes else one.decode(errors="replace") for one in values.ravel()]
        return np.array(texts, dtype=object).reshape(values.shape).tolist()
    if values.dtype == np.float32:  # 0.2 and not 0.20000000298023224
        texts = [float(str(one)) if math.isfinite(one) else float(one) for one in values.ravel()]
        return np.array(texts, dtype=np.float64).reshape(values.shape).tolist()
    return values.tolist()


def dumped(value: Any) -> bytes:
    return json.dumps(value, indent=4).encode()
