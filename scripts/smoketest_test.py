"""Tests of smoketest.py and servingload.py: a server that is right passes, and each way of being wrong is seen."""

from __future__ import annotations

import itertools
import json
import pathlib
import threading
import time
from typing import Any

import numpy as np
import pytest
import servingload
import smoketest
from servingapi import Refused, Target

pytest.importorskip("tensorflow")  # before its messages are imported without it
pytest.importorskip("tensorflow_serving")
import fake_serving  # noqa: E402

ROWS = np.arange(140, dtype=np.float32).reshape(70, 2) / 100


def reference(folder: pathlib.Path, factor: float, output: str = "y") -> pathlib.Path:
    """What a model that multiplies by `factor` answers, as reference.py leaves it."""
    folder.mkdir()
    for name, values in (("input_0", ROWS), ("expected", (ROWS * factor).sum(axis=1, keepdims=True)), ("labels", np.zeros(len(ROWS)))):
        np.save(folder / f"{name}.npy", values)
    (folder / "reference.json").write_text(json.dumps({
        "signature": "serving_default", "output": output, "task": "regression", "threshold": 0.5, "inputs": {"x": "input_0.npy"}}))
    return folder


def config(versions: list[int], stable: int) -> str:
    listed = " ".join(f"versions: {version}" for version in versions)
    return (f'model_config_list {{ config {{ name: "m" base_path: "/m" model_platform: "tensorflow" '
            f'model_version_policy {{ specific {{ {listed} }} }} version_labels {{ key: "stable" value: {stable} }} }} }}')


def run(tmp_path: pathlib.Path, fake: fake_serving.Fake, *more: str) -> tuple[int, dict[str, Any] | None]:
    out = tmp_path / "report.json"
    with fake_serving.serving(fake) as ports:
        status = smoketest.main([
            "--server", "127.0.0.1", "--rest-port", str(ports["rest"]), "--grpc-port", str(ports["grpc"]), "--name", "m", "--label", "stable",
            "--reference", str(reference(tmp_path / "reference", 2)), "--clients", "3", "--seconds", "1", "--wait", "30", "--out", str(out), *more])
    return status, json.loads(out.read_text()) if out.exists() else None


def test_a_right_server(tmp_path: pathlib.Path) -> None:
    status, report = run(tmp_path, fake_serving.Fake())
    assert status == 0 and report is not None
    assert report["maxAbsDiff"] < 1e-6 and set(report["maxAbsDiffs"]) == {"rest", "restColumns", "grpc"} and report["examples"] == 70
    load = report["load"]
    assert load["requests"] > 10 and load["failed"] == load["wrong"] == report["failedRequests"] == 0
    assert 0 < load["latencyMs"]["p50"] <= load["latencyMs"]["p95"] <= load["latencyMs"]["p99"] <= load["latencyMs"]["max"]
    assert all(load["byProtocol"][name]["requests"] > 0 for name in servingload.PROTOCOLS)


@pytest.mark.parametrize("protocol, ways", [("rest", {"rest", "restColumns"}), ("grpc", {"grpc"})])
def test_a_server_that_is_wrong_over_one_protocol(tmp_path: pathlib.Path, protocol: str, ways: set[str]) -> None:
    fake = fake_serving.Fake()
    fake.spoil = lambda asked, values: values + (0.25 if asked == protocol else 0)
    _, report = run(tmp_path, fake)
    assert report is not None and report["maxAbsDiff"] == pytest.approx(0.25)
    assert {way for way, apart in report["maxAbsDiffs"].items() if apart > 0.1} == ways
    assert report["load"]["wrong"] > 0


def test_a_server_that_is_wrong_only_under_load(tmp_path: pathlib.Path) -> None:
    fake, turns = fake_serving.Fake(), itertools.count()
    fake.spoil = lambda _, values: values + 1 if len(values) == 1 and next(turns) % 5 == 0 else values
    _, report = run(tmp_path, fake)
    assert report is not None and max(report["maxAbsDiffs"].values()) < 1e-6 and report["maxAbsDiff"] == pytest.approx(1)


@pytest.mark.parametrize("spoiled, said", [
    (np.full((1, 1), np.nan, np.float32), "not finite"), (np.zeros((1, 3), np.float32), "the shape [1, 3]"),
], ids=["NaN", "another shape"])
def test_an_answer_that_cannot_be_compared(tmp_path: pathlib.Path, spoiled: np.ndarray, said: str) -> None:
    fake = fake_serving.Fake()
    fake.spoil = lambda _, values: spoiled.repeat(len(values), axis=0)
    _, report = run(tmp_path, fake)
    assert report is not None and report["maxAbsDiff"] is None and report["failedRequests"] > 3
    assert any(said in reason for reason in report["load"]["reasons"])


def test_a_server_that_refuses_some(tmp_path: pathlib.Path) -> None:
    fake, turns = fake_serving.Fake(), itertools.count()

    def refuse(_: str, values: np.ndarray) -> np.ndarray:
        if len(values) == 1 and next(turns) % 3 == 0:
            raise Refused("the server is busy")
        return values

    fake.spoil = refuse
    _, report = run(tmp_path, fake)
    assert report is not None and report["failedRequests"] == report["load"]["failed"] > 0
    assert any("the server is busy" in reason for reason in report["load"]["reasons"])


