"""Say where two SavedModels differ first, and by how much.

    python3 modeldiff.py --before DIR --after DIR --out FILE.json [--data held-out.csv --label NAME ...]

Digests (modeldigest.py) tell that models differ; this tells in what. The variables are compared by name, bit by bit:

    {"weights": {"variables": N, "different": N, "missing": [NAME], "added": [NAME], "maxAbsDiff": number, "maxUlps": number,
                 "first": {"name", "dtype", "shape", "index", "before", "after", "ulps", "count"} or null, "state": bool},
     "graph": {"different": [SIGNATURE], "missing": [...], "added": [...]}, "assets": bool,
     "predictions": {"examples": N, "maxAbsDiff": number, "flipped": N} or null}

`first` is the first by name, and in it the first value; `ulps` counts the representable numbers from one to the other, null
for what is no floating-point number. maxAbsDiff is null where a difference is not finite. `state`: tables or other values that
are no variables differ. `predictions` are the answers to held-out rows, null without --data; `flipped` counts rows that are
decided otherwise, null for a regression. Exit status 2 with one line on standard error when a model cannot be read.
"""

from __future__ import annotations

import argparse
import collections
import json
import math
import pathlib
import sys
from typing import Any

import numpy as np

import heldout
import metrics
import savedmodel
import step
import treedigest
from modeldigest import Weights
from modelfile import Fault, Model, mix
from modelgraph import Graphs
from signature import Signature

BATCH = 256  # rows in one call
SAME_NAME = "{} #{}"  # variables of one name: their order follows from their values


def variables(model: Model) -> dict[str, np.ndarray]:
    """The model's variables by name; a name that several have gets numbers."""
    found: dict[str, dict[bytes, np.ndarray]] = collections.defaultdict(dict)
    for node in model.tracked.nodes:
        for attribute in node.attributes:
            if attribute.name == "VARIABLE_VALUE":
                value = model.value(attribute.checkpoint_key)
                found[attribute.full_name][model.content(value)] = value  # Keras stores each twice
    if model.reader is not None and not model.tracked.nodes:
        for key in model.reader.get_variable_to_shape_map():
            found[key][b""] = model.value(key)
    named: dict[str, np.ndarray] = {}
    for name, values in found.items():
        for number, content in enumerate(sorted(values), start=1):
            named[name if len(values) == 1 else SAME_NAME.format(name, number)] = values[content]
    return named


