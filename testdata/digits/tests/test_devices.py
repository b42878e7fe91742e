import json

import pytest
import tensorflow as tf

from digits import devices

TWO = {"worker": ["localhost:1", "localhost:2"]}


def test_all_devices_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    strategy = devices.strategy()
    assert isinstance(strategy, tf.distribute.MirroredStrategy)
    assert strategy.num_replicas_in_sync == 2


@pytest.mark.parametrize(
    ("config", "workers", "chief"),
    [
        (None, 1, True),
        ({"cluster": TWO, "task": {"type": "worker", "index": 0}}, 2, True),
        ({"cluster": TWO, "task": {"type": "worker", "index": 1}}, 2, False),
        ({"cluster": {"worker": TWO["worker"][:1]}, "task": {"index": 0}}, 1, True),
        ({"cluster": {"chief": ["a:1"], **TWO}, "task": {"type": "chief", "index": 0}}, 3, True),
        ({"cluster": {"chief": ["a:1"], **TWO}, "task": {"type": "worker", "index": 0}}, 3, False),
    ],
    ids=["alone", "first", "second", "one", "chief", "beside a chief"],
)
def test_tf_config(
    monkeypatch: pytest.MonkeyPatch, config: dict | None, workers: int, chief: bool
) -> None:
    if config is None:
        monkeypatch.delenv("TF_CONFIG", raising=False)
    else:
        monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    assert (devices.workers(), devices.is_chief()) == (workers, chief)
