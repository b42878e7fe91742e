"""Refuse a model directory that is damaged or unsafe, before anything loads it.

    python3 savedmodel.py DIR [--signature NAME]

Loading a SavedModel runs what is in it, so this reads the files only, with the standard library alone: which files are
there, saved_model.pb's messages, and the variables' index against the size of their data. Exit status 0: the model is whole;
2: the message names the file, what is wrong with it, and what to do.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import pathlib
import re
import sys
from collections.abc import Iterator

import step

SERVE_TAG = "serve"
INIT_OP = "__saved_model_init_op"  # the loader's own signature, nothing to call
PICKLES = {".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth"}
PICKLE_STARTS = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
BELONGS = re.compile(
    r"saved_model\.pb|fingerprint\.pb|keras_metadata\.pb|debug/saved_model_debug_info\.pb"
    r"|variables/variables\.(index|data-\d{5}-of-\d{5})|assets(\.extra)?/.+|[^/]+\.(json|md|txt)")
BINARY = re.compile(r"saved_model\.pb|variables/.+")  # compared with each other below, and may begin like anything
UNSAFE_OPS = {
    "PyFunc": "calls Python code of the process that made it",
    "PyFuncStateless": "calls Python code of the process that made it",
    "EagerPyFunc": "calls Python code of the process that made it",
    "ReadFile": "reads files of the machine that serves it",
    "WriteFile": "writes files on the machine that serves it",
}
TABLE_MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
FOOTER_BYTES = 48


class Refused(Exception):
    """The model cannot be used; the text names the file and what is wrong with it."""


class Malformed(Exception):
    """Bytes that do not follow their format."""


@dataclasses.dataclass
class Graph:
    """What one graph of saved_model.pb says of itself: tags, names of signatures, and every op in it or its functions."""

    tags: list[str] = dataclasses.field(default_factory=list)
    signatures: list[str] = dataclasses.field(default_factory=list)
    ops: set[str] = dataclasses.field(default_factory=set)


def varint(data: memoryview, position: int) -> tuple[int, int]:
    """The variable-length integer at `position`, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(data):
            break
        byte, position = data[position], position + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise Malformed(f"no integer ends at byte {position}")


def fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a protocol buffer message: (number, integer or bytes)."""
    position = 0
    while position < len(data):
        key, position = varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, position = varint(data, position)
            yield number, value
            continue
        if kind == 2:
            size, position = varint(data, position)
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise Malformed(f"there is no field type {kind}")
        if position + size > len(data):
            raise Malformed(f"field {number} has {size:,} bytes, only {len(data) - position:,} are left")
        yield number, data[position:position + size]
        position += size


def inside(data: memoryview, *path: int) -> Iterator[memoryview]:
    """The bytes at a path of field numbers, at every place where a repeated field leads there."""
    for number, value in fields(data):
        if number == path[0]:
            if isinstance(value, int):
                raise Malformed(f"field {number} is an integer")
            if len(path) == 1:
                yield value
            else:
                yield from inside(value, *path[1:])


def graphs(data: memoryview) -> list[Graph]:
    """Read the serialised SavedModel message (saved_model.proto, meta_graph.proto, graph.proto)."""
    found = []
    for meta in inside(data, 2):
        texts = {
            "tags": inside(meta, 1, 4),                   # meta_info_def.tags
            "signatures": inside(meta, 5, 1),             # signature_def, its key
            "nodes": inside(meta, 2, 1, 2),               # graph_def.node.op
            "functions": inside(meta, 2, 2, 1, 3, 2),     # graph_def.library.function.node_def.op
        }
        read = {name: [bytes(value).decode(errors="replace") for value in values] for name, values in texts.items()}
        names = sorted(set(read["signatures"]) - {INIT_OP})
        found.append(Graph(read["tags"], names, {*read["nodes"], *read["functions"]}))
    return found


def entries(block: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """The (key, value) pairs of one block of a table file; keys share their beginnings."""
    end = len(block) - 4 - 4 * int.from_bytes(block[-4:], "little")
    position, key = 0, b""
    while position < end:
        shared, position = varint(block, position)
        fresh, position = varint(block, position)
        size, position = varint(block, position)
        key = key[:shared] + bytes(block[position:position + fresh])
        position += fresh
        yield key, block[position:position + size]
        position += size


def shard_bytes(index: memoryview) -> dict[str, int]:
    """How many bytes the variables' index expects of each data file: file name → bytes (at least)."""
    if len(index) < FOOTER_BYTES or bytes(index[-8:]) != TABLE_MAGIC:
        raise Malformed("its end is missing")

    def block(handle: memoryview) -> memoryview:
        offset, position = varint(handle, 0)
        size, _ = varint(handle, position)
        if offset + size + 5 > len(index):
            raise Malformed(f"a block ends at byte {offset + size:,}")
        if index[offset + size] != 0:
            raise Malformed("a block is compressed, which TensorFlow never does here")
        return index[offset:offset + size]

    footer = index[-FOOTER_BYTES:]
    _, position = varint(footer, 0)
    _, position = varint(footer, position)  # the meta index, which is empty
    shards, needed = 1, collections.Counter({0: 0})
    for _, handle in entries(block(footer[position:])):
        for key, value in entries(block(handle)):
            entry = {number: content for number, content in fields(value) if isinstance(content, int)}
            if key == b"":
                shards = entry.get(1, 1)
                if shards >= 100_000:
                    raise Malformed(f"it names {shards:,} data files")
            else:
                end = entry.get(4, 0) + entry.get(5, 0)
                needed[entry.get(3, 0)] = max(needed[entry.get(3, 0)], end)
    return {f"variables.data-{shard:05d}-of-{shards:05d}": needed[shard] for shard in range(shards)}


