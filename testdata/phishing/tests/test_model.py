import keras
import numpy as np

from src import data, features, model


def test_scores_are_probabilities_for_any_batch() -> None:
    network = model.build(1e-3)
    scores = network(np.zeros((5, len(features.FEATURES)), np.float32)).numpy()
    assert scores.shape == (5, 1)
    assert ((scores > 0) & (scores < 1)).all()


def test_the_same_seed_builds_the_same_model() -> None:
    def weights(seed: int) -> list[np.ndarray]:
        keras.utils.set_random_seed(seed)
        return model.build(1e-3).get_weights()

    first, again, other = weights(7), weights(7), weights(8)
    assert all(np.array_equal(a, b) for a, b in zip(first, again))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other))


def test_it_learns_an_obvious_rule() -> None:
    keras.utils.set_random_seed(7)
    x = np.random.default_rng(0).choice([0.0, 0.5, 1.0], (256, len(features.FEATURES)))
    rows = data.Rows(x.astype(np.float32), (x[:, 2] > 0.4).astype(np.float32))
    network = model.build(1e-2)
    batches, steps = data.batches(rows, 32, seed=1, epochs=range(15))
    network.fit(batches, epochs=15, steps_per_epoch=steps, verbose=0)
    assert network.evaluate(rows.x, rows.y, verbose=0, return_dict=True)["accuracy"] > 0.95
