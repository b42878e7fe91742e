"""Write down what a SavedModel answers on held-out rows, for comparing with what an exported form of it answers.

evaluate.py --reference DIR asks the model. DIR then holds plain NumPy files that neither TensorFlow nor Python is needed to
read: `input_0.npy`… (one for each input, rows first), `expected.npy` (the output, [N, …] float32), `labels.npy` ([N] float64),
and `reference.json`, which says what they are:

    {"signature", "output", "task", "threshold", "inputs": {NAME: FILE}}

A model whose rows or answers cannot be written so has none: reference.json is then {"refused": MESSAGE}. That is no fault of
the model as long as nobody wants another form of it.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib

import numpy as np

import heldout


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model answers on held-out rows, N of them."""

    output: str
    task: str
    labels: np.ndarray  # [N] float64
    groups: dict[str, dict[str, np.ndarray]]  # column → value → mask [N]
    feed: dict[str, np.ndarray]  # the signature's inputs, [N, …]
    raw: np.ndarray  # the output as the model gave it, [N, …]
    outputs: np.ndarray  # as the task wants it


def write(folder: pathlib.Path, answers: Answers, signature: str, threshold: float) -> None:
    """Fill the folder, which may not be there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        said = _written(folder, answers) | {"signature": signature, "threshold": threshold}
    except heldout.Unfit as unfit:
        said = {"refused": str(unfit)}
    (folder / "reference.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")


def _written(folder: pathlib.Path, answers: Answers) -> dict[str, object]:
    for name, values in answers.feed.items():
        if values.dtype == object:
            raise heldout.Unfit(f"the input {name!r} takes text, which the exported forms do not: export a signature that takes numbers")
    finite = np.isfinite(answers.outputs)
    if not finite.all():
        row = int(np.argmin(finite.reshape(len(finite), -1).all(axis=1)))
        raise heldout.Unfit(f"the SavedModel answers row {row + 1} with a value that is not finite: there is nothing to compare with")
    files = {name: f"input_{number}.npy" for number, name in enumerate(sorted(answers.feed))}
    for name, file in files.items():
        np.save(folder / file, np.ascontiguousarray(answers.feed[name]), allow_pickle=False)
    np.save(folder / "expected.npy", answers.outputs.astype(np.float32), allow_pickle=False)
    np.save(folder / "labels.npy", answers.labels, allow_pickle=False)
    return {"output": answers.output, "task": answers.task, "inputs": files}
