"""Digest what a SavedModel's signatures compute, as modeldigest.py defines it.

The names of nodes and functions carry counters and the order of what a function captures may differ from process to
process. So a node's digest follows from its op, its attributes and the digests of its inputs alone, and a call is replaced by
what the called function does with what is given to it.
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Callable
from typing import Any

from modelfile import INIT_OP, Fault, Model, in_order, mix, sizes

CALLS = {"PartitionedCall", "StatefulPartitionedCall"}
NAMED = {"VarHandleOp", "VariableV2", "Variable"}
FORGOTTEN = {"shared_name", "container", "config_proto"}
MOST_NODES = 5_000_000  # after replacing calls by bodies; a guard against a graph made to grow without end
DEEPEST_CALL = 100


class Graphs:
    """Digests of what signatures compute."""

    def __init__(self, model: Model, weights: Any) -> None:
        self.model, self.weights = model, weights
        self.nodes = {node.name: node for node in model.graph.graph_def.node}
        self._bodies: dict[str, bytes] = {}
        self._objects: dict[int, bytes] = {}
        self._seen: list[bytes] = []  # the nodes of the signature that is being digested
        self._depth = 0

    def digest(self) -> bytes:
        return mix("graph 1", list(self.signatures().values()))

    def signatures(self) -> dict[str, bytes]:
        """What each signature takes, computes and returns, in the order of their names."""
        found = self.model.graph.signature_def
        return {name: self._signature(name, found[name]) for name in in_order(found) if name != INIT_OP}

    def _signature(self, name: str, signature: Any) -> bytes:
        given = {tensor.split(":")[0]: mix("input", key) for key, info in signature.inputs.items() for tensor in _tensors(info)}
        wanted = {key: _tensors(info) for key, info in signature.outputs.items()}
        self._seen = []
        values, _ = self._run(self.nodes, [tensor for names in wanted.values() for tensor in names], [], lambda node: given.get(node.name))
        self._depth = 0
        results = dict(zip((tensor for names in wanted.values() for tensor in names), values))
        inputs = [mix(key, *self._interface(signature.inputs[key])) for key in in_order(signature.inputs)]
        outputs = [mix(key, *self._interface(signature.outputs[key]), [results[tensor] for tensor in wanted[key]])
                   for key in in_order(signature.outputs)]
        return mix("signature", name, signature.method_name, inputs, outputs, sorted(self._seen))

    def _interface(self, info: Any) -> tuple[str, Any]:
        return self.model.dtype(info.dtype), sizes(info.tensor_shape)

    def _run(self, nodes: dict[str, Any], results: list[str], effects: list[str],
             known: Callable[[Any], bytes | None], arguments: dict[str, bytes] | None = None) -> tuple[list[bytes], bytes]:
        """Digest the nodes that results and effects need; return the results' digests and that of the effects."""
        outputs: dict[str, Any] = {}  # node → Call, or the digest of any other node

        def needs(name: str) -> list[str]:
            return [source for entry in nodes[name].input if (source := _source(entry)) not in (arguments or {})]

        def value(reference: str) -> bytes:
            source, _, rest = reference.partition(":")
            if arguments and source in arguments:
                return arguments[source]
            output = outputs[source]
            label, _, index = rest.rpartition(":")
            if isinstance(output, _Call):
                return output.result(label, int(index or 0))
            return output if known(nodes[source]) else mix("output", output, label, int(index or 0))

        def control(name: str) -> bytes:
            if arguments and name in arguments:
                return arguments[name]
            return outputs[name].control if isinstance(outputs[name], _Call) else outputs[name]

        waiting = [source for entry in [*results, *effects] if (source := _source(entry)) not in (arguments or {})]
        entered: set[str] = set()
        while waiting:
            name = waiting[-1]
            if name not in nodes:
                raise Fault(f"saved_model.pb refers to the node {name!r}, which is not there: export or copy the model again")
            before = [source for source in needs(name) if source not in outputs] if name not in outputs else []
            if before and name not in entered:
                entered.add(name)
                waiting += before
                continue
            waiting.pop()
            if before:
                raise Fault(f"the graph has a cycle through {name!r}: export a SavedModel of TensorFlow 2")
            if name not in outputs:
                node = nodes[name]
                inputs = [value(entry) for entry in node.input if not entry.startswith("^")]
                controls = sorted({control(entry[1:]) for entry in node.input if entry.startswith("^")})
                outputs[name] = known(node) or self._node(node, inputs, controls, arguments is None)
        return [value(result) for result in results], mix(*sorted(control(effect) for effect in effects))

    def _node(self, node: Any, inputs: list[bytes], controls: list[bytes], top: bool) -> bytes | _Call:
        function = node.attr["f"].func.name if node.op in CALLS else node.op
        if function in self.model.functions:
            call = self._call(function, inputs)
            if controls:
                self._note(mix("node", "call", [], [call.control], controls))
            return call
        if top and node.op in NAMED:
            return self._note(mix("named", node.op, node.attr["shared_name"].s or node.name))
        attributes = [mix(name, self._attribute(node.attr[name])) for name in in_order(node.attr)
                      if not name.startswith("_") and name not in FORGOTTEN]
        return self._note(mix("node", node.op, attributes, inputs, controls))

    def _note(self, digest: bytes) -> bytes:
        self._seen.append(digest)
        if len(self._seen) > MOST_NODES:
            raise Fault(f"the graph has more than {MOST_NODES:,} nodes once its functions are put in place: it has no digest")
        return digest

    def _call(self, name: str, inputs: list[bytes]) -> _Call:
        function = self.model.functions[name]
        bound = self.model.graph.object_graph_def.concrete_functions
        if name in bound and (captured := bound[name].bound_inputs) and len(captured) <= len(inputs):
            inputs = inputs[: len(inputs) - len(captured)] + [self._object(index) for index in captured]
        self._depth += 1
        if self._depth > DEEPEST_CALL:
            raise Fault(f"functions call each other more than {DEEPEST_CALL} deep at {name!r}: such a graph has no digest")
        arguments = dict(zip((argument.name for argument in function.signature.input_arg), inputs))
        names = [argument.name for argument in function.signature.output_arg]
        results, effects = self._run(
            {node.name: node for node in function.node_def}, [function.ret[name] for name in names],
            [function.control_ret[key] for key in function.control_ret], lambda _: None, arguments)
        self._depth -= 1
        return _Call(names, results, mix("call", results, effects))

    def _body(self, name: str) -> bytes:
        """The digest of a function that is not called in place, such as the body of a loop."""
        if name not in self.model.functions:
            raise Fault(f"saved_model.pb refers to the function {name!r}, which is not there: export or copy the model again")
        if name not in self._bodies:
            outer, self._seen = self._seen, []
            count = len(self.model.functions[name].signature.input_arg)
            call = self._call(name, [mix("argument", position) for position in range(count)])
            self._bodies[name] = mix("function", mix(call.control, sorted(self._seen)))
            self._seen = outer
        return self._bodies[name]

    def _attribute(self, value: Any) -> bytes:
        kind = value.WhichOneof("value")
        if kind == "func":
            return self._body(value.func.name)
        if kind == "list" and value.list.func:
            return mix("functions", [self._body(function.name) for function in value.list.func])
        if kind == "tensor":
            return self._constant(value.tensor)
        return mix(value.SerializeToString(deterministic=True))

    def _constant(self, tensor: Any) -> bytes:
        try:
            return self.model.content(self.model.tf.make_ndarray(tensor))
        except (TypeError, ValueError):  # a type without an array, such as a variant
            return mix(tensor.SerializeToString(deterministic=True))

    def _object(self, index: int) -> bytes:
        if index not in self._objects:
            self._objects[index] = mix("self")
            self._objects[index] = self._captured(index)
        return self._objects[index]

    def _captured(self, index: int) -> bytes:
        node = self.model.objects[index]
        kind = node.WhichOneof("kind")
        if kind == "variable":
            return self.weights.variable(index)
        if kind == "constant":
            return mix("constant", self._constant(self.nodes[node.constant.operation].attr["value"].tensor))
        if kind == "asset":
            name = self.model.graph.asset_file_def[node.asset.asset_file_def_index].filename
            return mix("asset", _file(self.model.directory / "assets" / name))
        if kind == "resource":
            parts = {child.local_name: self._method(child.node_id) for child in node.children}
            return mix("resource", [mix(name, parts[name]) for name in in_order(parts) if parts[name]], self.weights.attributes(index))
        return mix("object", kind or "")

    def _method(self, index: int) -> bytes | None:
        """The digest of the functions of a resource's method: how it is made and filled."""
        node = self.model.objects[index]
        if not node.HasField("function"):
            return None
        bodies = []
        for name in node.function.concrete_functions:
            captured = len(self.model.graph.object_graph_def.concrete_functions[name].bound_inputs)
            count = len(self.model.functions[name].signature.input_arg)
            outer, self._seen = self._seen, []
            call = self._call(name, [mix("argument", position) for position in range(count - captured)] + [b""] * captured)
            bodies.append(mix(call.control, sorted(self._seen)))
            self._seen = outer
        return mix(*bodies)


class _Call:
    """A function's body in place of a call: its results by position and by name, and what it is as a control input."""

    def __init__(self, names: list[str], results: list[bytes], control: bytes) -> None:
        self.names, self.results, self.control = names, results, control

    def result(self, label: str, index: int) -> bytes:
        return self.results[self.names.index(label) if label in self.names and label != "output" else index]


def _source(entry: str) -> str:
    return entry.removeprefix("^").partition(":")[0]


def _tensors(info: Any) -> list[str]:
    """The tensors of one input or output: one, or those of a sparse or composite one."""
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return [sparse.values_tensor_name, sparse.indices_tensor_name, sparse.dense_shape_tensor_name]
    if kind == "composite_tensor":
        return [tensor for part in info.composite_tensor.components for tensor in _tensors(part)]
    return [info.name]


def _file(path: pathlib.Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:
        raise Fault(f"cannot read {path}, which the model uses: {error.strerror}") from error
