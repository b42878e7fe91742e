"""The script as the line calls it: from the folder of data to the SavedModel."""

import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf

import train
from src import data

DATA = pathlib.Path(__file__).parents[1] / "data"


def run(folder: pathlib.Path, *extra: str) -> None:
    train.main(
        [
            *("--data-path", str(DATA)),
            *("--model-dir", str(folder / "model")),
            *("--log-dir", str(folder / "logs")),
            *("--checkpoint-dir", str(folder / "checkpoints")),
            *("--seed", "7"),
            *extra,
        ]
    )


def scores(folder: pathlib.Path) -> np.ndarray:
    serve = tf.saved_model.load(folder / "model").signatures["serving_default"]
    return serve(features=data.read(DATA / "held-out.csv").x)["output_0"].numpy()


def test_it_leaves_a_saved_model_and_events(tmp_path: pathlib.Path) -> None:
    run(tmp_path, "--epochs", "1")
    assert scores(tmp_path).shape == (282, 1)
    assert list((tmp_path / "logs").rglob("events.out.tfevents.*"))
    assert not list((tmp_path / "checkpoints").iterdir())


def test_a_stopped_run_ends_with_the_same_scores(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(tmp_path / "whole", "--epochs", "4")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(keras.Model, "export", killed)
        run(tmp_path / "stopped", "--epochs", "2")
    left = list((tmp_path / "stopped/checkpoints").iterdir())
    assert [path.name[-13:] for path in left] == ["-000002.keras"]

    run(tmp_path / "stopped", "--epochs", "4")
    assert "2 epochs done" in capsys.readouterr().out
    assert np.array_equal(scores(tmp_path / "whole"), scores(tmp_path / "stopped"))


def test_a_checkpoint_of_another_run_is_left_alone(tmp_path: pathlib.Path) -> None:
    other = tmp_path / "checkpoints/0123456789ab-000001.keras"
    other.parent.mkdir()
    other.write_bytes(b"not a model")
    run(tmp_path, "--epochs", "1")
    assert other.read_bytes() == b"not a model"


@pytest.mark.parametrize("flag", ["--epochs", "--batch-size", "--learning-rate"])
def test_zero_is_refused(
    tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    with pytest.raises(SystemExit):
        run(tmp_path, flag, "0")
    assert f"{flag} must be greater than 0" in capsys.readouterr().err
