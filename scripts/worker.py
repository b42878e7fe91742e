"""Work as one of several: wait for the chief of a training, run the script as it says, and report to it.

    python3 worker.py --port 8470 --out DIR [-- WHATEVER TELLS THIS TRAINING'S WORKERS FROM ANOTHER'S...]

Each message is one line of JSON. On a connection the worker first offers the port on which its TensorFlow will listen,
{"port": N}; the chief (workers.py) answers with {"config": TF_CONFIG, "arguments": [...], "memory": BYTES}, the arguments of
seeded.py and the limit in train.memory; then come the script's output, {"line": TEXT} each, and how it ended,
{"status": N, "memory": BYTES}, the bytes that it held if it was killed for that. A connection that breaks ends the script.
After it the worker waits for the next chief: a training that is tried again may find the same worker.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
from typing import BinaryIO

import memory
import step

HERE = pathlib.Path(__file__).parent


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("", 0)) as unused:
        return unused.getsockname()[1]


def send(stream: BinaryIO, message: dict[str, object]) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    stream.flush()


def work(connection: socket.socket, out: pathlib.Path) -> None:
    """Serve one chief; raises OSError when the connection breaks."""
    reader, writer = connection.makefile("rb"), connection.makefile("wb")
    send(writer, {"port": free_port()})
    order = reader.readline()
    if not order:
        return  # whoever started this container asks only whether it answers
    message = json.loads(order)
    shutil.rmtree(out, ignore_errors=True)
    for name in ("model", "logs"):
        (out / name).mkdir(parents=True)
    child = subprocess.Popen(
        [sys.executable, str(HERE / "seeded.py"), *message["arguments"]],
        env={**os.environ, "TF_CONFIG": message["config"]},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
    )

    def end_with_the_connection() -> None:
        with contextlib.suppress(OSError):
            reader.read()
        step.end(child)

    threading.Thread(target=end_with_the_connection, daemon=True).start()
    watched = memory.Limit(child, message["memory"]) if message["memory"] else None
    try:
        for line in child.stdout or ():
            send(writer, {"line": line.decode(errors="replace").rstrip("\n")})
        status = child.wait()
        send(writer, {"status": status, "memory": watched.stop() if watched else 0})
    finally:
        step.end(child)


def serve(port: int, out: pathlib.Path) -> None:
    """Serve one chief after the other, for ever."""
    with socket.create_server(("", port)) as server:
        while True:
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                work(connection, out)
                connection.shutdown(socket.SHUT_RDWR)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("training", nargs="*")
    options = parser.parse_args(arguments)
    serve(options.port, options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
