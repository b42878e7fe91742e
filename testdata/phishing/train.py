"""Train the phishing detector and export it as a SavedModel.

    python train.py --data-path data --model-dir model --log-dir logs --epochs 50

Only train.csv of the data folder is read. With --checkpoint-dir, the same call after a kill goes on after the last
finished epoch and, given the same seed, ends with the same weights as a run that nobody interrupted.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import random

import keras
from sklearn.metrics import accuracy_score, roc_auc_score

from src import data, model
from src.checkpoint import Checkpoints

VALIDATION_SHARE = 0.1


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-path", type=pathlib.Path, required=True)
    parser.add_argument("--model-dir", type=pathlib.Path, required=True)
    parser.add_argument("--log-dir", type=pathlib.Path)
    parser.add_argument("--checkpoint-dir", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--seed", type=int, help="without it, whatever the caller has seeded")
    options = parser.parse_args(arguments)
    for name in ("epochs", "batch_size", "learning_rate"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name.replace('_', '-')} must be greater than 0")
    return options


def main(arguments: list[str] | None = None) -> None:
    options = parse(arguments)
    if options.seed is not None:
        keras.utils.set_random_seed(options.seed)
    order_seed = random.getrandbits(31)

    source = options.data_path / "train.csv"
    training, validation = data.set_aside(data.read(source), VALIDATION_SHARE)
    network, done = model.build(options.learning_rate), 0
    callbacks: list[keras.callbacks.Callback] = []
    checkpoints = None
    if options.checkpoint_dir:
        settings = f"{options.batch_size} {options.learning_rate} {options.seed} ".encode()
        key = hashlib.sha256(settings + source.read_bytes()).hexdigest()[:12]
        checkpoints = Checkpoints(options.checkpoint_dir, key)
        earlier, done = checkpoints.latest()
        network = earlier or network
        callbacks.append(checkpoints)
    if options.log_dir:
        callbacks.append(keras.callbacks.TensorBoard(options.log_dir, write_graph=False))

    print(
        f"{len(training.y)} rows to train on, {len(validation.y)} to validate, {done} epochs done"
    )
    if done < options.epochs:
        batches, steps = data.batches(
            training, options.batch_size, order_seed, range(done, options.epochs)
        )
        network.fit(
            batches,
            epochs=options.epochs,
            initial_epoch=done,
            steps_per_epoch=steps,
            validation_data=validation,
            callbacks=callbacks,
            verbose=2,
        )
    scores = network.predict(validation.x, verbose=0)[:, 0]
    print(
        f"validation: accuracy {accuracy_score(validation.y, scores > 0.5):.4f}, "
        f"auc {roc_auc_score(validation.y, scores):.4f}"
    )
    network.export(options.model_dir)
    if checkpoints:
        checkpoints.clear()


if __name__ == "__main__":
    main()
