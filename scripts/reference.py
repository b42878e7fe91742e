"""Write down what a SavedModel answers on held-out rows, for comparing with what an exported form of it answers.

    python3 reference.py --model DIR --data held-out.csv --label NAME --out DIR

DIR then holds plain NumPy files that neither TensorFlow nor Python is needed to read: `input_0.npy`… (one for each input, rows
first), `expected.npy` (the output, [N, …] float32), `labels.npy` ([N] float64), and `reference.json`, which says what they are:

    {"signature", "output", "task", "threshold", "inputs": {NAME: FILE}}
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import pathlib
import sys

import numpy as np

import evaluate
import heldout
import metrics
import savedmodel
import step


@dataclasses.dataclass(frozen=True)
class Reference:
    """The rows of a reference folder, and what the SavedModel makes of them."""

    signature: str
    output: str
    task: str
    threshold: float
    inputs: dict[str, np.ndarray]
    expected: np.ndarray
    labels: np.ndarray

    def write(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        files = {name: f"input_{number}.npy" for number, name in enumerate(sorted(self.inputs))}
        for name, file in files.items():
            np.save(folder / file, np.ascontiguousarray(self.inputs[name]), allow_pickle=False)
        np.save(folder / "expected.npy", self.expected, allow_pickle=False)
        np.save(folder / "labels.npy", self.labels, allow_pickle=False)
        (folder / "reference.json").write_text(json.dumps({
            "signature": self.signature, "output": self.output, "task": self.task, "threshold": self.threshold, "inputs": files,
        }, indent=1, sort_keys=True) + "\n")


def measure(options: argparse.Namespace) -> Reference:
    """Ask the SavedModel; raises Unfit, also for rows that cannot be written as plain numbers."""
    table = heldout.read(options.data)
    labels = heldout.labels(table, options.label)
    signature = evaluate.Signature(options.model, options.signature)
    output = signature.output(options.output)
    inputs = heldout.feed(table, options.label, options.slices, signature.inputs)
    for name, values in inputs.items():
        if values.dtype == object:
            raise heldout.Unfit(f"the input {name!r} takes text, which the exported forms do not: export a signature that takes numbers")
    raw = signature.predict(inputs, output, options.batch)
    task, values = metrics.settle(options.task, labels, raw, f"the output {output!r}")
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values.reshape(len(values), -1)).all(axis=1)))
        raise heldout.Unfit(f"the SavedModel answers row {row + 1} with a value that is not finite: there is nothing to compare with")
    return Reference(options.signature, output, task, options.threshold, inputs, values.astype(np.float32), labels)


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, required=True, help=".csv or .npz")
    parser.add_argument("--label", required=True)
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--output", help="needed when the signature has several")
    parser.add_argument("--task", choices=("auto", "binary", "multiclass", "regression"), default="auto")
    parser.add_argument("--slices", type=lambda text: list(filter(None, text.split(","))), default=[], help="columns that are no input")
    parser.add_argument("--threshold", type=float, default=0.5)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        measure(options).write(options.out)
    except (heldout.Unfit, savedmodel.Refused) as problem:
        return step.fail(str(problem))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
