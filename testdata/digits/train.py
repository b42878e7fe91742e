"""Train the reader of digits and export it as a SavedModel.

    python train.py --data-path data --model-dir model --log-dir logs --epochs 20

Only train.npz of the data folder is read. Several GPUs share each batch (MirroredStrategy). With TF_CONFIG set, this
process is one of several workers (MultiWorkerMirroredStrategy): all end with the same model and the chief writes it.
With --checkpoint-dir, the same call after a kill goes on after the last finished epoch (not with several workers).
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import random
import shutil

import keras
import tensorflow as tf
from sklearn.metrics import confusion_matrix

from digits import devices, images, training

VALIDATION_EACH = 10


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-path", type=pathlib.Path, required=True)
    parser.add_argument("--model-dir", type=pathlib.Path, required=True)
    parser.add_argument("--log-dir", type=pathlib.Path)
    parser.add_argument("--checkpoint-dir", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", type=int, default=32, help="images a step, on all devices")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, help="without it, whatever the caller has seeded")
    options = parser.parse_args(arguments)
    for name in ("epochs", "batch_size", "learning_rate"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be greater than 0")
    return options


class Checkpoints:
    """The trainer's state after the last finished epoch, in a folder for these settings and data."""

    def __init__(
        self, options: argparse.Namespace, source: pathlib.Path, trainer: training.Trainer
    ):
        settings = f"{options.batch_size} {options.learning_rate} {options.seed} ".encode()
        key = hashlib.sha256(settings + source.read_bytes()).hexdigest()[:12]
        self.folder = options.checkpoint_dir / key
        state = tf.train.Checkpoint(
            model=trainer.model, optimizer=trainer.optimizer, done=trainer.done
        )
        self.manager = tf.train.CheckpointManager(state, str(self.folder), max_to_keep=1)
        if self.manager.latest_checkpoint:
            state.restore(self.manager.latest_checkpoint).assert_existing_objects_matched()

    def clear(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    strategy = devices.strategy()  # before any operation: workers must find each other first
    if options.seed is not None:
        keras.utils.set_random_seed(options.seed)
    order_seed = random.getrandbits(31)

    source = options.data_path / "train.npz"
    learned, validation = images.set_aside(images.read(source), VALIDATION_EACH)
    trainer = training.Trainer(strategy, options.learning_rate, options.batch_size)
    checkpoints = None
    if options.checkpoint_dir and devices.workers() > 1:
        print("several workers do not go on from checkpoints: --checkpoint-dir is not used")
    elif options.checkpoint_dir:
        checkpoints = Checkpoints(options, source, trainer)
    chief = devices.is_chief()
    events = (
        tf.summary.create_file_writer(str(options.log_dir)) if options.log_dir and chief else None
    )

    def after(epoch: int, figures: dict[str, float]) -> None:
        said = ", ".join(f"{name} {value:.4f}" for name, value in figures.items())
        print(f"epoch {epoch + 1}/{options.epochs}: {said}", flush=True)
        if events:
            with events.as_default(step=epoch):
                for name, value in figures.items():
                    tf.summary.scalar(name, value)
            events.flush()
        if checkpoints:
            checkpoints.manager.save(epoch + 1)

    print(
        f"{len(learned.label)} images to train on, {len(validation.label)} to validate, "
        f"{strategy.num_replicas_in_sync} devices, {devices.workers()} workers, "
        f"{trainer.done.numpy()} epochs done",
        flush=True,
    )
    training.run(trainer, learned, validation, options.epochs, order_seed, after)
    scores = trainer.model(validation.image.astype("float32"), training=False).numpy()
    print("digits (rows) and what was read:")
    print(confusion_matrix(validation.label, scores.argmax(axis=1), labels=range(images.CLASSES)))
    if chief:
        trainer.model.export(str(options.model_dir))
    if checkpoints:
        checkpoints.clear()


if __name__ == "__main__":
    main()
