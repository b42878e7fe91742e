import keras
import numpy as np
import pytest
import tensorflow as tf

from digits import images, network, training


def squares(count: int) -> images.Images:
    """Ten patterns, each with its own dark square."""
    label = np.arange(count) % 10
    image = np.random.default_rng(0).integers(0, 3, (count, 8, 8, 1), dtype=np.uint8)
    for index, digit in enumerate(label):
        image[index, digit % 5 : digit % 5 + 3, 3 * (digit // 5) : 3 * (digit // 5) + 3] = 16
    return images.Images(image, label.astype(np.int64))


def trained(strategy: tf.distribute.Strategy, epochs: int) -> training.Trainer:
    keras.utils.set_random_seed(7)
    trainer = training.Trainer(strategy, learning_rate=5e-3, batch=20)
    figures: list[dict[str, float]] = []
    training.run(
        trainer, squares(200), squares(40), epochs, 7, lambda _, said: figures.append(said)
    )
    assert len(figures) == epochs
    assert figures[-1]["epoch_loss"] < figures[0]["epoch_loss"]
    return trainer


def test_the_network_answers_probabilities() -> None:
    scores = network.build()(np.zeros((3, 8, 8, 1), np.float32)).numpy()
    assert scores.shape == (3, 10)
    assert np.allclose(scores.sum(axis=1), 1)


def test_one_device_learns() -> None:
    assert trained(tf.distribute.get_strategy(), 6).accuracy(squares(40)) > 0.9


def test_two_devices_end_with_the_weights_of_one() -> None:
    mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    one, two = trained(tf.distribute.get_strategy(), 2), trained(mirrored, 2)
    for a, b in zip(one.model.get_weights(), two.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_batch_must_be_shared_equally() -> None:
    with pytest.raises(ValueError, match="a batch of 21 cannot be shared by 2 devices"):
        training.Trainer(tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]), 1e-3, batch=21)
