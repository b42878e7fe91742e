"""Lead the workers of a training: tell each its part, show what it says, and notice the first that fails.

The other end of the connection, and the messages, are worker.py's. The chief is worker 0 and runs the script itself
(launch.py); this module looks after workers 1, 2, ….
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import json
import socket
import sys
import threading
import time

import step
import worker

CONNECT_SECONDS = 60.0


@dataclasses.dataclass(frozen=True)
class Failure:
    """The worker that failed, and how its script ended; None when the connection broke before it did."""

    index: int
    outcome: step.Outcome | None


class Crew:
    """The workers beside the chief. It is a context manager: leaving it ends whatever still runs."""

    def __init__(self, addresses: list[str]) -> None:
        """Connect to workers at HOST:PORT; raises ConnectionError."""
        self.failed = threading.Event()
        self.failure: Failure | None = None
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._streams, ports = [], []
        for index, address in enumerate(addresses, 1):
            host, _, port = address.rpartition(":")
            try:
                connection = socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS)
                stream = connection.makefile("rwb")
                ports.append(json.loads(stream.readline())["port"])
            except (OSError, ValueError) as error:
                self.close()
                raise ConnectionError(f"worker {index} does not answer at {address}: {error}") from error
            connection.settimeout(None)
            self._connections.append(connection)
            self._streams.append(stream)
        # Its own address as the first worker sees it: only that one do all of them reach.
        chief = self._connections[0].getsockname()[0]
        others = [connection.getpeername()[0] for connection in self._connections]
        self._cluster = [f"{host}:{port}" for host, port in zip([chief, *others], [worker.free_port(), *ports])]

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def config(self, index: int) -> str:
        """TF_CONFIG of a worker: where all of them listen, and which of them it is."""
        return json.dumps({"cluster": {"worker": self._cluster}, "task": {"type": "worker", "index": index}})

    def start(self, arguments: list[str], memory: int = 0) -> None:
        """Have every worker run seeded.py with these arguments, held to so many bytes of memory; 0 for no limit."""
        for index, stream in enumerate(self._streams, 1):
            try:
                worker.send(stream, {"config": self.config(index), "arguments": arguments, "memory": memory})
            except OSError:
                return self._fail(index, None)
            thread = threading.Thread(target=self._follow, args=(index, stream), daemon=True)
            thread.start()
            self._threads.append(thread)

    def wait(self, seconds: float) -> None:
        """Wait until every worker has ended well or one has not; after `seconds` the first that still runs has failed."""
        deadline = time.monotonic() + seconds
        for index, thread in enumerate(self._threads, 1):
            while thread.is_alive() and not self.failed.is_set():
                thread.join(timeout=step.POLL_SECONDS)
                if time.monotonic() > deadline:
                    self._fail(index, step.Outcome(status=-9, timed_out=True, seconds=seconds, tail=[]))

    def close(self) -> None:
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _follow(self, index: int, stream: socket.SocketIO) -> None:
        """Show what a worker's script prints, and keep how it ends."""
        began = time.monotonic()
        tail: collections.deque[str] = collections.deque(maxlen=step.TAIL_LINES)
        with contextlib.suppress(OSError):
            for text in stream:
                message = json.loads(text)
                if "line" in message:
                    tail.append(message["line"])
                    print(f"worker {index}: {message['line']}", file=sys.stderr, flush=True)
                elif status := message["status"]:
                    return self._fail(index, step.Outcome(status, False, time.monotonic() - began, list(tail), message["memory"]))
                else:
                    return None
        return self._fail(index, None)

    def _fail(self, index: int, outcome: step.Outcome | None) -> None:
        """Keep the first failure: those that follow are mostly its consequence."""
        with self._lock:
            self.failure = self.failure or Failure(index, outcome)
            self.failed.set()
