"""Keep the checkpoints of one training in an object store, for a training that never sees the store's credentials.

    CHECKPOINT_REMOTE=s3:bucket/prefix/DIGEST python3 checkpointstore.py --port 8472

This runs in a container of its own, with rclone and its configuration. The training calls it by HTTP:

    GET  /newest        {"state": STATE}, the newest complete state, or null; first the store is tried: listed, written
                        to and deleted from
    GET  /files/SHA256  a file of that state
    PUT  /files/SHA256  keep a file
    POST /state         keep a state whose files are all kept: {"missing": []}; otherwise name those that are not
    POST /clear         keep nothing any more

A STATE is {"files": [{"path", "sha256", "size", "mtime"}]}. A failure of the store is status 502 with {"error": TEXT}.
A caller names digests and nothing else: it reaches what lies below CHECKPOINT_REMOTE, and nothing outside.

In the store a state is one small object, 00000001.json, which is written after all files that it names. The two newest
states are kept, so that whoever reads the older one still finds its files.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import hashlib
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import uuid

CONFIGURATION = pathlib.Path("/rclone.conf")
DIGEST = re.compile(r"[0-9a-f]{64}")
STATE = re.compile(r"([0-9]{8})\.json")
STATES_KEPT = 2
DELETED_AT_ONCE = 8
MAX_STATE = 16 << 20
MAX_WORDS = 300
CHUNK = 1 << 20

# rclone's exit statuses for what is not there: a folder, which an empty one is in an object store, and a file.
NO_FOLDER, NO_FILE = 3, 4

# What a person needs to know of rclone's messages, the first that fits.
MEANINGS = (
    (
        (
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AccessDenied",
            "Access Denied",
            "StatusCode: 403",
            "StatusCode: 401",
            "Error 403",
            "Error 401",
            "invalid_grant",
            "Unauthorized",
            "ExpiredToken",
            "could not find default credentials",
            "didn't find section in config file",
        ),
        "the store refuses the credentials in --checkpoint-config: are they those of this store, and may they list, "
        "read, write and delete there?",
    ),
    (
        ("NoSuchBucket", "bucket doesn't exist", "bucket does not exist", "bucket not found"),
        "there is no such bucket: make it, or name another",
    ),
    (
        ("QuotaExceeded", "no space left", "StatusCode: 507", "InsufficientCapacity", "EntityTooLarge"),
        "the store is full or takes no object of this size",
    ),
    (
        (
            "connection refused",
            "no such host",
            "i/o timeout",
            "deadline exceeded",
            "network is unreachable",
            "connection reset",
            "EOF",
            "no route to host",
            "server misbehaving",
            "tls: ",
            "x509: ",
            "StatusCode: 503",
            "SlowDown",
        ),
        "the store cannot be reached: is the endpoint in --checkpoint-config right, and does it answer?",
    ),
)


class Failure(Exception):
    """The store failed; the text says how, for whoever reads the log of the training."""


def secrets(configuration: str) -> list[str]:
    """The values in an rclone.conf that nobody is told."""
    told = {"type", "provider", "endpoint", "region", "env_auth", "location", "acl"}
    pairs = (line.split("=", 1) for line in configuration.splitlines() if "=" in line)
    return [value.strip() for key, value in pairs if key.strip() not in told and len(value.strip()) >= 4]


def meaning(message: str, hidden: list[str]) -> str:
    """Put a message of rclone into words, without what a training must not see."""
    for value in hidden:
        message = message.replace(value, "***")
    message = re.sub(r"\?[^\s\"']*", "?…", message)  # an address can grant access by its query
    message = re.sub(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d ", "", message)
    words = " ".join(message.split())
    words = words if len(words) <= MAX_WORDS else words[:MAX_WORDS] + "…"
    for parts, what in MEANINGS:
        if any(part in message for part in parts):
            return f"{what} (rclone: {words})"
    return f"rclone: {words}"


class Store:
    """The checkpoints of one training, below one folder of an object store."""

    def __init__(self, remote: str, rclone: list[str], hidden: list[str]) -> None:
        self.remote = remote.rstrip("/")
        self.rclone = rclone
        self.hidden = hidden
        self.lock = threading.Lock()

    def newest(self) -> dict[str, object] | None:
        """The newest state whose files are all there; first the store is listed, written to and deleted from."""
        with self.lock:
            there = self._there()
            trial = f"trial-{uuid.uuid4()}"
            self._write(trial, b"trial")
            self._delete([trial])
            for name in self._states(there):
                state = json.loads(self._run("cat", self._at(name)))
                if not self._missing(state, there):
                    return state
        return None

    def fetch(self, digest: str, path: pathlib.Path) -> None:
        self._run("copy", "--ignore-times", self._at("files/" + digest), str(path.parent))

    def keep(self, digest: str, path: pathlib.Path) -> None:
        self._run("copy", "--ignore-times", str(path), self._at("files"))

    def commit(self, state: dict[str, object]) -> list[str]:
        """Keep a state; returns the files that it names and that are not kept, where there are any."""
        with self.lock:
            there = self._there()
            missing = self._missing(state, there)
            if missing:
                return missing
            states = self._states(there)
            number = int(STATE.fullmatch(states[0])[1]) + 1 if states else 1
            self._write(f"{number:08}.json", json.dumps(state).encode())
            self._prune(state, there, states)
        return []

    def clear(self) -> None:
        with self.lock:
            # The states first: of what is left by an end in between nothing is ever read.
            there = self._there()
            self._delete(self._states(there))
            self._delete([name for name in there if not STATE.fullmatch(name)])

    def _prune(self, state: dict[str, object], there: dict[str, int], states: list[str]) -> None:
        """Delete what neither the state, which is kept now, nor those before it that stay need."""
        staying = states[: STATES_KEPT - 1]
        needed = {file["sha256"] for file in state["files"]}
        for name in staying:
            needed |= {file["sha256"] for file in json.loads(self._run("cat", self._at(name)))["files"]}
        self._delete(states[STATES_KEPT - 1 :])
        self._delete(
            [name for name in there if not STATE.fullmatch(name) and name.removeprefix("files/") not in needed]
        )

    def _delete(self, names: list[str]) -> None:
        with concurrent.futures.ThreadPoolExecutor(DELETED_AT_ONCE) as pool:
            # What another has deleted meanwhile is gone too.
            list(pool.map(lambda name: self._run("deletefile", self._at(name), missing=(NO_FOLDER, NO_FILE)), names))

    def _states(self, there: dict[str, int]) -> list[str]:
        return sorted((name for name in there if STATE.fullmatch(name)), reverse=True)

    def _missing(self, state: dict[str, object], there: dict[str, int]) -> list[str]:
        return sorted(
            {file["sha256"] for file in state["files"] if there.get("files/" + file["sha256"]) != file["size"]}
        )

    def _there(self) -> dict[str, int]:
        """Every object and its size."""
        listed = self._run(
            "lsjson", "--recursive", "--files-only", "--no-modtime", "--no-mimetype", self.remote, missing=(NO_FOLDER,)
        )
        return {entry["Path"]: entry["Size"] for entry in json.loads(listed or b"[]")}

    def _write(self, name: str, content: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, name)
            path.write_bytes(content)
            self._run("copy", "--ignore-times", str(path), self.remote)

    def _at(self, name: str) -> str:
        return f"{self.remote}/{name}"

    def _run(self, *arguments: str, missing: tuple[int, ...] = ()) -> bytes:
        done = subprocess.run([*self.rclone, *arguments], stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode and done.returncode not in missing:
            raise Failure(meaning(done.stderr.decode(errors="replace"), self.hidden))
        return b"" if done.returncode else done.stdout


def checked(content: bytes) -> dict[str, object]:
    """A state as the training sent it; raises ValueError for what is none."""
    state = json.loads(content)
    for file in state["files"]:
        if (
            not isinstance(file["path"], str)
            or not DIGEST.fullmatch(file["sha256"])
            or not isinstance(file["size"], int)
        ):
            raise ValueError("no file: " + repr(file)[:100])
    return state


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers the training; the store is the server's."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/newest":
            self._answer(lambda: {"state": self.server.store.newest()})
        elif digest := self._digest():
            self._send_file(digest)
        else:
            self._send(404, {"error": "there is no such thing here"})

    def do_PUT(self) -> None:
        digest, size = self._digest(), self._size()
        if not digest or size is None:
            self._send(404, {"error": "there is no such thing here"})
            return
        with tempfile.TemporaryDirectory() as folder:
            path, found = pathlib.Path(folder, digest), hashlib.sha256()
            with path.open("wb") as file:
                while size > 0 and (chunk := self.rfile.read(min(size, CHUNK))):
                    found.update(chunk)
                    file.write(chunk)
                    size -= len(chunk)
            if size or found.hexdigest() != digest:
                self._send(400, {"error": "the file is not what its digest says"})
                return
            self._answer(lambda: self.server.store.keep(digest, path) or {})

    def do_POST(self) -> None:
        size = self._size()
        if size is None or size > MAX_STATE:
            self._send(413, {"error": f"the state is larger than {MAX_STATE} bytes: keep fewer files"})
            return
        content = self.rfile.read(size)
        if self.path == "/clear":
            self._answer(lambda: self.server.store.clear() or {})
        elif self.path == "/state":
            try:
                state = checked(content)
            except (ValueError, KeyError, TypeError) as error:
                self._send(400, {"error": f"this is no state: {error}"})
                return
            self._answer(lambda: {"missing": self.server.store.commit(state)})
        else:
            self._send(404, {"error": "there is no such thing here"})

    def log_message(self, *_: object) -> None:
        """Say nothing of each request."""

    def _digest(self) -> str | None:
        name = self.path.removeprefix("/files/")
        return name if name != self.path and DIGEST.fullmatch(name) else None

    def _size(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isdecimal() else None

    def _answer(self, ask) -> None:
        try:
            self._send(200, ask())
        except Failure as failure:
            print(f"the store failed: {failure}", file=sys.stderr, flush=True)
            self._send(502, {"error": str(failure)})
        except (OSError, ValueError, KeyError, TypeError) as error:
            self._send(
                502, {"error": f"what lies in the store cannot be read, remove it to begin anew: {error!r:.200}"}
            )

    def _send(self, status: int, answer: dict[str, object]) -> None:
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if status >= 400:  # what the caller still sends is not read
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(text)

    def _send_file(self, digest: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, digest)
            try:
                self.server.store.fetch(digest, path)
            except Failure as failure:
                self._send(502, {"error": str(failure)})
                return
            with path.open("rb") as file:
                self.send_response(200)
                self.send_header("Content-Length", str(path.stat().st_size))
                self.end_headers()
                shutil.copyfileobj(file, self.wfile, CHUNK)


def server(port: int, store: Store) -> http.server.ThreadingHTTPServer:
    made = http.server.ThreadingHTTPServer(("", port), Handler)
    made.daemon_threads = True
    made.store = store
    return made


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rclone", default="/line/rclone")
    parser.add_argument("--certificates", type=pathlib.Path, help="of an image that has none of its own")
    options = parser.parse_args(arguments)
    if options.certificates and not os.path.exists("/etc/ssl/certs/ca-certificates.crt"):
        os.environ["SSL_CERT_FILE"] = str(options.certificates)
    rclone = [options.rclone, "--config", str(CONFIGURATION)]
    server(
        options.port, Store(os.environ["CHECKPOINT_REMOTE"], rclone, secrets(CONFIGURATION.read_text()))
    ).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
