"""The script as the line calls it: alone, stopped in the middle, and as one of two workers."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import train
from digits import images

ROOT = pathlib.Path(__file__).parents[1]
DATA = ROOT / "data"


def command(folder: pathlib.Path, *extra: str) -> list[str]:
    return [
        *("--data-path", str(DATA)),
        *("--model-dir", str(folder / "model")),
        *("--log-dir", str(folder / "logs")),
        *("--seed", "7"),
        *extra,
    ]


def scores(folder: pathlib.Path) -> np.ndarray:
    serve = tf.saved_model.load(folder / "model").signatures["serving_default"]
    held_out = images.read(DATA / "held-out.npz")
    return serve(image=tf.constant(held_out.image, tf.float32))["output_0"].numpy()


def test_it_leaves_a_saved_model_and_events(tmp_path: pathlib.Path) -> None:
    train.main(command(tmp_path, "--epochs", "1"))
    assert scores(tmp_path).shape == (351, 10)
    assert list((tmp_path / "logs").glob("events.out.tfevents.*"))


def test_a_stopped_run_ends_with_the_same_scores(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    train.main(command(tmp_path / "whole", "--epochs", "3"))
    keep = ("--checkpoint-dir", str(tmp_path / "checkpoints"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keras.Model, "export", killed)
        train.main(command(tmp_path / "stopped", "--epochs", "2", *keep))
    train.main(command(tmp_path / "stopped", "--epochs", "3", *keep))
    assert "2 epochs done" in capsys.readouterr().out
    assert np.array_equal(scores(tmp_path / "whole"), scores(tmp_path / "stopped"))
    assert not list((tmp_path / "checkpoints").iterdir())


@pytest.mark.parametrize("flag", ["--epochs", "--batch-size", "--learning-rate"])
def test_zero_is_refused(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    with pytest.raises(SystemExit):
        train.main(command(tmp_path, flag, "0"))
    assert f"{flag} must be greater than 0" in capsys.readouterr().err


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("localhost", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def test_two_workers_train_one_model_and_the_chief_writes_it(tmp_path: pathlib.Path) -> None:
    cluster = {"worker": [f"localhost:{port}" for port in free_ports(2)]}
    processes = []
    for index in range(2):
        config = {"cluster": cluster, "task": {"type": "worker", "index": index}}
        arguments = command(tmp_path / str(index), "--epochs", "2")
        processes.append(
            subprocess.Popen(
                [sys.executable, str(ROOT / "train.py"), *arguments],
                env={**os.environ, "TF_CONFIG": json.dumps(config), "CUDA_VISIBLE_DEVICES": ""},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        said = [process.communicate(timeout=240)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], "\n".join(said)
    assert "2 devices, 2 workers" in said[0]
    epochs = [[line for line in text.splitlines() if line.startswith("epoch ")] for text in said]
    assert len(epochs[0]) == 2
    assert epochs[0] == epochs[1]
    assert not (tmp_path / "1/model").exists()

    train.main(command(tmp_path / "alone", "--epochs", "2"))
    np.testing.assert_allclose(scores(tmp_path / "0"), scores(tmp_path / "alone"), atol=1e-4)
