"""Export what a training script handed over as a SavedModel whose files have the same bytes each time.

    python3 export.py --given DIR --out DIR [--script FILE]

`model.export`, called by the script itself, writes other bytes in each process: Keras lists variables by memory address, and
names of functions carry counters of everything that the process did before. So a script may leave the model instead, and
this program exports it: in a process of its own, once, through a tf.Module that lists the variables in their order. DIR holds
one of

    NAME.keras                          what model.save(path) wrote
    NAME.weights.h5 and builder.json    what model.save_weights(path) wrote, and how to make the model that they fit:
        {"builder": "package.module:function", "arguments": {NAME: VALUE}, "inputs": {NAME: {"shape": [null, 9], "dtype": "float32"}}}

`arguments` are given to the function by name and may be left out. `inputs` are needed where the model does not say them, as a
subclass of keras.Model does not: sizes, null for the batch, and TensorFlow's name of a type. FILE is the training script, whose
folder the project's own modules are imported from. The signature is serving_default; inputs have the model's names, outputs the keys of a dict or else
output_0, output_1, …, as model.export has them. Exit status 2 with the reason when nothing can be exported.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import importlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile
from typing import Any

import step

SIGNATURE = "serving_default"
REGISTERS = re.compile(r"^\s*@.*\bregister_keras_serializable\b", re.MULTILINE)
BUILDER = "builder.json"
ROWS = 3  # in the batch that the exported model is asked after it is written
TOLERANCE = 1e-5  # of the largest answer: how far it may be from the model
BY_SCRIPT, BY_LINE = "the training script", "the line, from {}"


class Refused(Exception):
    """What was handed over cannot be exported; the text says why, and what to do."""


def handed_over(folder: pathlib.Path) -> list[pathlib.Path]:
    """The files that hold a model in place of a SavedModel; none where there is a SavedModel, or nothing of the kind.

    Raises Refused where it is not clear which model is meant.
    """
    if (folder / "saved_model.pb").exists():
        return []
    whole, weights = sorted(folder.glob("*.keras")), sorted(folder.glob("*.weights.h5"))
    builder = folder / BUILDER
    if len(whole) + len(weights) > 1:
        names = ", ".join(path.name for path in whole + weights)
        raise Refused(f"--model-dir holds {names}: leave one of them there, the model to serve")
    if whole:
        return whole
    if weights and not builder.is_file():
        raise Refused(f"--model-dir holds {weights[0].name} but no {BUILDER}: write one that says how to make the model, "
                      '{"builder": "package.module:function"}, or save the whole model by model.save("….keras")')
    return [*weights, builder] if weights else []


def take_over(model: pathlib.Path, aside: pathlib.Path, script: str, limit: float) -> str | None:
    """Export what lies in `model` in place of a SavedModel, and put it aside; say how the model was exported.

    None where there is neither. Raises Refused with the reason when the export fails or takes more than `limit` seconds.
    """
    files = handed_over(model)
    if not files:
        return BY_SCRIPT if (model / "saved_model.pb").is_file() else None
    aside.mkdir(parents=True)
    for file in files:
        shutil.move(file, aside / file.name)
    command = [sys.executable, os.path.abspath(__file__), "--given", str(aside), "--out", str(model),
               "--script", script]
    environment = {**os.environ, "PYTHONHASHSEED": "0", "KERAS_BACKEND": "tensorflow"}
    try:
        done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, errors="replace", timeout=limit)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"the export of {files[0].name} was stopped after {limit:g} s") from error
    sys.stderr.write(done.stderr)
    if done.returncode != 0:
        said = [line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise Refused("\n".join(said) or f"the export of {files[0].name} ended with status {done.returncode}")
    return BY_LINE.format(" and ".join(file.name for file in files))


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What a model is called with: a tf.TensorSpec for each input, the batch left open, and the structure that holds them."""

    specs: list[Any]
    structure: Any

    def pack(self, tensors: list[Any]) -> Any:
        """Tensors, in the order of the specs, as the model wants them."""
        import keras

        return tensors[0] if len(tensors) == 1 else keras.tree.pack_sequence_as(self.structure, tensors)


