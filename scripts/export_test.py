"""Tests of export.py: equal bytes from different processes, the model's own answers, and what it refuses."""

from __future__ import annotations

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import export
import modeldigest
import savedmodel

HERE = pathlib.Path(__file__).parent

# What a training process does first moves Keras' counters and its addresses: `noise` makes two processes differ.
MAKER = textwrap.dedent("""
    import pathlib, sys
    import keras, numpy as np
    import network

    out, noise = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    for number in range(noise):
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).predict(np.zeros((2, 3)), verbose=0)

    def folder(name):
        (out / name).mkdir(parents=True)
        return out / name

    keras.backend.clear_session()
    keras.utils.set_random_seed(7)
    image = keras.Input((8, 8, 1), name="image")
    hidden = keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, activation="relu")(image))
    hidden = keras.layers.Dropout(0.5)(keras.layers.Flatten()(hidden))
    cnn = keras.Model(image, keras.layers.Dense(10, activation="softmax")(hidden))
    cnn.compile("adam", "mse")
    cnn.fit(np.ones((8, 8, 8, 1)), np.zeros((8, 10)), verbose=0)
    cnn.save(folder("cnn") / "model.keras")

    word, series = keras.Input((), dtype="string", name="word"), keras.Input((5, 2), name="series")
    looked = keras.layers.StringLookup(vocabulary=["de", "fr", "it"])(word)
    joined = keras.layers.Concatenate()([keras.layers.Embedding(4, 3)(looked), keras.layers.LSTM(4)(series)])
    several = keras.Model({"word": word, "series": series}, {"score": keras.layers.Dense(1)(joined), "all": joined})
    several.save(folder("several") / "model.keras")

    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(folder("sequential") / "m.keras")
    own = keras.Sequential([keras.Input((2,)), network.Doubled(), keras.layers.Dense(1)])
    own.save(folder("own layer") / "model.keras")
    plain = network.build(width=3)
    plain.save_weights(folder("builder") / "model.weights.h5")
    (out / "builder" / "builder.json").write_text('{"builder": "network:build", "arguments": {"width": 3}}')
    subclass = network.Subclass()
    subclass(np.zeros((1, 2), np.float32))
    subclass.save_weights(folder("subclass") / "model.weights.h5")
    (out / "subclass" / "builder.json").write_text(
        '{"builder": "network:Subclass", "inputs": {"x": {"shape": [null, 2], "dtype": "float32"}}}')
    subclass.save(folder("subclass alone") / "model.keras")
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x * 2)]).save(folder("lambda") / "model.keras")

    class Here(keras.layers.Layer):
        def call(self, x):
            return x
    keras.Sequential([keras.Input((2,)), Here()]).save(folder("main") / "model.keras")
""")

NETWORK = textwrap.dedent("""
    import keras

    @keras.saving.register_keras_serializable()
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return x * 2

    def build(width):
        return keras.Sequential([keras.Input((2,), name="x"), keras.layers.Dense(width)])

    @keras.saving.register_keras_serializable()
    class Subclass(keras.Model):
        def __init__(self, **rest):
            super().__init__(**rest)
            self.dense = keras.layers.Dense(1)
        def call(self, x):
            return self.dense(x)

    def wrong():
        return 7
""")

TWICE = ["cnn", "several", "builder"]
GOOD = [*TWICE, "sequential", "own layer", "subclass"]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **environment}
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, timeout=300, env=variables)


def exported(given: pathlib.Path, out: pathlib.Path, project: pathlib.Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(str(HERE / "export.py"), "--given", str(given), "--out", str(out), "--script", str(project / "train.py"), **environment)


def refused(given: pathlib.Path, out: pathlib.Path, capfd: pytest.CaptureFixture[str], message: str) -> None:
    """In this process: a refusal writes nothing that another process would have to read."""
    assert export.main(["--given", str(given), "--out", str(out)]) == 2
    said = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error: ")]
    assert message in "\n".join(said)
    assert not out.exists()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """What two training processes handed over, in 0 and 1, and its exports, in e0 and e1."""
    root = tmp_path_factory.mktemp("handed")
    (root / "network.py").write_text(NETWORK)
    (root / "make.py").write_text(MAKER)

    def both(number: int) -> None:
        done = run(str(root / "make.py"), str(root / str(number)), str(number), PYTHONPATH=str(root))
        assert done.returncode == 0, done.stderr
        for name in TWICE if number else GOOD:
            threads = {"TF_NUM_INTRAOP_THREADS": "4"} if number else {}
            done = exported(root / str(number) / name, root / f"e{number}" / name, root, **threads)
            assert done.returncode == 0, f"{name}: {done.stderr}"

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(both, range(2)))
    return root


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", TWICE)
def test_two_processes_write_the_same_bytes(made: pathlib.Path, name: str) -> None:
    first, second = contents(made / "e0" / name), contents(made / "e1" / name)
    assert first.keys() == second.keys() >= {"saved_model.pb", "fingerprint.pb", "variables/variables.index"}
    assert [path for path in first if first[path] != second[path]] == []


@pytest.mark.parametrize("name", GOOD)
def test_it_is_a_whole_savedmodel(made: pathlib.Path, name: str) -> None:
    savedmodel.check(made / "e0" / name, export.SIGNATURE)


