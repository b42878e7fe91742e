"""Tests of install.py's decisions; the installs themselves are acceptance tests, in the real image."""

import importlib
import json
import pathlib
import re
import sys

import install
import pytest

IMAGE = {"tensorflow-cpu": "2.16.2", "keras": "3.15.1", "numpy": "1.26.4", "protobuf": "4.25.9"}


def test_constraints_hold_the_image() -> None:
    lines = install.constraints(IMAGE).splitlines()
    assert "numpy==1.26.4" in lines and "tensorflow-cpu==2.16.2" in lines
    assert not any(line.startswith("protobuf") for line in lines), "protobuf is bound by TensorFlow's own limits"


def distribution(folder: pathlib.Path, name: str, version: str, *requires: str, egg: bool = False) -> None:
    """A distribution as an installer, or a system, leaves it."""
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    text += "".join(f"Requires-Dist: {one}\n" for one in requires)
    folder.mkdir(exist_ok=True)
    if egg:
        (folder / f"{name}-{version}.egg-info").write_text(text)
        return
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(text)


@pytest.fixture
def path(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pathlib.Path, pathlib.Path]:
    """Two folders that are all of Python's path: what was installed, and the system's own."""
    folders = tmp_path / "local", tmp_path / "system"
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder) for folder in folders])
    return folders


def test_a_version_is_that_of_the_package_which_is_imported(path: tuple) -> None:
    local, system = path
    distribution(local, "Ruamel.Yaml", "0.18.6")
    distribution(local, "pyparsing", "3.3.3")
    distribution(system, "ruamel_yaml", "0.17.0")
    distribution(system, "pyparsing", "2.4.7", egg=True)
    distribution(system, "blinker", "1.4", egg=True)
    (local / "pyparsing.py").write_text("__version__ = '3.3.3'\n")
    (system / "pyparsing.py").write_text("__version__ = '2.4.7'\n")
    assert install.installed() == {"ruamel-yaml": "0.18.6", "pyparsing": "3.3.3", "blinker": "1.4"}
    assert importlib.import_module("pyparsing").__version__ == install.installed()["pyparsing"]
    sys.path.reverse()
    assert install.installed()["pyparsing"] == "2.4.7", "it is the path's order that decides"


@pytest.mark.parametrize("name", ["tensorflow", "tensorflow-cpu", "tensorflow-intel", "tf-nightly"])
def test_tensorflow_is_found_and_held_by_every_name(name: str) -> None:
    image = {"keras": "3.13.2", name: "2.21.0", "numpy": "2.4.3"}
    assert install.owner(image) == name and install.held(image)[name] == "2.21.0"
    for other in install.others(image):
        assert install.clashes({other: "2.21.0"}, image) == [], "the image's TensorFlow is what is meant"
        assert install.clashes({other: "2.20.0"}, image) == [(other, "2.20.0")]
        assert install.renamed(f"{other}>=2.20\n", image) == f"{name}>=2.20\n"


def test_a_requirement_of_another_name_is_one_of_the_images() -> None:
    text = "# tensorflow\npandas==2\nTensorFlow [and-cuda] >= 2.16 ; python_version > '3'\ntensorflow-hub\ntensorflow\n"
    assert install.renamed(text, IMAGE) == (
        "# tensorflow\npandas==2\ntensorflow-cpu [and-cuda] >= 2.16 ; python_version > '3'\ntensorflow-hub\ntensorflow-cpu\n")


def test_a_hashed_requirement_is_left_out_with_its_hashes() -> None:
    text = ("six==1 \\\n    --hash=sha256:aa\ntensorflow==2.16.2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
            "    # via x\nwheel==1 --hash=sha256:dd\n")
    assert install.without(text, ["tensorflow"]) == (
        "six==1 \\\n    --hash=sha256:aa\n\n    # via x\nwheel==1 --hash=sha256:dd\n")


