"""Convert a SavedModel to ONNX, run it in ONNX Runtime and compare it with the SavedModel.

    python3 onnx_export.py --model DIR --reference DIR --out model.onnx --report report.json

The reference folder is reference.py's; agreement.py says what the report holds. tf2onnx numbers its nodes in an order that differs
from run to run, so they are put into an order of the graph's own: the same model gives the same bytes. Its packages
(requirements/onnx.txt) are installed with --no-deps beside the image's TensorFlow, whose NumPy and protobuf they would replace.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
from typing import Any

import numpy as np

import agreement
import savedmodel
import step
from heldout import Unfit

OPSET = 17


def convert(model: pathlib.Path, signature: str) -> Any:
    """The signature as an ONNX ModelProto, with the signature's names; raises Unfit when ONNX has no form of it."""
    savedmodel.check(model, signature)
    import tensorflow as tf
    import tf2onnx

    loaded = tf.saved_model.load(str(model))  # holds the variables that the function uses
    function = loaded.signatures[signature]
    inputs = [tf.TensorSpec(spec.shape, spec.dtype, name) for name, spec in sorted(function.structured_input_signature[1].items())]

    @tf.function(input_signature=inputs)
    def call(*values: Any) -> Any:
        return function(**{spec.name: value for spec, value in zip(inputs, values, strict=True)})

    try:
        return tf2onnx.convert.from_function(call, input_signature=inputs, opset=OPSET)[0]
    except Exception as error:  # noqa: BLE001 - the converter raises whatever its parts do
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise Unfit(f"tf2onnx cannot convert this model: {lines[0][:300]}") from error


def canonical(proto: Any) -> None:
    """Order nodes and constants by how the outputs are computed, name them by their place, and keep equal constants once.

    A graph with graphs inside (loops, branches) refers to names across them and is left as it is, as is one with a constant output.
    """
    graph = proto.graph
    if any(attribute.HasField("g") or attribute.graphs for node in graph.node for attribute in node.attribute):
        return
    constants = {constant.name: constant for constant in graph.initializer}
    if any(output.name in constants for output in graph.output):
        return
    makers = {name: node for node in graph.node for name in node.output}
    names = {value.name: value.name for value in (*graph.input, *graph.output)}
    nodes: list[Any] = []
    kept: dict[bytes, Any] = {}

    def name_of(value: str) -> str:
        if value in constants and value not in names:
            constant = constants[value]
            constant.name = ""
            content = constant.SerializeToString(deterministic=True)
            kept.setdefault(content, constant)
            names[value] = f"constant_{list(kept).index(content)}"
        return names[value] if value else ""

    def order(value: str) -> None:
        pending, placed = [value], {id(node) for node in nodes}
        while pending:
            node = makers.get(pending[-1])
            if node is None or id(node) in placed:
                pending.pop()
                continue
            waiting = [name for name in node.input if name in makers and id(makers[name]) not in placed]
            if waiting:
                pending.extend(reversed(waiting))
                continue
            placed.add(id(node))
            nodes.append(node)

    for output in graph.output:
        order(output.name)
    for place, node in enumerate(nodes):
        node.name = f"{node.op_type}_{place}"
        for index, name in enumerate(node.output):
            names.setdefault(name, f"value_{place}_{index}")
        attributes = sorted(node.attribute, key=lambda attribute: attribute.name)
        node.input[:], node.output[:] = [name_of(name) for name in node.input], [name_of(name) for name in node.output]
        del node.attribute[:]
        node.attribute.extend(attributes)
    for place, constant in enumerate(kept.values()):
        constant.name = f"constant_{place}"
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept.values())
    graph.name, graph.doc_string = "model", ""


def answers(content: bytes, reference: agreement.Reference) -> np.ndarray:
    """The model's output on all rows [N, …]; raises Unfit when ONNX Runtime does not take it."""
    import onnxruntime

    try:
        session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
        sizes = {value.shape[0] for value in session.get_inputs() if value.shape and isinstance(value.shape[0], int)}
        return reference.ask(lambda rows: session.run([reference.output], rows)[0], sizes.pop() if sizes else None)
    except Exception as error:  # noqa: BLE001 - the runtime's errors share no class
        raise Unfit(f"ONNX Runtime cannot run the converted model: {str(error).strip()[:300]}") from error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--report", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        reference = agreement.Reference(options.reference)
        proto = convert(options.model, reference.signature)
        canonical(proto)
        content = proto.SerializeToString(deterministic=True)
        figures = agreement.compare(reference, answers(content, reference))
    except (Unfit, savedmodel.Refused) as problem:
        return step.fail(str(problem))
    options.out.write_bytes(content)
    agreement.write(options.report, figures, options.out, "onnx", "none")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
