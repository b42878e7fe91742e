"""Compare what an exported form of a model answers with what the SavedModel answered on the same rows.

    python3 agreement.py --reference DIR --values FILE.npy --exported FILE_OR_DIR --format tfjs --quantize none --out report.json

DIR is what evaluate.py --reference wrote, FILE.npy the exported form's output on its rows, [N, …]. The report:

    {"format", "quantize", "bytes", "output", "task", "examples", "maxAbsDiff",
     "agreement", "accuracySavedModel", "accuracyExported", "accuracyLost"}

`agreement` is the share of rows on which both decide alike (the same class, the same side of the threshold); it and the three
accuracies are null for a regression. NumPy alone is needed.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

import metrics
import step
from heldout import Unfit

BATCH = 256  # rows in one call of a model that takes any number


class Reference:
    """A folder of reference.py's, read back; raises Unfit when it holds none."""

    def __init__(self, folder: pathlib.Path) -> None:
        said = json.loads((folder / "reference.json").read_text())
        if "refused" in said:
            raise Unfit(said["refused"])
        self.signature, self.output, self.task = said["signature"], said["output"], said["task"]
        self.threshold: float = said["threshold"]
        self.inputs = {name: np.load(folder / file) for name, file in said["inputs"].items()}
        self.expected, self.labels = np.load(folder / "expected.npy"), np.load(folder / "labels.npy")

    def ask(self, call: Callable[[dict[str, np.ndarray]], np.ndarray], fixed: int | None = None) -> np.ndarray:
        """Give all rows to `call`, in batches of `fixed` rows if it takes no other number, and return its answers [N, …]."""
        rows, size, parts = len(self.labels), fixed or BATCH, []
        for start in range(0, rows, size):
            index = np.arange(start, start + size if fixed else min(start + size, rows)) % rows
            parts.append(call({name: values[index] for name, values in self.inputs.items()})[:rows - start])
        return np.concatenate(parts)


def compare(reference: Reference, values: np.ndarray) -> dict[str, Any]:
    """The report's figures for the answers `values` [N, …]; raises Unfit when they cannot be compared."""
    expected = reference.expected
    if values.size != expected.size or len(values) != len(expected):
        raise Unfit(f"the exported model answers with the shape {list(values.shape)}, the SavedModel with {list(expected.shape)}")
    values = values.reshape(expected.shape).astype(np.float64)
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values.reshape(len(values), -1)).all(axis=1)))
        raise Unfit(f"the exported model answers row {row + 1} with a value that is not finite, the SavedModel with a number: do not use it")
    report: dict[str, Any] = {
        "output": reference.output, "task": reference.task, "examples": len(expected),
        "maxAbsDiff": float(np.abs(values - expected).max()),
        "agreement": None, "accuracySavedModel": None, "accuracyExported": None, "accuracyLost": None,
    }
    if reference.task != "regression":
        ours, theirs = (metrics.predicted(reference.task, answers, reference.threshold) for answers in (expected, values))
        right = [float(np.mean(decided == reference.labels)) for decided in (ours, theirs)]
        report.update(agreement=float(np.mean(ours == theirs)),
                      accuracySavedModel=right[0], accuracyExported=right[1], accuracyLost=right[0] - right[1])
    return report


def size(path: pathlib.Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def write(out: pathlib.Path, figures: dict[str, Any], exported: pathlib.Path, form: str, quantize: str) -> None:
    """Write the report and say its figures in one line."""
    report = {"format": form, "quantize": quantize, "bytes": size(exported), **figures}
    out.write_text(json.dumps(report, indent=1, sort_keys=True, allow_nan=False) + "\n")
    line = f"{form} ({quantize}): {report['bytes']:,} bytes, at most {report['maxAbsDiff']:.2g} off the SavedModel on {report['examples']} rows"
    if report["agreement"] is not None:
        line += (f", {report['agreement']:.2%} decided alike, "
                 f"accuracy {report['accuracyExported']:.4f} (SavedModel {report['accuracySavedModel']:.4f})")
    print(line)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--values", type=pathlib.Path, required=True)
    parser.add_argument("--exported", type=pathlib.Path, required=True)
    parser.add_argument("--format", required=True)
    parser.add_argument("--quantize", default="none")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    try:
        figures = compare(Reference(options.reference), np.load(options.values))
    except Unfit as unfit:
        return step.fail(str(unfit))
    write(options.out, figures, options.exported, options.format, options.quantize)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
