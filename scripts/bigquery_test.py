"""Tests of bigquery.py: the statement holds no foreign text, and each limit is judged."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import bigquery
import pytest
import savedmodel

URI = "gs://my-bucket/models/phishing"


@pytest.mark.parametrize(("name", "uri", "path"), [
    ("fraud.model_1", URI, f"{URI}/*"),
    ("my-project-1.fraud.model", URI + "/", f"{URI}/*"),
    ("fraud.model", URI + "/*", f"{URI}/*"),
    ("fraud.model", "gs://b.example-1/a=1/v1.2", "gs://b.example-1/a=1/v1.2/*"),
])
def test_the_statement(name: str, uri: str, path: str) -> None:
    assert bigquery.statement(name, uri) == f"CREATE OR REPLACE MODEL `{name}`\nOPTIONS (MODEL_TYPE = 'TENSORFLOW', MODEL_PATH = '{path}');\n"


@pytest.mark.parametrize("name", [
    "", "model", "a.b.c.d", "d.m`; DROP TABLE x; --", "d.m\n", "d. m", "Project.d.m", "d.моdel", "d.m" * 600, "-abcdef.d.m", "d.m;", "d.m🙂",
])
def test_refuses_names(name: str) -> None:
    with pytest.raises(savedmodel.Refused, match="is not the name of a BigQuery model"):
        bigquery.statement(name, URI)


@pytest.mark.parametrize("uri", [
    "", "s3://b/a", "gs://bucket", "gs://bucket/", "gs://bucket/a'); DROP MODEL x; --", "gs://bucket/a b", "gs://bucket/../a", "gs://bucket//a",
    "gs://bucket/a\n", "gs://bucket/a/*/b", "gs://BUCKET/a", "gs://bucket/$(id)", "gs://bucket/\\", "gs://bucket/a**", "gs://bucket/ü",
])
def test_refuses_uris(uri: str) -> None:
    with pytest.raises(savedmodel.Refused, match="is not a Cloud Storage folder"):
        bigquery.statement("fraud.model", uri)


def run(model: pathlib.Path, out: pathlib.Path, *more: str) -> tuple[int, dict[str, Any]]:
    status = bigquery.main(["--model", str(model), "--uri", URI, "--name", "fraud.model", "--out", str(out), *more])
    report = out / "bigquery.json"
    return status, json.loads(report.read_text()) if report.is_file() else {}


@pytest.fixture(scope="module")
def models() -> Any:
    pytest.importorskip("tensorflow")
    import sample_models
    return sample_models


def test_a_model_within_the_limits(models: Any, tmp_path: pathlib.Path) -> None:
    status, report = run(models.binary(tmp_path / "m"), tmp_path / "out")
    assert status == 0 and report["passed"] and len(report["rules"]) == 6
    assert "`fraud.model`" in (tmp_path / "out" / "create_model.sql").read_text()


def test_size(models: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, report = run(models.binary(tmp_path / "m"), tmp_path / "out", "--max-bytes", "1000")
    assert status == 2 and not report["passed"] and not (tmp_path / "out" / "create_model.sql").exists()
    assert "(allowed: at most 1,000)" in capsys.readouterr().err


def edit(model: pathlib.Path, change: Any) -> None:
    """Change the SavedModel message in place."""
    from tensorflow.core.protobuf import saved_model_pb2
    file = model / "saved_model.pb"
    saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(saved.meta_graphs[0])
    file.write_bytes(saved.SerializeToString())


def custom_op_in_the_signature(meta: Any) -> None:
    for function in meta.graph_def.library.function:
        for node in function.node_def:
            if node.op == "Sigmoid":
                node.op = "MySigmoid"


@pytest.mark.parametrize(("change", "message"), [
    (custom_op_in_the_signature, "custom operations: MySigmoid (allowed: none)"),
    (lambda meta: setattr(meta.graph_def.versions, "producer", 19), "GraphDef version: 19 (allowed: at least 20)"),
    (lambda meta: setattr(meta.meta_info_def, "tensorflow_version", "2.17.0-rc0"), "TensorFlow version: 2.17.0-rc0 (allowed: a release)"),
    (lambda meta: setattr(meta.signature_def["serving_default"].inputs["features"], "dtype", 8),
     "types of inputs and outputs: input features (DT_COMPLEX64)"),
])
def test_each_limit(models: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], change: Any, message: str) -> None:
    model = models.binary(tmp_path / "m")
    edit(model, change)
    status, _ = run(model, tmp_path / "out")
    assert status == 2 and message in capsys.readouterr().err


def test_a_custom_op_that_serving_never_reaches_is_no_matter(models: Any, tmp_path: pathlib.Path) -> None:
    model = models.binary(tmp_path / "m")
    edit(model, lambda meta: meta.graph_def.node.add(name="aside", op="NeverRun"))
    assert run(model, tmp_path / "out")[0] == 0


def test_ragged(models: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    import tensorflow as tf

    class Lengths(tf.Module):
        @tf.function(input_signature=[tf.RaggedTensorSpec([None, None], tf.float32)])
        def serve(self, words: tf.RaggedTensor) -> dict[str, tf.Tensor]:
            return {"sum": tf.reduce_sum(words, axis=1), "words": words * 2.0}

    status, report = run(models.save(Lengths(), tmp_path / "m"), tmp_path / "out")
    assert status == 2, report
    assert "ragged inputs or outputs: " in capsys.readouterr().err


def test_a_damaged_model_is_not_judged(models: Any, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = models.binary(tmp_path / "m")
    (model / "saved_model.pb").write_bytes(b"\x0a\xff")
    assert run(model, tmp_path / "out") == (2, {})
    assert "saved_model.pb is damaged" in capsys.readouterr().err