def load(folder: pathlib.Path, script: pathlib.Path | None = None) -> tuple[Any, Inputs | None]:
    """The Keras model, and its inputs where builder.json says them."""
    import keras

    files = handed_over(folder)
    if not files:
        raise Refused(f"{folder} holds neither NAME.keras nor NAME.weights.h5 with {BUILDER}")
    if len(files) == 1:
        try:
            return keras.models.load_model(files[0], compile=False, safe_mode=True, custom_objects=own_objects(files[0], script)), None
        except Exception as error:  # whatever a damaged part or the project's own code leads it to
            raise Refused(f"{files[0].name} cannot be loaded: {_first_line(error)}{_hint(error)}") from error
    weights, description = files
    model, inputs = build(description)
    try:
        model.load_weights(weights)
    except Exception as error:
        raise Refused(f"the weights in {weights.name} do not fit the model that {description.name} builds: {_first_line(error)}") from error
    return model, inputs


def own_objects(file: pathlib.Path, script: pathlib.Path | None) -> dict[str, Any]:
    """The project's own classes that a .keras file names, imported as the training imported them: name in the file → class.

    Modules that register classes are imported for that alone, since the file does not say where such a class is from.
    """
    for path in sorted(script.parent.rglob("*.py")) if script else ():
        parts = path.relative_to(script.parent).with_suffix("").parts
        # the script would train again
        if path != script and all(map(str.isidentifier, parts)) and REGISTERS.search(path.read_text(errors="replace")):
            importlib.import_module(".".join(parts).removesuffix(".__init__"))
    found: dict[str, Any] = {}
    with zipfile.ZipFile(file) as archive:
        waiting = [json.loads(archive.read("config.json"))]
    while waiting:
        value = waiting.pop()
        waiting += value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        module = value.get("module") if isinstance(value, dict) else None
        if isinstance(module, str) and module.partition(".")[0] not in ("keras", "builtins", "__main__", ""):
            name = value.get("class_name")
            found[value.get("registered_name") or name] = getattr(importlib.import_module(module), name)
    return found


def build(description: pathlib.Path) -> tuple[Any, Inputs | None]:
    """Make the model that builder.json describes, with weights that are not yet its own."""
    import keras
    import tensorflow as tf

    try:
        said = json.loads(description.read_text(encoding="utf-8"))
        module, _, function = said["builder"].partition(":")
        arguments, wanted = said.get("arguments", {}), said.get("inputs")
        unknown = said.keys() - {"builder", "arguments", "inputs"}
        if unknown:
            raise ValueError(f"unknown keys {sorted(unknown)}")
        inputs = None
        if wanted:
            inputs = Inputs([tf.TensorSpec([None, *spec["shape"][1:]], tf.dtypes.as_dtype(spec["dtype"]), name=name)
                             for name, spec in sorted(wanted.items())], dict(wanted))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Refused(f"{description.name} is not what it should be ({type(error).__name__}: {_first_line(error)}): "
                      'want {"builder": "package.module:function", "arguments": {…}, "inputs": {NAME: {"shape": [null, 9], "dtype": "float32"}}}') from error
    try:
        model = getattr(importlib.import_module(module), function)(**arguments)
        if isinstance(model, keras.Model) and inputs:
            call(model, inputs, [tf.zeros([size or 1 for size in spec.shape], spec.dtype) for spec in inputs.specs])
    except Exception as error:
        raise Refused(f"{description.name}: {said['builder']} made no model: {type(error).__name__}: {_first_line(error)}") from error
    if not isinstance(model, keras.Model):
        raise Refused(f"{description.name}: {said['builder']} returned {type(model).__name__}, want a keras.Model")
    return model, inputs


def inputs_of(model: Any) -> Inputs:
    """The inputs that the model itself says."""
    import keras
    import tensorflow as tf

    if not getattr(model, "inputs", None):
        raise Refused(f"{type(model).__name__} does not say its inputs, as a subclass of keras.Model does not: make it of keras.Input, "
                      f"leave its weights and a {BUILDER} that says them, or call model.export(model_dir)")
    structure = model.inputs if isinstance(model, keras.Sequential) else model.input
    specs = []
    for tensor in keras.tree.flatten(structure):
        if getattr(tensor, "sparse", False) or getattr(tensor, "ragged", False):
            raise Refused(f"the input {tensor.name!r} is not dense: call model.export(model_dir)")
        specs.append(tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype, name=tensor.name.split(":")[0]))
    return Inputs(specs, structure)


def call(model: Any, inputs: Inputs, tensors: list[Any]) -> dict[str, Any]:
    """The model's answers by name."""
    answers = model(inputs.pack(tensors), training=False)
    if isinstance(answers, dict):
        return {str(key): answers[key] for key in sorted(answers)}
    return {f"output_{index}": answer for index, answer in enumerate(answers if isinstance(answers, (list, tuple)) else [answers])}


