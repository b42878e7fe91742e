"""Digest a SavedModel so that equal models have equal digests, whatever process wrote them.

    python3 modeldigest.py DIR

Two exports of one model differ in their bytes: names of functions carry counters, and Keras orders its variables by memory
address. The canonical digest leaves out what carries no meaning. Prints

    {"canonicalDigest", "weightsDigest", "graphDigest", "variables": N, "bytes": N, "files": {PATH: "sha256:..."},
     "signatures": {NAME: {"inputs": {KEY: {"dtype", "shape"}}, "outputs": {...}}}}

Nothing of the model is run: the protocol buffers and the checkpoint are read. Exit status 2 with one line on standard error
when they cannot be.

# Definition, version 1

H(a, b, ...) is the SHA-256 of its parts one after the other, each preceded by its length in bytes as a little-endian
64-bit integer. Text is UTF-8, integers are decimal text, a list in brackets is H of its items, and a digest within a digest
is its 32 bytes. The graph is the meta graph with the tag `serve`; dtypes have TensorFlow's names, without "_ref".

Content. content(tensor) = H("tensor", dtype, [sizes], bytes). The bytes are little-endian and row-major; for strings they
are H of all of them.

Weights. Every variable of the checkpoint's object graph (an attribute VARIABLE_VALUE) gives
    row = H("variable", full name, content(value))
Every other attribute stands for the tensors whose key is its own, or its own with "-" and a suffix. Each gives
    row = H("state", attribute's name, suffix, content(tensor))
except that "keys" and "values" of a hash table, whose order is not fixed, together give
    row = H("table", attribute's name, [sorted H(content(key), content(value))])
    weightsDigest = H("weights 1", [sorted different rows])
Rows are a set, since Keras stores each tensor twice. `variables` counts the different rows of variables.

Graph. A node's digest follows from what it computes, not from its name or place:
    node = H("node", op, [attributes], [inputs], [sorted different digests of control inputs])
    attribute = H(name, value), by ascending name, without names that begin with "_" and without shared_name, container
        and config_proto. value is content(tensor) for a tensor, H("function", body) for a function with H("argument", position)
        as its arguments, H("functions", [those]) for a list of functions, and else H of the AttrValue's encoding in the
        order of field numbers.
    input from a node = H("output", node, name of its output argument ("" outside functions), index)
    input from a function's argument = what was given for it
PartitionedCall and StatefulPartitionedCall (attribute f), and ops that have a function's name, are replaced by what the
function does: an input from such a call is the function's result, computed from the call's inputs. As a control input it is
    call = H("call", [results], H of the sorted digests of the nodes that the function runs for their effect (control_ret))
and a call that has control inputs itself adds the node H("node", "call", [], [call], [sorted different control inputs]).
    body = H(call, [sorted digests of all nodes that it needs, called functions' included, as often as they occur])
Devices, and nodes that no result and no effect needs, do not count.

What a function has captured, the bound_inputs of the object graph, takes the place of its last arguments:
    variable    H("variable", full name, dtype, [sizes]), and content(value) as a last part where variables of that name,
                dtype and shape differ in value
    constant    H("constant", content)
    asset       H("asset", SHA-256 of the file)
    resource    H("resource", [H(name, H of its bodies) of each method, by name], [sorted rows of its attributes]), where a
                method's captures are as here, other arguments H("argument", position), and the resource itself H("self")
    other       H("object", kind)
A variable outside functions that no function has captured is H("named", op, shared_name or else its node's name).

A signature's input is H("input", key). sizes are -1 where unknown, and the text "unknown" in place of [sizes] for an unknown rank.
    signature = H("signature", name, method name, [inputs], [outputs], [sorted digests of all nodes, as often as they occur])
    inputs by key: H(key, dtype, [sizes]); outputs by key: H(key, dtype, [sizes], [digests of its tensors])
    graphDigest = H("graph 1", [signatures by name, without __saved_model_init_op])
    canonicalDigest = H("model 1", weightsDigest, graphDigest, [sorted different SHA-256 of the files under assets/])
Texts sort by their bytes, as digests do. Files of the folder beside that, fingerprint.pb and assets.extra/, do not count.
"""

from __future__ import annotations

import argparse
import collections
import json
import pathlib
import sys
from typing import Any

import step
import treedigest
from modelfile import INIT_OP, Fault, Model, mix, sizes
from modelgraph import Graphs


