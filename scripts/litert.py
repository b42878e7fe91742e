"""Run a TensorFlow Lite model in LiteRT, the runtime of devices, and compare it with the SavedModel that it came from.

    python3 litert.py --tflite model.tflite --reference DIR --quantize int8 --out report.json

DIR is what evaluate.py --reference wrote; agreement.py says what the report holds. Needs ai-edge-litert and NumPy, not TensorFlow.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

import numpy as np

import agreement
import step
from heldout import Unfit


def answers(file: pathlib.Path, reference: agreement.Reference) -> np.ndarray:
    """The model's output on all rows [N, …]; raises Unfit when LiteRT does not take the model or the rows."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        runner = Interpreter(model_path=str(file)).get_signature_runner(reference.signature)
        wanted = runner.get_input_details()
        batch = {int(detail["shape_signature"][0]) for detail in wanted.values() if len(detail["shape_signature"])} - {-1}

        def call(rows: dict[str, np.ndarray]) -> np.ndarray:
            return runner(**{name: rows[name].astype(detail["dtype"]) for name, detail in wanted.items()})[reference.output]

        return reference.ask(call, batch.pop() if batch else None)
    except (ValueError, RuntimeError, KeyError) as error:
        raise Unfit(f"LiteRT cannot run {file.name} ({file.stat().st_size:,} bytes): {str(error).strip()[:300]}") from error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tflite", type=pathlib.Path, required=True)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--quantize", default="none", help="as the model was converted, for the report")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    try:
        reference = agreement.Reference(options.reference)
        figures = agreement.compare(reference, answers(options.tflite, reference))
    except Unfit as unfit:
        return step.fail(str(unfit))
    agreement.write(options.out, figures, options.tflite, "tflite", options.quantize)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
