"""Tests of getuv.py's one decision; that it installs is proven by every environment."""

import pathlib

import getuv
import pytest


@pytest.mark.parametrize(("index", "trusted"), [
    ("http://name:word@packages.example:8080/simple/", "packages.example:8080"),
    ("https://name:word@packages.example/simple/", None),
    ("", None),
])
def test_only_a_plain_http_index_is_named_as_trusted(index: str, trusted: str | None) -> None:
    inherited = {"PIP_INDEX_URL": index, "PATH": "/bin"} if index else {"PATH": "/bin"}
    assert getuv.environment(inherited).get("PIP_TRUSTED_HOST") == trusted


def test_the_bundle_of_the_image_is_trusted_unless_another_is_named(tmp_path: pathlib.Path) -> None:
    bundle = tmp_path / "bundle.crt"
    assert "SSL_CERT_FILE" not in getuv.environment({}, bundle)
    bundle.touch()
    for name in ("SSL_CERT_FILE", "PIP_CERT"):
        assert getuv.environment({}, bundle)[name] == str(bundle)
        assert getuv.environment({"SSL_CERT_FILE": "/own.crt"}, bundle)[name] == "/own.crt"
    assert getuv.environment({"PIP_CERT": "/pip.crt"}, bundle)["PIP_CERT"] == "/pip.crt"