def different(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which values differ in their bits: a mask of their shape."""
    if before.dtype.kind in "OSU":
        return np.array(before != after, dtype=bool).reshape(before.shape)
    raw = [np.ascontiguousarray(array).view(np.uint8).reshape(*array.shape, array.dtype.itemsize) for array in (before, after)]
    return (raw[0] != raw[1]).any(axis=-1)


def ulps(before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """How many representable numbers lie from one to the other, as float64; None for what is no floating-point number."""
    width = {2: np.int16, 4: np.int32, 8: np.int64}.get(before.dtype.itemsize)
    if width is None or not (before.dtype.kind == "f" or "float" in before.dtype.name):
        return None

    def place(array: np.ndarray) -> np.ndarray:
        bits = np.ascontiguousarray(array).view(width).astype(object if width is np.int64 else np.int64)
        return np.where(bits < 0, np.iinfo(width).min - bits, bits)  # negative numbers count down

    return np.abs(place(before) - place(after)).astype(np.float64)


def compare_variable(name: str, before: np.ndarray, after: np.ndarray) -> dict[str, Any] | None:
    """The first value that differs, and over all of them the largest differences; None for equal bits."""
    mask = different(before, after)
    if not mask.any():
        return None
    at = tuple(int(place) for place in np.argwhere(mask)[0])
    far = ulps(before, after)
    largest: float | None = None
    if far is not None or before.dtype.kind in "iu":
        with np.errstate(invalid="ignore"):
            largest = float(np.abs(before.astype(np.float64) - after.astype(np.float64))[mask].max())
    return {
        "name": name, "dtype": "string" if before.dtype.kind in "OSU" else before.dtype.name, "shape": list(before.shape), "index": list(at),
        "before": str(before[at])[:80], "after": str(after[at])[:80], "ulps": None if far is None else float(far[at]), "count": int(mask.sum()),
        "maxAbsDiff": largest, "maxUlps": None if far is None else float(far[mask].max()),
    }


def compare_weights(before: Model, after: Model) -> dict[str, Any]:
    ours, theirs = variables(before), variables(after)
    both = sorted(name for name in ours.keys() & theirs.keys()
                  if ours[name].shape == theirs[name].shape and ours[name].dtype == theirs[name].dtype)
    found = [result for name in both if (result := compare_variable(name, ours[name], theirs[name]))]
    numbers = [result["maxAbsDiff"] for result in found if result["maxAbsDiff"] is not None]
    places = [result["maxUlps"] for result in found if result["maxUlps"] is not None]
    first = {key: value for key, value in found[0].items() if not key.startswith("max")} if found else None
    largest = max(numbers, default=None, key=lambda value: math.inf if math.isnan(value) else value)
    return {
        "variables": len(ours), "different": len(found), "first": first,
        "missing": sorted(ours.keys() - set(both)), "added": sorted(theirs.keys() - set(both)),
        "maxAbsDiff": largest if largest is not None and math.isfinite(largest) else None,
        "maxUlps": max(places, default=None),
        "state": Weights(before).state != Weights(after).state,
    }


def compare_graphs(before: Model, after: Model) -> dict[str, list[str]]:
    ours, theirs = (Graphs(model, Weights(model)).signatures() for model in (before, after))
    return {
        "different": sorted(name for name in ours.keys() & theirs.keys() if ours[name] != theirs[name]),
        "missing": sorted(ours.keys() - theirs.keys()), "added": sorted(theirs.keys() - ours.keys()),
    }


def assets(folder: pathlib.Path) -> bytes:
    return mix(sorted(entry.record() for entry in treedigest.entries(str(folder), []) if entry.path.startswith("assets/")))


def compare_predictions(options: argparse.Namespace) -> dict[str, Any]:
    """Ask both models the same rows; raises heldout.Unfit when one cannot be asked."""
    table = heldout.read(options.data)
    labels = heldout.labels(table, options.label)
    answers: list[np.ndarray] = []
    for folder in (options.before, options.after):
        signature = Signature(folder, options.signature)
        output = signature.output(options.output)
        feed = heldout.feed(table, options.label, options.slices, signature.inputs)
        raw = signature.predict(feed, output, min(len(labels), BATCH))
        task, values = metrics.settle(options.task, labels, raw, f"the output {output!r}")
        answers.append(values)
    far = float(np.abs(answers[0] - answers[1]).max())
    flipped = None
    if task != "regression":
        decided = [metrics.predicted(task, values, options.threshold) for values in answers]
        flipped = int((decided[0] != decided[1]).sum())
    return {"examples": len(labels), "maxAbsDiff": far if math.isfinite(far) else None, "flipped": flipped}


def compare(options: argparse.Namespace) -> dict[str, Any]:
    for folder in (options.before, options.after):
        savedmodel.check(folder)
    before, after = Model(options.before), Model(options.after)
    return {
        "weights": compare_weights(before, after),
        "graph": compare_graphs(before, after),
        "assets": assets(options.before) != assets(options.after),
        "predictions": None if options.data is None else compare_predictions(options),
    }


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=pathlib.Path, required=True)
    parser.add_argument("--after", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, help=".csv or .npz")
    parser.add_argument("--label")
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--output")
    parser.add_argument("--task", choices=("auto", "binary", "multiclass", "regression"), default="auto")
    parser.add_argument("--slices", type=heldout.names, default=[])
    parser.add_argument("--threshold", type=float, default=0.5)
    options = parser.parse_args(arguments)
    if (options.data is None) != (options.label is None):
        parser.error("--data and --label go together")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    try:
        result = compare(options)
    except (Fault, treedigest.Fault, savedmodel.Refused, heldout.Unfit) as fault:
        return step.fail(str(fault))
    options.out.write_text(json.dumps(result, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