def tables(model: Any) -> list[Any]:
    """The lookup tables of the model's layers, in the order of the layers: a SavedModel must list what its functions use."""
    import tensorflow as tf

    found: list[Any] = []
    for layer in model._flatten_layers():
        for _, value in sorted(vars(layer).items()):
            if isinstance(value, tf.saved_model.experimental.TrackableResource) and all(value is not other for other in found):
                found.append(value)
    return found


def write(model: Any, inputs: Inputs, out: pathlib.Path) -> None:
    """Write the SavedModel; every file's bytes follow from the model alone."""
    import tensorflow as tf

    module = tf.Module(name="serving")

    @tf.function(input_signature=inputs.specs, autograph=False)
    def serve(*tensors: Any) -> dict[str, Any]:
        return call(model, inputs, list(tensors))

    module.serve = serve
    concrete = serve.get_concrete_function()
    used = {id(variable) for variable in concrete.variables}
    # what training alone uses, such as the state of a random generator, is not in the file and would differ each time
    module.model_variables = [variable.value for variable in model.variables if id(variable.value) in used]
    module.tables = tables(model)
    tf.saved_model.save(module, str(out), signatures={SIGNATURE: concrete})


def settle(fingerprint: pathlib.Path) -> None:
    """Give fingerprint.pb a uuid that follows from the model, where TensorFlow made one up, as 2.21 does."""
    from tensorflow.core.protobuf import fingerprint_pb2

    found = fingerprint_pb2.FingerprintDef()
    found.ParseFromString(fingerprint.read_bytes())
    if getattr(found, "uuid", ""):
        found.uuid = ""
        found.uuid = str(int.from_bytes(hashlib.sha256(found.SerializeToString(deterministic=True)).digest()[:16], "big"))
        fingerprint.write_bytes(found.SerializeToString(deterministic=True))


def check(model: Any, inputs: Inputs, out: pathlib.Path) -> None:
    """Refuse an export that answers otherwise than the model that it was made of."""
    import numpy as np
    import tensorflow as tf

    random = np.random.default_rng(1)
    rows = []
    for spec in inputs.specs:
        shape = [ROWS, *(1 if size is None else size for size in spec.shape[1:])]
        rows.append(tf.cast(random.random(shape), spec.dtype) if spec.dtype.is_floating else tf.zeros(shape, spec.dtype))
    exported = tf.saved_model.load(str(out))
    answers = exported.signatures[SIGNATURE](**{spec.name: row for spec, row in zip(inputs.specs, rows)})
    for name, expected in call(model, inputs, rows).items():
        if not expected.dtype.is_floating:
            continue
        got, want = answers[name].numpy().astype(np.float64), expected.numpy().astype(np.float64)
        far = float(np.max(np.abs(got - want), initial=0.0))
        if not far <= TOLERANCE * max(1.0, float(np.max(np.abs(want), initial=0.0))) and not np.array_equal(got, want, equal_nan=True):
            raise Refused(f"the exported model's output {name!r} is up to {far:.3g} off the model's: it depends on something that is not "
                          "in the model, such as a variable of the script; call model.export(model_dir) and look at its answers")


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


def _hint(error: BaseException) -> str:
    text = str(error)
    if "Lambda" in text or "safe_mode" in text:
        return "\nA Lambda layer is code in a file of data, which is not run: write a keras.layers.Layer in a module of the project"
    if "Could not locate" in text or "__main__" in text:
        return ("\nDefine the class in a module of the project rather than in the training script, with "
                "@keras.saving.register_keras_serializable()")
    return ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--given", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--script", type=lambda path: pathlib.Path(path).resolve())
    options = parser.parse_args(arguments)
    if options.script is not None:
        sys.path.insert(0, str(options.script.parent))
    import keras

    keras.utils.set_random_seed(0)  # for what a model makes up when it is loaded
    try:
        model, said = load(options.given, options.script)
        inputs = said or inputs_of(model)
        try:
            write(model, inputs, options.out)
            settle(options.out / "fingerprint.pb")
        except (TypeError, ValueError, AssertionError, NotImplementedError) as error:
            raise Refused(f"the model cannot be exported: {_first_line(error)}; call model.export(model_dir) in the script") from error
        check(model, inputs, options.out)
    except Refused as refused:
        return step.fail(str(refused))
    print(f"exported as a SavedModel: {len(model.variables)} variables, inputs {', '.join(spec.name for spec in inputs.specs)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
