"""A private package index for the tests: a package of its own before the public ones, and nothing without a password.

    python3 index.py USER PASSWORD PORT
"""

import base64
import http.server
import io
import sys
import urllib.request
import zipfile

from pip._internal.models.index import PyPI

USER, PASSWORD, PORT = sys.argv[1], sys.argv[2], int(sys.argv[3])
WHEEL = "inhouse-1.0-py3-none-any.whl"


def wheel() -> bytes:
    """The package `inhouse`, of one module."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("inhouse.py", "ANSWER = 42\n")
        archive.writestr("inhouse-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: inhouse\nVersion: 1.0\n")
        archive.writestr("inhouse-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("inhouse-1.0.dist-info/RECORD", "")
    return held.getvalue()


class Index(http.server.BaseHTTPRequestHandler):
    pages = {"/simple/inhouse/": f'<a href="/{WHEEL}">{WHEEL}</a>'.encode(), f"/{WHEEL}": wheel()}
    expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if self.headers.get("Authorization") != self.expected:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
            return
        kind, page = "text/html" if self.path.endswith("/") else "application/octet-stream", self.pages.get(self.path)
        if page is None:
            kind, page = public(self.path.removeprefix("/simple/"))
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(page)


def public(project: str) -> tuple[str, bytes]:
    """The public index's page of a project; its links lead to the public files. Nothing for a project that it has not."""
    try:
        with urllib.request.urlopen(f"{PyPI.simple_url}/{project}", timeout=60) as answer:
            return answer.headers["Content-Type"], answer.read()
    except OSError:
        return "text/html", b""


http.server.ThreadingHTTPServer(("", PORT), Index).serve_forever()
