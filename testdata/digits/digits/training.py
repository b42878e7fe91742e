"""The training loop, written out: Keras 3's `fit` fails under MultiWorkerMirroredStrategy."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from digits import images, network
from digits.images import Images


class Trainer:
    """A model and its optimizer on all replicas of a strategy."""

    def __init__(self, strategy: tf.distribute.Strategy, learning_rate: float, batch: int) -> None:
        replicas = strategy.num_replicas_in_sync
        if batch % replicas:
            raise ValueError(f"a batch of {batch} cannot be shared by {replicas} devices equally")
        self.strategy, self.batch = strategy, batch
        with strategy.scope():
            self.model = network.build()
            self.optimizer = keras.optimizers.Adam(learning_rate)
            self.optimizer.build(self.model.trainable_variables)
        self.done = tf.Variable(0, dtype=tf.int64, trainable=False, name="epochs_done")

    def epoch(self, training: Images, seed: int) -> float:
        """Train one epoch and return its mean loss per image."""
        chosen = images.order(len(training.label), self.batch, seed, int(self.done.numpy()))

        def feed(context: tf.distribute.InputContext) -> tf.data.Dataset:
            pipelines = context.num_input_pipelines
            replicas = context.num_replicas_in_sync // pipelines
            return images.share(training, chosen, context.input_pipeline_id, pipelines, replicas)

        losses = [
            self._step(batch) for batch in self.strategy.distribute_datasets_from_function(feed)
        ]
        self.done.assign_add(1)
        return float(np.mean(losses))

    def accuracy(self, validation: Images) -> float:
        """The share of images that are read right."""
        scores = self.model(validation.image.astype(np.float32), training=False)
        return float(np.mean(np.argmax(scores, axis=1) == validation.label))

    @tf.function
    def _step(self, batch: tuple) -> tf.Tensor:
        sums = self.strategy.run(self._replica_step, args=batch)
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, sums, axis=None)

    def _replica_step(self, image: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        """One replica's part of the batch's mean loss; the optimizer adds up the gradients."""
        with tf.GradientTape() as tape:
            scores = self.model(image, training=True)
            each = keras.losses.sparse_categorical_crossentropy(label, scores)
            loss = tf.reduce_sum(each) / self.batch
        variables = [variable.value for variable in self.model.trainable_variables]
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply(gradients, self.model.trainable_variables)
        return loss


def run(
    trainer: Trainer,
    training: Images,
    validation: Images,
    epochs: int,
    seed: int,
    after: Callable[[int, dict[str, float]], None],
) -> None:
    """Train until `epochs` are done, calling `after` with the epoch's number and its figures."""
    while (epoch := int(trainer.done.numpy())) < epochs:
        loss = trainer.epoch(training, seed)
        after(epoch, {"epoch_loss": loss, "epoch_accuracy": trainer.accuracy(validation)})
