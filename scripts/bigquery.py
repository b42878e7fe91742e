"""Check a SavedModel against BigQuery ML's limits for imported models, and write the statement that imports it.

    python3 bigquery.py --model DIR --uri gs://bucket/path --name [project.]dataset.model --out DIR

The limits are those of Google's page "The CREATE MODEL statement for importing TensorFlow models", sections "Limitations" and
"Supported data types" (docs.cloud.google.com/bigquery/docs/reference/standard-sql/bigqueryml-syntax-create-tensorflow): 450 MB,
GraphDef version 20 or later, a released TensorFlow, core operations only, no RaggedTensor. "Core" is judged by what this
TensorFlow has registered: necessary, not sufficient, BigQuery itself is not asked. Nothing of the model is run.

DIR then holds `bigquery.json` (each rule with its value, limit and verdict) and, if all rules hold, `create_model.sql`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import Any

import savedmodel
import step

MAX_BYTES = 450_000_000
MIN_GRAPH_VERSION = 20
NAME = re.compile(r"(?:[a-z][a-z0-9-]{4,28}[a-z0-9]\.)?[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_]{1,1024}")
URI = re.compile(r"gs://[a-z0-9][a-z0-9._-]{1,220}[a-z0-9](?:/[A-Za-z0-9_=+@-][A-Za-z0-9._=+@-]*)+")
TYPES = re.compile(r"DT_(U?INT(8|16|32|64)|HALF|BFLOAT16|FLOAT|DOUBLE|BOOL|STRING)")
RELEASED = re.compile(r"\d+\.\d+\.\d+")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One rule of BigQuery's, what the model has, what is allowed, and what to do if it does not hold."""

    rule: str
    value: Any
    limit: Any
    passed: bool
    remedy: str

    def __str__(self) -> str:
        value = ", ".join(map(str, self.value)) if isinstance(self.value, list) else self.value
        return f"{self.rule}: {value} (allowed: {self.limit}): {self.remedy}"


def statement(name: str, uri: str) -> str:
    """The CREATE MODEL statement; raises Refused for a name or URI that it could not hold as it is."""
    if not NAME.fullmatch(name):
        raise savedmodel.Refused(f"{name!r} is not the name of a BigQuery model: write dataset.model or project.dataset.model "
                                 "(letters, digits and underscores; the project as Google Cloud lists its ID)")
    folder = uri.removesuffix("*").removesuffix("/")
    if not URI.fullmatch(folder):
        raise savedmodel.Refused(f"{uri!r} is not a Cloud Storage folder that can be imported: write gs://bucket/path "
                                 "(letters, digits and . _ = + @ - in each part, no part beginning with a dot)")
    return f"CREATE OR REPLACE MODEL `{name}`\nOPTIONS (MODEL_TYPE = 'TENSORFLOW', MODEL_PATH = '{folder}/*');\n"


def tensors(info: Any) -> Iterator[tuple[str, int]]:
    """The plain tensors of a signature's TensorInfo, also of a sparse or composite one: (name, type)."""
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        for name in (info.coo_sparse.values_tensor_name, info.coo_sparse.indices_tensor_name, info.coo_sparse.dense_shape_tensor_name):
            yield name, info.dtype
    elif kind == "composite_tensor":
        for component in info.composite_tensor.components:
            yield from tensors(component)
    else:
        yield info.name, info.dtype


def called(node: Any) -> Iterator[str]:
    """The names of functions that a node may call."""
    yield node.op
    for value in node.attr.values():
        yield value.func.name
        yield from (function.name for function in value.list.func)


def reachable(graph: Any, roots: set[str]) -> set[str]:
    """The ops that computing the tensors `roots` can run, in the graph and in the functions that it calls."""
    nodes = {node.name: node for node in graph.node}
    functions = {function.signature.name: function for function in graph.library.function}
    ops: set[str] = set()
    waiting = [(nodes[name], nodes) for root in roots if (name := root.split(":")[0]) in nodes]
    seen, entered = {node.name for node, _ in waiting}, set()
    while waiting:
        node, scope = waiting.pop()
        if node.op not in functions:
            ops.add(node.op)
        for name in called(node):
            if name in functions and name not in entered:
                entered.add(name)
                waiting.extend((inner, {}) for inner in functions[name].node_def)  # the whole body: nothing in it to follow
        for name in (source.lstrip("^").split(":")[0] for source in node.input):
            if name in scope and name not in seen:
                seen.add(name)
                waiting.append((nodes[name], nodes))
    return ops


def judge(model: pathlib.Path, signature: str, max_bytes: int) -> list[Verdict]:
    """Hold the model against each rule."""
    from tensorflow.core.framework import types_pb2
    from tensorflow.core.protobuf import saved_model_pb2, struct_pb2
    from tensorflow.python.framework import op_def_registry

    saved = saved_model_pb2.SavedModel.FromString((model / "saved_model.pb").read_bytes())
    meta = next(graph for graph in saved.meta_graphs if savedmodel.SERVE_TAG in graph.meta_info_def.tags)
    chosen = meta.signature_def[signature]
    columns = {f"{kind} {key}": info for kind, infos in (("input", chosen.inputs), ("output", chosen.outputs)) for key, info in infos.items()}

    roots = {name for key in (signature, savedmodel.INIT_OP) if key in meta.signature_def
             for info in meta.signature_def[key].outputs.values() for name, _ in tensors(info)}
    ops = reachable(meta.graph_def, roots)
    custom = sorted(op for op in ops if op_def_registry.get(op) is None)
    ragged = sorted(key for key, info in columns.items()
                    if info.composite_tensor.type_spec.type_spec_class == struct_pb2.TypeSpecProto.RAGGED_TENSOR_SPEC)
    kinds = {key: types_pb2.DataType.Name(kind) for key, info in columns.items() for _, kind in tensors(info)}
    foreign = sorted(f"{key} ({kind})" for key, kind in kinds.items() if not TYPES.fullmatch(kind))
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    version, release = meta.graph_def.versions.producer, meta.meta_info_def.tensorflow_version
    return [
        Verdict("size in bytes", size, f"at most {max_bytes:,}", size <= max_bytes,
                "make the model smaller, or serve it from an endpoint and call it as a remote model"),
        Verdict("custom operations", custom, "none", not custom, "replace them by operations of TensorFlow's own"),
        Verdict("GraphDef version", version, f"at least {MIN_GRAPH_VERSION}", version >= MIN_GRAPH_VERSION, "export again with a newer TensorFlow"),
        Verdict("TensorFlow version", release, "a release", RELEASED.fullmatch(release) is not None, "export again with a released TensorFlow"),
        Verdict("ragged inputs or outputs", ragged, "none", not ragged, "pad them to dense tensors inside the model"),
        Verdict("types of inputs and outputs", foreign, "integers, floats, bool and string", not foreign, "cast them inside the model"),
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--uri", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--max-bytes", type=int, default=MAX_BYTES)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    try:
        sql = statement(options.name, options.uri)
        savedmodel.check(options.model, options.signature)
        verdicts = judge(options.model, options.signature, options.max_bytes)
    except savedmodel.Refused as refused:
        return step.fail(str(refused))
    broken = [verdict for verdict in verdicts if not verdict.passed]
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bigquery.json").write_text(json.dumps({
        "passed": not broken, "name": options.name, "uri": options.uri, "rules": [dataclasses.asdict(verdict) for verdict in verdicts],
    }, indent=1, sort_keys=True) + "\n")
    if broken:
        return step.fail("\n".join(f"BigQuery would refuse this model, {verdict}" for verdict in broken))
    (options.out / "create_model.sql").write_text(sql)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
