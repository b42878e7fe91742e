"""Write warm-up requests into a SavedModel, so that TensorFlow Serving answers its first caller as fast as the next.

    python3 warmup.py --model DIR --data train.csv --label NAME --rows 32 --name MODEL --out DIR

OUT then holds `assets.extra/tf_serving_warmup_requests`, to be laid over the model: a TFRecord file of PredictionLog messages, one
for each row, the same bytes for the same rows. TensorFlow Serving replays it when it loads a version, and refuses a version on
which a request fails; so the model is loaded here together with the file, and each request in it is answered.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
from collections.abc import Iterator

import numpy as np

import heldout
import savedmodel
import step
from signature import Signature, first_line

ASSET = pathlib.PurePosixPath("assets.extra/tf_serving_warmup_requests")
MOST_ROWS = 1000  # TensorFlow Serving refuses a file with more records


def field(number: int, content: bytes) -> bytes:
    """One field of a protocol buffer message that holds text, bytes or a message."""
    size, length = len(content), b""
    while size > 0x7F:
        length, size = length + bytes([size & 0x7F | 0x80]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def prediction_log(model: str, signature: str, inputs: dict[str, bytes]) -> bytes:
    """A PredictionLog with one predict request; `inputs` are serialised TensorProto messages.

    Written by hand (apis/prediction_log.proto, predict.proto, model.proto) because the package that has these messages brings
    a TensorFlow of its own over the image's.
    """
    spec = field(1, model.encode()) + field(3, signature.encode())  # ModelSpec: name, signature_name
    tensors = b"".join(field(2, field(1, name.encode()) + field(2, tensor)) for name, tensor in sorted(inputs.items()))
    request = field(1, spec) + tensors                              # PredictRequest: model_spec, inputs
    return field(6, field(1, request))                              # PredictionLog: predict_log, its request


def requested(record: bytes) -> dict[str, bytes]:
    """The inputs of a record, as TensorFlow Serving finds them: name → serialised TensorProto."""
    pairs = savedmodel.inside(memoryview(record), 6, 1, 2)
    return {bytes(next(savedmodel.inside(pair, 1))).decode(): bytes(next(savedmodel.inside(pair, 2))) for pair in pairs}


def records(model: str, signature: str, inputs: dict[str, np.ndarray], rows: int) -> Iterator[bytes]:
    """One record for each of the first rows."""
    import tensorflow as tf

    for row in range(rows):
        tensors = {name: tf.make_tensor_proto(values[row:row + 1]) for name, values in inputs.items()}
        yield prediction_log(model, signature, {name: tensor.SerializeToString(deterministic=True) for name, tensor in tensors.items()})


def prove(model: pathlib.Path, signature: str, asset: pathlib.Path) -> int:
    """Load the model with the file in it, answer every request, and return how many there were; raises Unfit."""
    import tensorflow as tf
    from tensorflow.core.framework.tensor_pb2 import TensorProto

    with tempfile.TemporaryDirectory() as scratch:
        together = pathlib.Path(shutil.copytree(model, pathlib.Path(scratch) / "model"))
        (together / ASSET.parent).mkdir(exist_ok=True)
        shutil.copy(asset, together / ASSET)
        savedmodel.check(together, signature)
        loaded = tf.saved_model.load(str(together))
        count = 0
        for record in tf.data.TFRecordDataset(str(together / ASSET)).as_numpy_iterator():
            tensors = {name: tf.constant(tf.make_ndarray(TensorProto.FromString(tensor))) for name, tensor in requested(record).items()}
            try:
                loaded.signatures[signature](**tensors)
            except (tf.errors.OpError, ValueError, TypeError) as error:
                raise heldout.Unfit(f"the model fails on warm-up request {count + 1}, so TensorFlow Serving would refuse it: "
                                    f"{first_line(error)}") from error
            count += 1
    return count


def write(options: argparse.Namespace) -> int:
    """Write the file and return how many requests it holds; raises Unfit."""
    table = heldout.read(options.data)
    signature = Signature(options.model, options.signature)
    inputs = heldout.feed(table, options.label, options.slices, signature.inputs)
    rows = min(options.rows, table.rows)
    asset = options.out / ASSET
    asset.parent.mkdir(parents=True, exist_ok=True)
    import tensorflow as tf

    with tf.io.TFRecordWriter(str(asset)) as writer:
        for record in records(options.name, options.signature, inputs, rows):
            writer.write(record)
    return prove(options.model, options.signature, asset)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--signature", default="serving_default")
    parser.add_argument("--data", type=pathlib.Path, required=True, help=".csv or .npz")
    parser.add_argument("--label", required=True, help="column or array that is not an input")
    parser.add_argument("--slices", type=heldout.names, default=[], help="columns that are no input")
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--name", required=True, help="under which the model is served")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args(arguments)
    if not 1 <= options.rows <= MOST_ROWS:
        parser.error(f"--rows is {options.rows}, TensorFlow Serving takes 1 to {MOST_ROWS} warm-up requests")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        count = write(options)
    except (heldout.Unfit, savedmodel.Refused) as problem:
        return step.fail(str(problem))
    print(f"{ASSET}: {count} requests, each answered by the model")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
