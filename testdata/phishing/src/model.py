"""The model: a small multilayer perceptron."""

from __future__ import annotations

import keras

from src import features


def build(learning_rate: float) -> keras.Model:
    """Return the compiled model: features [N, 9] to the probability of phishing [N, 1].

    Weight decay by L2 rather than dropout: with 1,000 rows both do, and L2 draws no random
    numbers, so that a resumed run ends with the weights of an uninterrupted one.
    """
    inputs = keras.Input((len(features.FEATURES),), name="features")
    x = keras.layers.Rescaling(2.0, offset=-1.0, name="centre")(inputs)
    for units in (32, 16):
        x = keras.layers.Dense(
            units,
            activation="relu",
            kernel_regularizer=keras.regularizers.L2(1e-3),
            name=f"hidden_{units}",
        )(x)
    outputs = keras.layers.Dense(1, activation="sigmoid", name="phishing")(x)
    model = keras.Model(inputs, outputs, name="phishing")
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="binary_crossentropy",
        metrics=["accuracy", keras.metrics.AUC(name="auc")],
    )
    return model
