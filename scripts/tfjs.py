"""Convert a SavedModel to TensorFlow.js: a `model.json` and its weights, the same bytes for the same model.

    python3 tfjs.py --model DIR --quantize none|float16|uint8 --out DIR

The package tensorflowjs asks for two more frameworks, a second Keras and a second TensorFlow, and this conversion calls none of
them. It is installed alone (requirements/tfjs.txt, --no-deps) beside the image's TensorFlow; empty modules stand where its
imports look for the rest. What the result is worth is not for this program to say: tfjs_check.mjs runs it, agreement.py compares.
"""

from __future__ import annotations

import argparse
import importlib.machinery
import json
import os
import pathlib
import sys
import types

import heldout
import savedmodel
import step

UNUSED = ("tensorflow_decision_forests", "tensorflow_hub", "tf_keras", "jax", "jax.experimental", "jax.experimental.jax2tf")


class Empty(types.ModuleType):
    """A module that can be imported, and anything from it; what came from it fails when it is called."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def stand_in(names: tuple[str, ...]) -> None:
    """Put empty modules where an import will look for these."""
    for name in names:
        module = sys.modules[name] = Empty(name)
        module.__spec__ = importlib.machinery.ModuleSpec(name, None, is_package=True)


def convert(model: pathlib.Path, signature: str, quantize: str, out: pathlib.Path) -> None:
    """Write model.json and the weights to `out`; raises Unfit when the model has no form in TensorFlow.js."""
    savedmodel.check(model, signature)
    import keras  # noqa: F401 - before the stand-ins, as TensorFlow: both look whether there is a jax
    import tensorflow  # noqa: F401

    stand_in(UNUSED)
    from tensorflowjs.converters import tf_saved_model_conversion_v2 as converter

    try:
        converter.convert_tf_saved_model(
            str(model), str(out), signature_def=signature, saved_model_tags=savedmodel.SERVE_TAG,
            quantization_dtype_map=None if quantize == "none" else {quantize: "*"})
    except Exception as error:  # noqa: BLE001 - the converter raises whatever its parts do
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise heldout.Unfit(f"TensorFlow.js cannot hold this model: {lines[0][:300]}") from error
    graph = out / "model.json"
    graph.write_text(json.dumps(json.loads(graph.read_text()), sort_keys=True, separators=(",", ":")) + "\n")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--quantize", choices=("none", "float16", "uint8"), default="none")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    options.out.mkdir(parents=True, exist_ok=True)
    try:
        convert(options.model, options.signature, options.quantize, options.out)
    except (heldout.Unfit, savedmodel.Refused) as problem:
        return step.fail(str(problem))
    print(f"{', '.join(sorted(path.name for path in options.out.iterdir()))}, quantize {options.quantize}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
