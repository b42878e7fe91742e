"""Tests of workers.py and worker.py, through launch.py: all run the script, and the first to fail ends the others."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import step
import worker

HERE = pathlib.Path(__file__).parent
HEAD = """import argparse, json, os, pathlib, sys, time
p = argparse.ArgumentParser(); p.add_argument("--model-dir", type=pathlib.Path); p.add_argument("--name")
a, _ = p.parse_known_args()
config = json.loads(os.environ["TF_CONFIG"])
index = config["task"]["index"]
"""
BUSY = 120  # seconds for what takes two on an idle machine; far less than the 600 that a script sleeps
SAVES = "if index == 0: (a.model_dir / 'saved_model.pb').write_text(json.dumps([config, a.name]))\n"


@pytest.fixture
def crew(tmp_path: pathlib.Path) -> Iterator[list[tuple[subprocess.Popen, str]]]:
    """Two workers that wait, and their addresses."""
    members = []
    for index in (1, 2):
        port = worker.free_port()
        command = [sys.executable, str(HERE / "worker.py"), "--port", str(port), "--out", str(tmp_path / f"w{index}"), "--", "--any=thing"]
        members.append((subprocess.Popen(command, cwd=tmp_path), f"127.0.0.1:{port}"))
    for _, address in members:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()  # as an engine that asks for health
                break
            except OSError:
                time.sleep(0.1)
    yield members
    for process, _ in members:
        process.kill()
        process.wait()


def train(tmp_path: pathlib.Path, crew: list[tuple[subprocess.Popen, str]], code: str, *, limit: str = "300", memory: int = 0) -> subprocess.Popen:
    (tmp_path / "train.py").write_text(HEAD + code)
    out = tmp_path / f"out{len(list(tmp_path.glob('out*')))}"
    workers = [word for _, address in crew for word in ("--worker", address)]
    return subprocess.Popen(
        [sys.executable, str(HERE / "launch.py"), "--script", "train.py", "--data", "/data", "--out", str(out), "--seed", "7",
         "--mode", "off", "--limit", limit, "--memory", str(memory), *workers, "--", "--name=a b\n$(id)"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_all_run_the_script_and_the_chief_leaves_the_model(tmp_path: pathlib.Path, crew: list) -> None:
    for _ in range(2):  # the same workers serve a second training
        run = train(tmp_path, crew, SAVES + "print('here is', index)\n")
        said, complaints = run.communicate(timeout=BUSY)
        assert run.returncode == 0, complaints
        assert "here is 0" in said and "worker 1: here is 1" in complaints and "worker 2: here is 2" in complaints
    config, name = json.loads((tmp_path / "out0" / "model" / "saved_model.pb").read_text())
    assert name == "a b\n$(id)"
    assert config["task"] == {"type": "worker", "index": 0}
    assert len(set(config["cluster"]["worker"])) == 3


@pytest.mark.parametrize(("code", "message"), [
    ("if index == 1: print('Traceback: PerReplica'); sys.exit(3)\ntime.sleep(600)\n",
     "train.py on worker 1 exited with status 3; Keras 3's fit does not run under MultiWorkerMirroredStrategy"),
    ("if index == 2: os.kill(os.getpid(), 9)\ntime.sleep(600)\n", "train.py on worker 2 was killed (signal 9)"),
    ("if index == 0: sys.exit(4)\ntime.sleep(600)\n", "train.py on worker 0, the chief, exited with status 4"),
])
def test_the_first_to_fail_ends_all(tmp_path: pathlib.Path, crew: list, code: str, message: str) -> None:
    run = train(tmp_path, crew, "pathlib.Path(f'pid{index}').write_text(str(os.getpid()))\n" + code)
    _, complaints = run.communicate(timeout=BUSY)
    assert run.returncode == 1
    assert [line for line in complaints.splitlines() if line.startswith("error: " + message)], complaints
    for path in tmp_path.glob("pid*"):
        assert gone(int(path.read_text()))


def gone(pid: int) -> bool:
    """Whether a process ends."""
    for _ in range(10 * BUSY):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_a_worker_that_is_lost(tmp_path: pathlib.Path, crew: list) -> None:
    run = train(tmp_path, crew, "pathlib.Path(f'pid{index}').touch()\ntime.sleep(600)\n")
    while not (tmp_path / "pid2").exists():
        time.sleep(0.1)
    crew[1][0].kill()
    _, complaints = run.communicate(timeout=BUSY)
    assert run.returncode == 1 and "error: worker 2 was lost while it ran train.py" in complaints


@pytest.mark.parametrize("code", ["time.sleep(600)\n", SAVES + "if index == 2: time.sleep(600)\n"])
def test_the_time_limit_holds_for_all(tmp_path: pathlib.Path, crew: list, code: str) -> None:
    run = train(tmp_path, crew, code, limit="2")
    _, complaints = run.communicate(timeout=BUSY)
    assert run.returncode == step.TIMED_OUT and "was stopped after 2 s, the limit in train.time-limit" in complaints


@pytest.mark.parametrize(("index", "who"), [(0, "worker 0, the chief,"), (2, "worker 2")])
def test_the_memory_limit_holds_for_each(tmp_path: pathlib.Path, crew: list, index: int, who: str) -> None:
    code = f"kept = []\nwhile index == {index} and len(kept) < 64: kept.append(bytearray(b'x' * (16 << 20)))\ntime.sleep(600)\n"
    run = train(tmp_path, crew, code, memory=300 << 20)
    _, complaints = run.communicate(timeout=BUSY)
    assert run.returncode == 1 and f"error: train.py on {who} was stopped when it held " in complaints and "the limit in train.memory" in complaints


def test_a_worker_that_does_not_answer(tmp_path: pathlib.Path) -> None:
    address = f"127.0.0.1:{worker.free_port()}"
    run = train(tmp_path, [(None, address)], "")
    _, complaints = run.communicate(timeout=BUSY)
    assert run.returncode == 1 and f"error: worker 1 does not answer at {address}" in complaints
