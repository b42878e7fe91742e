"""The smallest training that keeps the line's contract: one layer, one epoch."""

import argparse
import pathlib

import keras
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--data-path", type=pathlib.Path)
parser.add_argument("--model-dir")
parser.add_argument("--epochs", type=int, default=1)
options = parser.parse_args()
rows = np.loadtxt(
    options.data_path / "train.csv", delimiter=",", skiprows=1, dtype="float32"
)
model = keras.Sequential(
    [keras.Input((2,)), keras.layers.Dense(1, activation="sigmoid")]
)
model.compile("sgd", "binary_crossentropy")
model.fit(rows[:, :2], rows[:, 2], epochs=options.epochs, verbose=2)
model.export(options.model_dir)
