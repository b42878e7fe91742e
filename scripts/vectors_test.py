"""The test vectors of docs/digest.md: small SavedModels whose digests must never change, and one computed by hand."""

from __future__ import annotations

import hashlib
import json
import pathlib
import struct

import pytest

import modeldigest
import treedigest

VECTORS = pathlib.Path(__file__).parent / "vectors"
EXPECTED = json.loads((VECTORS / "vectors.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_digests(name: str) -> None:
    found = modeldigest.digest(VECTORS / name)
    assert {key: found[key] for key in EXPECTED[name]} == EXPECTED[name]


def test_every_vector_is_expected() -> None:
    assert sorted(path.name for path in VECTORS.iterdir() if path.is_dir()) == sorted(EXPECTED)


def test_equal_are_the_two_exports_of_one_model_alone() -> None:
    digests = {name: digests["canonicalDigest"] for name, digests in EXPECTED.items()}
    assert digests["linear"] == digests.pop("exported again")
    assert len(set(digests.values())) == len(digests)
    assert (VECTORS / "linear/saved_model.pb").read_bytes() != (VECTORS / "exported again/saved_model.pb").read_bytes()


def h(*parts: bytes | str | int | list) -> bytes:
    """H of the definition."""
    total = b""
    for part in parts:
        raw = part if isinstance(part, bytes) else h(*part) if isinstance(part, list) else str(part).encode()
        total += struct.pack("<Q", len(raw)) + raw
    return hashlib.sha256(total).digest()


def test_linear_by_hand() -> None:
    """y = x @ w + b, from the definition alone: none of the line's own code is asked."""
    # weights
    w = h("tensor", "float32", [2, 1], struct.pack("<2f", 1, 2))
    b = h("tensor", "float32", [1], struct.pack("<f", 0.5))
    weights = h("weights 1", sorted([h("variable", "w", w), h("variable", "b", b)]))
    assert "sha256:" + weights.hex() == EXPECTED["linear"]["weightsDigest"]

    # graph: the function that was exported, in the one that TensorFlow wraps around it for the signature
    float32 = h(b"\x30\x01")  # an AttrValue whose field 6, the type, is 1

    def node(op: str, attributes: list[bytes], inputs: list[bytes], controls: list[bytes]) -> bytes:
        return h("node", op, attributes, inputs, sorted(set(controls)))

    read_w = node("ReadVariableOp", [h("dtype", float32)], [h("variable", "w", "float32", [2, 1])], [])
    read_b = node("ReadVariableOp", [h("dtype", float32)], [h("variable", "b", "float32", [1])], [])
    product = node("MatMul", [h("T", float32)], [h("input", "x"), h("output", read_w, "value", 0)], [])
    total = node("AddV2", [h("T", float32)], [h("output", product, "product", 0), h("output", read_b, "value", 0)], [])
    both = node("NoOp", [], [], [read_w, read_b])
    inner = node("Identity", [h("T", float32)], [h("output", total, "z", 0)], [both])
    call = h("call", [h("output", inner, "output", 0)], h(*sorted([read_w, read_b])))
    after = node("NoOp", [], [], [call])
    outer = node("Identity", [h("T", float32)], [h("output", inner, "output", 0)], [after])
    named = [h("named", "VarHandleOp", name) for name in ("w", "b")]
    seen = sorted([read_w, read_b, product, total, both, inner, after, outer, *named])
    signature = h("signature", "serving_default", "tensorflow/serving/predict", [h("x", "float32", [-1, 2])],
                  [h("y", "float32", [-1, 1], [h("output", outer, "output", 0)])], seen)
    graph = h("graph 1", [signature])
    assert "sha256:" + graph.hex() == EXPECTED["linear"]["graphDigest"]
    assert "sha256:" + h("model 1", weights, graph, []).hex() == EXPECTED["linear"]["canonicalDigest"]


def test_tree_by_hand(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"hi\n")
    content = hashlib.sha256(b"hi\n").hexdigest()
    record = f"file\0a/b.txt\0{0}\0{3}\0{content}\n".encode()
    digest = "sha256:" + hashlib.sha256(b"tree 1\n" + record).hexdigest()
    assert treedigest.digest(treedigest.entries(str(tmp_path), [])) == digest