class Weights:
    """What the checkpoint holds: the rows of the definition, and the digests that captured variables get."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.variables: set[bytes] = set()
        self.state: set[bytes] = set()
        self._found: dict[int, tuple[str, bytes]] = {}  # object → full name and content of the variable
        self._of_object: dict[int, list[bytes]] = {}  # object → digests of its other attributes
        self._contents: dict[tuple[str, str, bytes], set[bytes]] = collections.defaultdict(set)
        places = self._places()
        for index, node in enumerate(model.tracked.nodes):
            self._read(places.get(index), node)
        if model.reader is not None and not model.tracked.nodes:
            for key in model.reader.get_variable_to_shape_map():  # TensorFlow 1: the key is the name
                self.variables.add(mix("variable", key, model.content(model.value(key))))

    def digest(self) -> bytes:
        return mix("weights 1", sorted(self.variables | self.state))

    def variable(self, index: int) -> bytes:
        """The digest of a captured variable."""
        saved = self.model.objects[index].variable
        dtype, shape = self.model.dtype(saved.dtype), sizes(saved.shape)
        name, content = self._found.get(index, (saved.name, b""))
        differ = len(self._contents[name, dtype, mix(shape)]) > 1
        return mix("variable", name, dtype, shape, content) if differ else mix("variable", name, dtype, shape)

    def attributes(self, index: int) -> list[bytes]:
        return sorted(self._of_object.get(index, []))

    def _places(self) -> dict[int, int]:
        """Objects of the checkpoint → objects of the SavedModel, found by the same path from the root."""
        places: dict[int, int] = {}
        waiting = [(0, 0)] if self.model.objects else []
        while waiting:
            tracked, saved = waiting.pop()
            if tracked in places or tracked >= len(self.model.tracked.nodes):
                continue
            places[tracked] = saved
            children = {child.local_name: child.node_id for child in self.model.objects[saved].children}
            waiting += [(child.node_id, children[child.local_name])
                        for child in self.model.tracked.nodes[tracked].children if child.local_name in children]
        return places

    def _read(self, index: int | None, node: Any) -> None:
        rows = []
        for attribute in node.attributes:
            if attribute.name == "VARIABLE_VALUE":
                self._read_variable(index, attribute)
            else:
                rows += self._state(attribute)
        self.state.update(rows)
        if index is not None:
            self._of_object.setdefault(index, []).extend(rows)

    def _read_variable(self, index: int | None, attribute: Any) -> None:
        content = self.model.content(self.model.value(attribute.checkpoint_key))
        self.variables.add(mix("variable", attribute.full_name, content))
        if index is not None and (saved := self.model.objects[index]).HasField("variable"):
            self._found[index] = attribute.full_name, content
            key = attribute.full_name, self.model.dtype(saved.variable.dtype), mix(sizes(saved.variable.shape))
            self._contents[key].add(content)

    def _state(self, attribute: Any) -> list[bytes]:
        prefix = attribute.checkpoint_key
        keys = [key for key in self.model.reader.get_variable_to_shape_map() if key == prefix or key.startswith(prefix + "-")]
        tensors = {key.removeprefix(prefix).removeprefix("-"): self.model.value(key) for key in keys}
        rows = []
        if {"keys", "values"} <= tensors.keys():
            keys, values = (map(self.model.content, _each(tensors.pop(name))) for name in ("keys", "values"))
            rows.append(mix("table", attribute.name, sorted(map(mix, keys, values))))
        for suffix, array in sorted(tensors.items()):
            rows.append(mix("state", attribute.name, suffix, self.model.content(array)))
        return rows


def _each(array: Any) -> list[Any]:
    """The rows of an array, each an array itself."""
    return [array[index:index + 1] for index in range(len(array))]


def describe(model: Model) -> dict[str, object]:
    """The signatures as they are printed."""

    def side(infos: Any) -> dict[str, object]:
        return {
            key: {"dtype": model.dtype(info.dtype), "shape": None if info.tensor_shape.unknown_rank else sizes(info.tensor_shape)}
            for key, info in infos.items()
        }

    return {name: {"inputs": side(signature.inputs), "outputs": side(signature.outputs)}
            for name, signature in model.graph.signature_def.items() if name != INIT_OP}


def digest(directory: pathlib.Path) -> dict[str, object]:
    """Everything that is printed; raises Fault or treedigest.Fault."""
    model = Model(directory)
    files = treedigest.entries(str(directory), [])
    try:
        weights = Weights(model)
        weights_digest, graph_digest = weights.digest(), Graphs(model, weights).digest()
    except (LookupError, ValueError, AttributeError) as error:  # a message that parses, but refers to what is not there
        raise Fault(f"{directory / 'saved_model.pb'} contradicts itself ({error!r}): export or copy the model again") from error
    assets = sorted({bytes.fromhex(file.sha256) for file in files if file.path.startswith("assets/")})
    return {
        "canonicalDigest": "sha256:" + mix("model 1", weights_digest, graph_digest, assets).hex(),
        "weightsDigest": "sha256:" + weights_digest.hex(),
        "graphDigest": "sha256:" + graph_digest.hex(),
        "variables": len(weights.variables),
        "signatures": describe(model),
        "bytes": sum(file.size for file in files),
        "files": {file.path: "sha256:" + file.sha256 for file in files},
    }


def write(file: pathlib.Path, directory: pathlib.Path) -> None:
    """What would be printed, into a file; {"refused": MESSAGE} where there is no digest."""
    try:
        result = digest(directory)
    except (Fault, treedigest.Fault) as fault:
        result = {"refused": str(fault)}
    file.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", metavar="DIR", type=pathlib.Path)
    options = parser.parse_args(arguments)
    try:
        result = digest(options.directory)
    except (Fault, treedigest.Fault) as fault:
        return step.fail(str(fault))
    print(json.dumps(result, indent=1, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
