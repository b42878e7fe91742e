"""The network: two convolutions and a softmax."""

from __future__ import annotations

import keras

from digits import images


def build() -> keras.Model:
    """Return the model: grey levels [N, 8, 8, 1] to a probability for each digit [N, 10]."""
    inputs = keras.Input((images.SIZE, images.SIZE, 1), name="image")
    x = keras.layers.Rescaling(1.0 / (images.GREYS - 1), name="grey")(inputs)
    for filters in (16, 32):
        x = keras.layers.Conv2D(
            filters, 3, padding="same", activation="relu", name=f"convolution_{filters}"
        )(x)
        x = keras.layers.MaxPooling2D(name=f"half_{filters}")(x)
    x = keras.layers.Flatten(name="flat")(x)
    outputs = keras.layers.Dense(images.CLASSES, activation="softmax", name="digit")(x)
    return keras.Model(inputs, outputs, name="digits")
