"""Equal models from different processes, and models that differ in one thing."""

import concurrent.futures
import json
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

import modeldigest
import modelfile

MAKER = textwrap.dedent("""
    import pathlib, sys
    import keras, numpy as np, tensorflow as tf

    out = pathlib.Path(sys.argv[1])

    def mlp(name, activation="relu", nudge=False, key="x"):
        keras.utils.clear_session()
        keras.utils.set_random_seed(7)
        x = keras.Input((9,), name=key)
        h = keras.layers.Dense(8, activation=activation)(x)
        model = keras.Model(x, keras.layers.Dense(1, activation="sigmoid")(h))
        if nudge:
            kernel = model.layers[1].kernel
            value = kernel.numpy()
            value[3, 4] = np.nextafter(value[3, 4], np.float32(1))
            kernel.assign(value)
        model.export(out / name)

    def rnn(name, words):
        keras.utils.clear_session()
        keras.utils.set_random_seed(7)
        word, series = keras.Input((), dtype="string", name="word"), keras.Input((5, 2), name="series")
        embedded = keras.layers.Embedding(4, 3)(keras.layers.StringLookup(vocabulary=words)(word))
        joined = keras.layers.Concatenate()([embedded, keras.layers.LSTM(4)(series)])
        keras.Model([word, series], keras.layers.Dense(1)(joined)).export(out / name)

    class Tables(tf.Module):
        def __init__(self, line, value, order, swap):
            file = out / f"{line}.txt"
            file.write_text(f"x\\n{line}\\n")
            index = tf.lookup.TextFileIndex
            self.file = tf.lookup.StaticHashTable(
                tf.lookup.TextFileInitializer(str(file), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER), -1)
            self.table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
            for number in order:
                self.table.insert(tf.constant([f"k{number}"]), tf.constant([number * value], tf.int64))
            values = ([3.0], [5.0]) if swap else ([5.0], [3.0])
            self.a, self.b = (tf.Variable(value, name="same") for value in values)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def serve(self, word):
            found = tf.cast(self.table.lookup(word) + self.file.lookup(word), tf.float32)
            return {"y": found * self.a - self.b}

    def tables(name, line="y", value=1, order=range(9), swap=False, signature="serving_default"):
        module = Tables(line, value, order, swap)
        tf.saved_model.save(module, str(out / name), signatures={signature: module.serve.get_concrete_function()})

    mlp("mlp")
    rnn("rnn", ["de", "fr", "it"])
    tables("tables", order=np.random.permutation(9))
    if sys.argv[2] == "all":
        mlp("one ulp", nudge=True)
        mlp("tanh", activation="tanh")
        mlp("other input", key="z")
        rnn("other words", ["de", "fr", "es"])
        tables("other asset", line="w")
        tables("other table", value=2)
        tables("swapped", swap=True)
        tables("renamed", signature="classify")
""")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Three processes' exports, in 0, 1 and 2."""
    root = tmp_path_factory.mktemp("models")
    (root / "make.py").write_text(MAKER)

    def make(number: int) -> None:
        (root / str(number)).mkdir()
        command = [sys.executable, str(root / "make.py"), str(root / str(number)), "all" if number == 0 else "equal"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(make, range(3)))
    return root


def digests(folder: pathlib.Path) -> tuple[str, str, str]:
    found = modeldigest.digest(folder)
    return found["canonicalDigest"], found["weightsDigest"], found["graphDigest"]


EQUAL = ("mlp", "rnn", "tables")


@pytest.mark.parametrize("name", EQUAL)
def test_exports_of_three_processes_are_equal(made: pathlib.Path, name: str) -> None:
    assert len({digests(made / str(number) / name) for number in range(3)}) == 1


def test_their_files_are_not_all_equal(made: pathlib.Path) -> None:
    # else the test above would prove nothing; of one model alone they may be, by chance
    files = {name: {(made / str(number) / name / "saved_model.pb").read_bytes() for number in range(3)} for name in EQUAL}
    assert any(len(different) > 1 for different in files.values())


@pytest.mark.parametrize(
    ("base", "other", "weights", "graph"),
    [
        ("mlp", "one ulp", True, False),
        ("mlp", "tanh", False, True),
        ("mlp", "other input", False, True),
        ("rnn", "other words", False, True),
        ("tables", "other asset", False, True),
        ("tables", "other table", True, True),
        ("tables", "swapped", False, True),
        ("tables", "renamed", False, True),
    ],
)
def test_what_differs(made: pathlib.Path, base: str, other: str, weights: bool, graph: bool) -> None:
    first, second = digests(made / "0" / base), digests(made / "0" / other)
    assert first[0] != second[0]
    assert (first[1] != second[1], first[2] != second[2]) == (weights, graph)


def test_what_is_printed(made: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made / "0" / "mlp"
    assert modeldigest.main([str(folder)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["variables"] == 4
    assert printed["signatures"]["serving_default"] == {
        "inputs": {"x": {"dtype": "float32", "shape": [-1, 9]}},
        "outputs": {"output_0": {"dtype": "float32", "shape": [-1, 1]}},
    }
    assert set(printed["signatures"]) == {"serve", "serving_default"}
    assert printed["bytes"] == sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    assert "variables/variables.index" in printed["files"]


def test_files_beside_the_model_do_not_count(made: pathlib.Path, tmp_path: pathlib.Path) -> None:
    shutil.copytree(made / "0" / "mlp", tmp_path / "model")
    before = digests(tmp_path / "model")
    (tmp_path / "model/fingerprint.pb").unlink()
    (tmp_path / "model/assets.extra").mkdir()
    (tmp_path / "model/assets.extra/tf_serving_warmup_requests").write_bytes(b"rows")
    assert digests(tmp_path / "model") == before


def test_the_parts_of_a_digest_cannot_run_into_each_other() -> None:
    assert modelfile.mix().hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert modelfile.mix("ab", "c") != modelfile.mix("a", "bc") != modelfile.mix("abc")
    assert modelfile.mix(["a"], "b") != modelfile.mix(["a", "b"])
    assert modelfile.mix(1) == modelfile.mix("1") == modelfile.mix(b"1")


def cut(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("mlp", lambda model: shutil.rmtree(model), "is not a folder"),
        ("mlp", lambda model: (model / "saved_model.pb").unlink(), "saved_model.pb is missing"),
        ("mlp", lambda model: cut(model / "saved_model.pb"), "is damaged or cut off"),
        ("mlp", lambda model: (model / "saved_model.pb").write_bytes(b""), "has no graph with the tag 'serve'"),
        ("mlp", lambda model: shutil.rmtree(model / "variables"), "variables.index is missing"),
        ("mlp", lambda model: cut(model / "variables/variables.index"), "incomplete or damaged"),
        ("mlp", lambda model: cut(model / "variables/variables.data-00000-of-00001"), "incomplete or damaged"),
        ("mlp", lambda model: (model / "variables/variables.data-00000-of-00001").unlink(), "incomplete or damaged"),
        ("tables", lambda model: (model / "assets/y.txt").unlink(), "cannot read .*y.txt, which the model uses"),
    ],
)
def test_a_damaged_model_is_one_line(
    made: pathlib.Path, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str], name: str, damage, message: str
) -> None:
    shutil.copytree(made / "0" / name, tmp_path / "model")
    damage(tmp_path / "model")
    assert modeldigest.main([str(tmp_path / "model")]) == 2
    out, err = capfd.readouterr()
    assert not out
    assert err.count("\n") == 1
    assert re.search(message, err)