def test_the_bytes_of_what_was_handed_over_differ(made: pathlib.Path) -> None:
    assert (made / "0/cnn/model.keras").read_bytes() != (made / "1/cnn/model.keras").read_bytes(), "this proves nothing"


def test_signatures_are_those_of_keras(made: pathlib.Path) -> None:
    found = {name: modeldigest.digest(made / "e0" / name)["signatures"][export.SIGNATURE] for name in GOOD}
    assert found["cnn"] == {"inputs": {"image": {"dtype": "float32", "shape": [-1, 8, 8, 1]}},
                            "outputs": {"output_0": {"dtype": "float32", "shape": [-1, 10]}}}
    assert set(found["several"]["inputs"]) == {"word", "series"} and set(found["several"]["outputs"]) == {"score", "all"}
    assert set(found["subclass"]["inputs"]) == {"x"}


def test_answers_are_the_models(made: pathlib.Path) -> None:
    import keras
    import tensorflow as tf

    model = keras.models.load_model(made / "0/cnn/model.keras")
    rows = np.random.default_rng(2).random((5, 8, 8, 1)).astype(np.float32)
    answers = tf.saved_model.load(str(made / "e0/cnn")).signatures[export.SIGNATURE](image=tf.constant(rows))["output_0"]
    np.testing.assert_allclose(answers, model(rows, training=False), atol=1e-6)


def test_an_export_that_answers_otherwise_is_refused(made: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    model = keras.models.load_model(made / "0/cnn/model.keras")
    inputs = export.inputs_of(model)
    export.check(model, inputs, made / "e0/cnn")
    model.layers[-1].bias.assign(model.layers[-1].bias + np.arange(10, dtype=np.float32))
    with pytest.raises(export.Refused, match="off the model's"):
        export.check(model, inputs, made / "e0/cnn")


@pytest.mark.parametrize(("name", "message"), [
    ("lambda", "A Lambda layer is code in a file of data"),
    ("main", "Define the class in a module of the project"),
    ("subclass alone", "does not say its inputs"),
])
def test_what_cannot_be_exported(made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
                                 capfd: pytest.CaptureFixture[str], name: str, message: str) -> None:
    monkeypatch.syspath_prepend(str(made))
    refused(made / "0" / name, tmp_path / "out", capfd, message)


@pytest.mark.parametrize(("files", "message"), [
    ({"m.keras": "x"}, "m.keras cannot be loaded"),
    ({"m.weights.h5": "x", "builder.json": "{"}, "builder.json is not what it should be"),
    ({"m.weights.h5": "x", "builder.json": "{}"}, "KeyError: 'builder'"),
    ({"m.weights.h5": "x", "builder.json": '{"builder": "network:build", "argument": {}}'}, "unknown keys ['argument']"),
    ({"m.weights.h5": "x", "builder.json": '{"builder": "no_such_module:build"}'}, "made no model: ModuleNotFoundError"),
    ({"m.weights.h5": "x", "builder.json": '{"builder": "network:gone"}'}, "made no model: AttributeError"),
    ({"m.weights.h5": "x", "builder.json": '{"builder": "network:wrong"}'}, "returned int, want a keras.Model"),
    ({"m.weights.h5": "x", "builder.json": '{"builder": "network:build", "arguments": {"width": 3}}'}, "the weights in m.weights.h5 do not fit"),
])
def test_damaged(made: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
                 capfd: pytest.CaptureFixture[str], files: dict[str, str], message: str) -> None:
    monkeypatch.syspath_prepend(str(made))
    (tmp_path / "given").mkdir()
    for name, text in files.items():
        (tmp_path / "given" / name).write_text(text)
    refused(tmp_path / "given", tmp_path / "out", capfd, message)


@pytest.mark.parametrize(("files", "message"), [
    (["a.keras", "b.keras"], "holds a.keras, b.keras: leave one of them"),
    (["a.keras", "a.weights.h5", "builder.json"], "leave one of them"),
    (["a.weights.h5"], "but no builder.json"),
])
def test_it_must_be_clear_which_model(tmp_path: pathlib.Path, files: list[str], message: str) -> None:
    for name in files:
        (tmp_path / name).touch()
    with pytest.raises(export.Refused, match=message):
        export.handed_over(tmp_path)


def test_take_over(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    model, aside = tmp_path / "model", tmp_path / "aside"
    model.mkdir()
    assert export.take_over(model, aside, "train.py", 60) is None
    (model / "model.keras").write_bytes((made / "0/cnn/model.keras").read_bytes())
    assert export.take_over(model, aside, str(made / "train.py"), 120) == "the line, from model.keras"
    assert contents(model) == contents(made / "e0/cnn")
    assert [path.name for path in aside.iterdir()] == ["model.keras"]
    assert export.take_over(model, tmp_path / "again", "train.py", 60) == "the training script"


def test_take_over_says_why_not(tmp_path: pathlib.Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "m.keras").write_text("x")
    with pytest.raises(export.Refused, match="m.keras cannot be loaded"):
        export.take_over(tmp_path / "model", tmp_path / "aside", "train.py", 60)
