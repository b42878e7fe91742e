"""Evaluate a SavedModel on held-out data by calling its own signature.

    python3 evaluate.py --model DIR --data held-out.csv --label NAME --out evaluation.json

Keras is not used, and nothing that the training script said: the metrics are of what would be served. The result:

    {"task", "signature", "output", "metrics": {NAME: number}, "slices": {"COLUMN=VALUE": {"metrics": {...}}},
     "confusion": [[...]], "nonFinite": [NAME, ...]}

A metric that is not finite is null and listed in nonFinite, in a slice as COLUMN=VALUE/NAME. The same predictions give
the same bytes. --predictions writes one line a row: its number from 1, label, prediction and the model's output.

--reference and --digest also write what reference.py and modeldigest.py make of the model: importing TensorFlow a second
time would take longer than all three. Where the model has no reference, or no digest, their folder or file says why.
Exit status 2 with one line on standard error when data and model do not fit each other.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import pathlib
import sys

import numpy as np

import heldout
import metrics
import reference
import savedmodel
import step
from heldout import Unfit
from reference import Answers
from signature import Signature


def ask(options: argparse.Namespace) -> Answers:
    """Read the rows and ask the model; raises Unfit when they do not fit each other."""
    table = heldout.read(options.data)
    labels = heldout.labels(table, options.label)
    groups = {name: heldout.groups(table, name) for name in options.slices}
    signature = Signature(options.model, options.signature)
    output = signature.output(options.output)
    feed = heldout.feed(table, options.label, options.slices, signature.inputs)
    raw = signature.predict(feed, output, options.batch)
    task, outputs = metrics.settle(options.task, labels, raw, f"the output {output!r}")
    return Answers(output, task, labels, groups, feed, raw, outputs)


def measure(options: argparse.Namespace, answers: Answers) -> dict[str, object]:
    """The result: metrics of all rows and of each slice."""
    not_finite: list[str] = []

    def measured(rows: np.ndarray | slice, prefix: str) -> tuple[dict[str, float | None], metrics.Confusion | None]:
        values, confusion = metrics.measure(answers.task, answers.labels[rows], answers.outputs[rows], options.threshold)
        bad = [name for name, value in values.items() if not math.isfinite(value)]
        not_finite.extend(prefix + name for name in bad)
        return {**values, **dict.fromkeys(bad)}, confusion

    overall, confusion = measured(slice(None), "")
    slices = {}
    for column, masks in answers.groups.items():
        for value, mask in masks.items():
            name = f"{column}={value}"
            slices[name] = {"metrics": measured(mask, name + "/")[0]}
    return {
        "task": answers.task,
        "signature": options.signature,
        "output": answers.output,
        "metrics": overall,
        "slices": slices,
        "confusion": confusion,
        "nonFinite": sorted(not_finite),
    }


def evaluate(options: argparse.Namespace) -> dict[str, object]:
    """Do what the options ask for, write the files beside the result, and return it; raises Unfit."""
    answers = ask(options)
    result = measure(options, answers)
    if options.predictions:
        guessed = metrics.predicted(answers.task, answers.outputs, options.threshold)
        write_predictions(options.predictions, answers.labels, guessed, answers.raw)
    if options.reference:
        reference.write(options.reference, answers, options.signature, options.threshold)
    if options.digest:
        import modeldigest

        modeldigest.write(options.digest, options.model)
    return result


def write_predictions(path: pathlib.Path, labels: np.ndarray, predicted: np.ndarray, raw: np.ndarray) -> None:
    """One line a row; numbers as short as they can be read back."""
    columns = raw.reshape(len(raw), -1)
    names = ["output"] if columns.shape[1] == 1 else [f"output_{index}" for index in range(columns.shape[1])]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", "label", "prediction", *names])
        for number, (label, guess, values) in enumerate(zip(labels, predicted, columns), start=1):
            writer.writerow([number, f"{label:.17g}", guess, *map(str, values)])


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True, help="folder of the SavedModel")
    parser.add_argument("--data", type=pathlib.Path, required=True, help=".csv or .npz")
    parser.add_argument("--label", required=True, help="column or array to predict")
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--output", help="needed when the signature has several")
    parser.add_argument("--task", choices=("auto", "binary", "multiclass", "regression"), default="auto")
    parser.add_argument("--slices", type=heldout.names, default=[], help="columns, joined by commas")
    parser.add_argument("--threshold", type=float, default=0.5, help="binary: a score above it predicts 1")
    parser.add_argument("--batch", type=int, default=256, help="rows in one call")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--predictions", type=pathlib.Path)
    parser.add_argument("--reference", type=pathlib.Path, help="folder for what an exported form is compared with")
    parser.add_argument("--digest", type=pathlib.Path, help="file for the model's digests")
    options = parser.parse_args(arguments)
    if not 0 <= options.threshold <= 1:
        parser.error(f"--threshold is {options.threshold:g}, it must be from 0 to 1")
    if options.batch < 1:
        parser.error(f"--batch is {options.batch}, it must be at least 1")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        result = evaluate(options)
        text = json.dumps(result, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
        options.out.write_text(text + "\n", encoding="utf-8")
    except (Unfit, savedmodel.Refused) as problem:
        return step.fail(str(problem))
    except OSError as error:
        return step.fail(f"cannot write {error.filename}: {error.strerror}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
