"""Tests of install.py's decisions; the installs themselves are acceptance tests, in the real image."""

import install
import pytest

IMAGE = {"tensorflow-cpu": "2.16.2", "keras": "3.15.1", "numpy": "1.26.4", "protobuf": "4.25.9"}


def test_constraints_hold_the_image_and_bar_a_second_tensorflow() -> None:
    lines = install.constraints(IMAGE).splitlines()
    assert "numpy==1.26.4" in lines and "tensorflow-cpu==2.16.2" in lines and "tensorflow<0" in lines
    assert "tensorflow-cpu<0" not in lines
    assert not any(line.startswith("protobuf") for line in lines), "protobuf is bound by TensorFlow's own limits"


@pytest.mark.parametrize(("wanted", "expected"), [
    ({"numpy": "2.4.6", "pandas": "3.0.1"}, [("numpy", "2.4.6")]),
    ({"numpy": "1.26.4"}, []),
    ({"tensorflow": "2.16.2"}, [("tensorflow", "2.16.2")]),
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