def test_a_server_that_refuses_all(tmp_path: pathlib.Path) -> None:
    fake = fake_serving.Fake()

    def refuse(*_: object) -> np.ndarray:
        raise Refused("no")

    fake.spoil = refuse
    status, report = run(tmp_path, fake)
    assert status == 0 and report is not None and report["maxAbsDiff"] is None and report["p99Ms"] is None and report["failedRequests"] > 0


def test_a_server_that_is_never_ready(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = fake_serving.Fake()
    fake.state = "LOADING"
    assert run(tmp_path, fake, "--wait", "1") == (2, None)
    assert "error: the server does not serve m after 1 s: version 1 is LOADING" in capsys.readouterr().err


def test_a_server_that_gave_up(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = fake_serving.Fake()
    fake.state, fake.error = "END", "no variables"
    assert run(tmp_path, fake, "--wait", "60") == (2, None)
    assert "could not load the model: version 1 is END no variables" in capsys.readouterr().err


def test_no_server(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert smoketest.main(["--server", "127.0.0.1", "--rest-port", "9", "--grpc-port", "9", "--name", "m", "--wait", "0.2",
                           "--reference", str(reference(tmp_path / "r", 2)), "--out", str(tmp_path / "out")]) == 2
    assert "does not serve m after 0.2 s: GET /v1/models/m: no answer" in capsys.readouterr().err


def rollout(tmp_path: pathlib.Path, fake: fake_serving.Fake, first: list[int]) -> dict[str, Any]:
    steps = tmp_path / "steps.json"
    steps.write_text(json.dumps([
        {"config": config(first, 1), "versions": first, "moves": False},
        {"config": config([1, 2], 2), "versions": [1, 2], "moves": True},
        {"config": config([2], 2), "versions": [2], "moves": False},
    ]))
    status, report = run(tmp_path, fake, "--steps", str(steps), "--next-reference", str(reference(tmp_path / "next", 3)), "--seconds", "1.5")
    assert status == 0 and report is not None
    return report


def test_a_rollout_under_load(tmp_path: pathlib.Path) -> None:
    fake = fake_serving.Fake()
    report = rollout(tmp_path, fake, [1, 2])
    assert fake.pushed == ["[1, 2] stable 1", "[1, 2] stable 2", "[2] stable 2"]
    assert report["rollout"]["failure"] is None and report["failedRequests"] == report["load"]["wrong"] == 0 and report["maxAbsDiff"] < 1e-6
    assert report["rollout"]["answeredBefore"] > 0 and report["rollout"]["answeredAfter"] > 0


def test_a_rollout_that_is_refused(tmp_path: pathlib.Path) -> None:
    report = rollout(tmp_path, fake_serving.Fake(), [1])
    assert "version 2 is not available" in report["rollout"]["failure"] and report["rollout"]["answeredAfter"] == 0


def test_answers_of_the_old_model_after_the_rollout_are_wrong(tmp_path: pathlib.Path) -> None:
    fake = fake_serving.Fake()
    fake.factors[2] = fake.factors[1]  # the label moves, the model behind it does not
    report = rollout(tmp_path, fake, [1, 2])
    assert report["load"]["wrong"] > 0 and report["maxAbsDiff"] > 0.1


def test_models_of_other_outputs_cannot_follow_each_other(tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "steps.json").write_text("[]")
    status, _ = run(tmp_path, fake_serving.Fake(), "--steps", str(tmp_path / "steps.json"),
                    "--next-reference", str(reference(tmp_path / "next", 3, "z")))
    assert status == 2 and "a client of the one cannot be a client of the other" in capsys.readouterr().err


def test_which_model_may_answer_when() -> None:
    rollout = servingload.Rollout()
    assert rollout.models(1, 2) == [0]
    rollout.began = 5.0
    assert rollout.models(1, 4) == [0] and rollout.models(4, 6) == [0, 1] and rollout.models(6, 7) == [0, 1]
    rollout.ended = 8.0
    assert rollout.models(7, 9) == [0, 1] and rollout.models(9, 10) == [1]


def test_clients_stop_when_they_are_told_to(tmp_path: pathlib.Path) -> None:
    rows = servingload.Rows("s", "y", {"x": ROWS}, [ROWS.sum(axis=1, keepdims=True) * 2])
    with fake_serving.serving(fake_serving.Fake()) as ports:
        load = servingload.Load("127.0.0.1", ports, Target("m", label="stable"), rows, 1e-5, servingload.Rollout())
        with pytest.raises(ZeroDivisionError):
            load.run(5, lambda: time.sleep(0.1) or 1 / 0)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("client ")]


def test_percentiles() -> None:
    assert servingload.milliseconds([]) is None
    assert servingload.milliseconds([index / 1000 for index in range(1, 101)]) == {"p50": 50.5, "p95": 95.05, "p99": 99.01, "max": 100}
