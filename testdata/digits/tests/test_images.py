import pathlib

import numpy as np
import pytest

import split
from digits import images

DATA = pathlib.Path(__file__).parents[1] / "data"


def test_the_committed_files_are_whole_and_follow_the_rule() -> None:
    learned, held_out = images.read(DATA / "train.npz"), images.read(DATA / "held-out.npz")
    assert (len(learned.label), len(held_out.label)) == (1446, 351)
    assert {split.held_out(image) for image in learned.image} == {False}
    assert {split.held_out(image) for image in held_out.image} == {True}
    assert set(held_out.label) == set(range(10))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"image": np.zeros((2, 8, 8, 1), np.uint8)}, "expected the arrays image and label"),
        ({"image": np.zeros((2, 64)), "label": np.zeros(2)}, "has the shape"),
        ({"image": np.zeros((0, 8, 8, 1)), "label": np.zeros(0)}, "has the shape"),
        ({"image": np.full((1, 8, 8, 1), 17), "label": np.zeros(1)}, "grey levels go from"),
        ({"image": np.zeros((1, 8, 8, 1)), "label": np.array([10])}, "labels from 0 to 9"),
    ],
    ids=["no label", "shape", "empty", "grey", "label"],
)
def test_a_bad_file_is_named(tmp_path: pathlib.Path, arrays: dict, message: str) -> None:
    np.savez(tmp_path / "train.npz", **arrays)
    with pytest.raises(ValueError, match=rf"train\.npz: .*{message}"):
        images.read(tmp_path / "train.npz")


def numbered(count: int) -> images.Images:
    image = np.zeros((count, 8, 8, 1), np.uint8)
    image[:, 0, 0, 0] = np.arange(count)
    return images.Images(image, np.arange(count))


def test_validation_takes_every_tenth() -> None:
    learned, validation = images.set_aside(numbered(25), 10)
    assert validation.label.tolist() == [0, 10, 20]
    assert len(learned.label) == 22


def test_an_order_follows_from_seed_and_epoch() -> None:
    first = images.order(25, 8, seed=7, epoch=0)
    assert first.shape == (3, 8)
    assert len(set(first.reshape(-1))) == 24
    assert np.array_equal(first, images.order(25, 8, seed=7, epoch=0))
    assert not np.array_equal(first, images.order(25, 8, seed=7, epoch=1))
    assert not np.array_equal(first, images.order(25, 8, seed=8, epoch=0))


@pytest.mark.parametrize(("pipelines", "replicas"), [(1, 1), (1, 2), (2, 1), (2, 2), (4, 2)])
def test_together_the_pipelines_feed_each_step_once(pipelines: int, replicas: int) -> None:
    chosen = images.order(25, 8, seed=7, epoch=0)
    steps: list[list[int]] = [[], [], []]
    for pipeline in range(pipelines):
        feed = images.share(numbered(25), chosen, pipeline, pipelines, replicas)
        labels = [batch.numpy().tolist() for _, batch in feed]
        assert len(labels) == 3 * replicas
        for index, batch in enumerate(labels):
            steps[index // replicas] += batch
    assert [sorted(step) for step in steps] == np.sort(chosen, axis=1).tolist()
