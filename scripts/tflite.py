"""Convert a SavedModel to TensorFlow Lite; the same model gives the same bytes.

    python3 tflite.py --model DIR --quantize none|dynamic|float16|int8 --out model.tflite
    python3 tflite.py --model DIR --quantize int8 --representative train.csv --label NAME --rows 200 --out model.tflite

int8 computes in 8-bit integers throughout (inputs and outputs stay floats); its ranges are taken from rows of the training data.
What the result is worth is not for this program to say: litert.py runs it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import re
import sys
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

import heldout
import savedmodel
import step
from signature import Signature

QUANTIZE = ("none", "dynamic", "float16", "int8")
ROWS = 200


def representative(options: argparse.Namespace) -> Callable[[], Iterator[dict[str, np.ndarray]]]:
    """A source of single rows, spread evenly over the training data, in the same order each time."""
    if not options.representative:
        raise heldout.Unfit("int8 takes the ranges of its integers from training data: name it with --representative (.csv or .npz) and --label")
    if not options.label:
        raise heldout.Unfit("--representative needs --label, the column or array in it that is not an input")
    table = heldout.read(options.representative)
    inputs = heldout.feed(table, options.label, options.slices, Signature(options.model, options.signature).inputs)
    chosen = np.linspace(0, table.rows - 1, min(options.rows, table.rows)).astype(int)
    return lambda: ({name: values[row:row + 1] for name, values in inputs.items()} for row in chosen)


def convert(options: argparse.Namespace) -> bytes:
    """The model as a TensorFlow Lite file; raises Unfit when it has no form there."""
    savedmodel.check(options.model, options.signature)
    rows = representative(options) if options.quantize == "int8" else None
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(options.model), signature_keys=[options.signature])
    if options.quantize != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if options.quantize == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if rows:
        converter.representative_dataset = rows
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    try:
        with set_apart():
            return converter.convert()
    except Exception as error:  # noqa: BLE001 - the converter raises classes of its own and of its parts
        raise heldout.Unfit(explained(str(error), options.quantize)) from error


@contextlib.contextmanager
def set_apart() -> Iterator[None]:
    """Pass what native code writes to standard error on with a mark, as its lines that begin with `error: ` are not ours."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            for line in said.read().decode(errors="replace").splitlines():
                print("converter: " + line[:1000], file=sys.stderr)


def explained(text: str, quantize: str) -> str:
    """What the converter says, with what to do."""
    lacking = sorted(set(re.findall(r"\btf\.([A-Z]\w+)", text)))
    if "TF Select" in text and lacking:
        return (f"TensorFlow Lite has no form of the operations {', '.join(lacking)}: replace them, or move them out of the model "
                "(text and look-ups belong before it)")
    if "TensorListReserve" in text:
        return ("TensorFlow Lite cannot convert a recurrent layer whose number of rows is open: export a signature with one row "
                "(TensorSpec([1, …])), or build the layer with unroll=True")
    lines = [line.strip() for line in text.splitlines() if line.strip()] or ["no reason given"]
    return f"TensorFlow Lite cannot convert this model with --quantize {quantize}: {lines[0][:300]}"


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--quantize", choices=QUANTIZE, default="none")
    parser.add_argument("--representative", type=pathlib.Path, help="training data, .csv or .npz")
    parser.add_argument("--label", help="column or array of the training data that is not an input")
    parser.add_argument("--slices", type=heldout.names, default=[], help="columns that are no input")
    parser.add_argument("--rows", type=int, default=ROWS, help="how many rows of the training data")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    if options.rows < 1:
        parser.error(f"--rows is {options.rows}, it must be at least 1")
    return options


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        content = convert(options)
    except (heldout.Unfit, savedmodel.Refused) as problem:
        return step.fail(str(problem))
    options.out.write_bytes(content)
    print(f"{options.out.name}: {len(content):,} bytes, quantize {options.quantize}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