def test_what_is_installed_must_fit_the_image(path: tuple) -> None:
    local, _ = path
    distribution(local, "tensorflow_cpu", "2.16.2", "protobuf<5", "absent; extra == 'x'")
    distribution(local, "protobuf", "4.25.3")
    distribution(local, "fits", "1", "tensorflow<2.17,>=2.16", "not @@ a requirement")
    distribution(local, "text", "2", "tensorflow<2.22,>=2.21", "protobuf>=5", "nothing")
    assert install.unmet({"fits", "tensorflow-cpu"}) == {}
    assert sorted(install.unmet({"text", "fits"}).values()) == [
        "text 2 needs nothing, and there is none", "text 2 needs protobuf>=5, and there is 4.25.3",
        "text 2 needs tensorflow<2.22,>=2.21, and there is 2.16.2"]


def test_a_lock_yields_to_the_image() -> None:
    locked = {"tensorflow": "2.16.2", "numpy": "2.4.6", "keras": "3.15.1", "protobuf": "7.36.2", "absl-py": "2.5.1", "pandas": "3.0.1"}
    before = {**IMAGE, "absl-py": "2.1.0"}
    limits = [install.Requirement("protobuf<5"), install.Requirement("absl-py>=1")]
    said = install.yielding(locked, before, limits)
    assert said.keys() == {"tensorflow", "numpy", "keras", "protobuf"}
    assert said["tensorflow"] == said["keras"] == "", "nothing is said of what is the same"
    assert said["numpy"].startswith("numpy 2.4.6 is locked, and the image's numpy 1.26.4 is used")
    assert said["protobuf"].startswith("protobuf 7.36.2 is locked, and the image's protobuf 4.25.9 is used")


@pytest.mark.parametrize(("dependencies", "wrong"), [
    (["numpy>=1.26", "tensorflow==2.16.2", "pandas==9"], ""),
    (["numpy>=2 ; python_version < '3'"], ""),
    (["numpy==2.4.6"], "pyproject.toml asks for numpy==2.4.6, and the image's numpy is 1.26.4"),
    (["tensorflow>=2.17"], "pyproject.toml asks for tensorflow>=2.17, and the image's tensorflow-cpu is 2.16.2"),
    (["not @@ one"], "pyproject.toml cannot be read"),
])
def test_a_project_that_asks_for_another_version(tmp_path: pathlib.Path, dependencies: list, wrong: str) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text("[project]\ndependencies = " + json.dumps(dependencies) + "\n")
    if not wrong:
        install.asked(project, IMAGE)
        return
    with pytest.raises(install.Refused, match=re.escape(wrong)):
        install.asked(project, IMAGE)


@pytest.mark.parametrize(("wanted", "expected"), [
    ({"numpy": "2.4.6", "pandas": "3.0.1"}, [("numpy", "2.4.6")]),
    ({"numpy": "1.26.4"}, []),
    ({"tensorflow": "2.16.2"}, []),
    ({"tensorflow": "2.17.0"}, [("tensorflow", "2.17.0")]),
    ({"tensorboard": "2.20.0"}, []),  # a held name that this image does not have
    ({"protobuf": "4.25.8"}, []),
    ({}, []),
])
def test_clashes(wanted: dict, expected: list) -> None:
    assert install.clashes(wanted, IMAGE) == expected


def test_refusal_names_package_both_versions_and_the_way_out() -> None:
    text = install.refusal("requirements.txt", [("numpy", "2.4.6"), ("tensorflow", "2.17.0")], IMAGE)
    assert "would replace the image's numpy 1.26.4 by 2.4.6" in text
    assert "would install tensorflow 2.17.0 over the image's tensorflow-cpu 2.16.2" in text


@pytest.mark.parametrize(("text", "expected"), [
    ("pandas==2.2.3 \\\n    --hash=sha256:aa\n", {"pandas": "2.2.3"}),
    ("Scikit_Learn[x]==1.5.2 ; python_version > '3'\n", {"scikit-learn": "1.5.2"}),
    ("# numpy==2\n-r other.txt\npandas>=2\n", {}),
])
def test_pinned(text: str, expected: dict) -> None:
    assert install.pinned(text) == expected