def check_files(model: pathlib.Path) -> None:
    """Refuse links out of the folder, pickles, and whatever else a SavedModel does not hold."""
    root = model.resolve()
    for path in sorted(model.rglob("*")):
        name = path.relative_to(model).as_posix()
        if path.is_symlink() and not path.resolve().is_relative_to(root):
            raise Refused(f"{name} is a link that leaves the model's folder: put the file itself there")
        if path.is_dir():
            continue
        if not path.is_file():
            raise Refused(f"{name} is not a regular file: a SavedModel holds nothing else")
        if path.suffix.lower() in PICKLES or (not BINARY.fullmatch(name) and starts(path).startswith(PICKLE_STARTS)):
            raise Refused(f"{name} is a pickle, which runs code when it is read: remove it, a SavedModel needs none")
        if not BELONGS.fullmatch(name):
            raise Refused(f"{name} does not belong in a SavedModel: write it outside --model-dir, or under assets.extra/")


def starts(path: pathlib.Path) -> bytes:
    with path.open("rb") as file:
        return file.read(2)


def check_graphs(file: pathlib.Path, signature: str | None) -> None:
    """Refuse a saved_model.pb that cannot be read, has no signature to call, or reaches out of the model."""
    if not file.is_file():
        raise Refused(f"there is no {file.name} in the model's folder: call model.export(model_dir), which writes a SavedModel")
    size = file.stat().st_size
    try:
        found = graphs(memoryview(file.read_bytes()))
    except Malformed as malformed:
        raise Refused(f"{file.name} is damaged or cut off after {size:,} bytes ({malformed}): export or copy the model again") from malformed
    serving = [graph for graph in found if SERVE_TAG in graph.tags]
    if not serving:
        raise Refused(f"{file.name} ({size:,} bytes) holds no graph with the tag {SERVE_TAG!r}: export or copy the model again")
    names = serving[0].signatures
    if not names:
        raise Refused(f"{file.name} has no signature to call: export with model.export, or pass signatures= to tf.saved_model.save")
    if signature is not None and signature not in names:
        raise Refused(f"{file.name} has no signature {signature!r}; it has: {', '.join(names)}")
    for graph in found:
        for op in sorted(graph.ops & UNSAFE_OPS.keys()):
            raise Refused(f"{file.name} holds the op {op}, which {UNSAFE_OPS[op]}: move that step out of the model")


def check_variables(folder: pathlib.Path) -> None:
    """Refuse variables whose index or data is missing or shorter than the index says."""
    index = folder / "variables.index"
    data = sorted(path.name for path in folder.glob("variables.data-*"))
    if not index.is_file():
        raise Refused(f"variables/{index.name} is missing" + (f", but {data[0]} is there" if data else "") + ": export or copy the model again")
    try:
        needed = shard_bytes(memoryview(index.read_bytes()))
    except (Malformed, IndexError) as malformed:
        raise Refused(f"variables/{index.name} is damaged or cut off ({malformed}): export or copy the model again") from malformed
    for name, size in needed.items():
        if name not in data:
            raise Refused(f"variables/{name} is missing: export or copy the model again")
        if (there := (folder / name).stat().st_size) < size:
            raise Refused(f"variables/{name} is cut off: {there:,} bytes, the index needs {size:,}: export or copy the model again")


def check(model: pathlib.Path, signature: str | None = None) -> None:
    """Refuse what cannot or must not be loaded; every program that loads a model calls this first."""
    if not model.is_dir():
        raise Refused(f"{model} is not a folder: name the one that holds saved_model.pb")
    check_files(model)
    check_graphs(model / "saved_model.pb", signature)
    check_variables(model / "variables")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--signature")
    options = parser.parse_args(arguments)
    try:
        check(options.model, options.signature)
    except Refused as refused:
        return step.fail(str(refused))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
