"""Ask a server from many clients at once for a time, and look at every single answer.

Each client asks for one row at a time, by REST and by gRPC in turn, as fast as the server answers. The answers are compared with
what the model itself says; while a rollout is under way, with what both models say.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from servingapi import Grpc, Refused, Rest, Target

PROTOCOLS = ("rest", "grpc")
MOST_ROWS = 1000      # rows that requests are made of
MOST_REASONS = 5      # of the reasons for which requests failed, those that are reported


@dataclasses.dataclass(frozen=True)
class Rows:
    """Rows to ask for [N, …] by name of the input, and what each model answers them with [N, …]: the one served, and the next."""

    signature: str
    output: str
    inputs: dict[str, np.ndarray]
    expected: list[np.ndarray]

    def __len__(self) -> int:
        return len(self.expected[0])

    def part(self, rows: slice) -> dict[str, np.ndarray]:
        return {name: values[rows] for name, values in self.inputs.items()}

    def difference(self, rows: slice, answer: np.ndarray, model: int) -> float:
        """The largest difference of an answer to what a model says; raises Refused for one that cannot be compared."""
        expected = self.expected[model][rows]
        if answer.size != expected.size or answer.dtype.kind not in "fiub":
            raise Refused(f"an answer has the type {answer.dtype} and the shape {list(answer.shape)}, the model's {list(expected.shape)}")
        served = answer.reshape(expected.shape).astype(expected.dtype).astype(np.float64)
        if not np.isfinite(served).all():
            raise Refused("an answer holds a value that is not finite, where the model's has a number")
        return float(np.abs(served - expected).max(initial=0))


@dataclasses.dataclass
class Tally:
    """What came of the requests of one client, or of all: seconds each took by protocol, and what was wrong."""

    seconds: dict[str, list[float]] = dataclasses.field(default_factory=lambda: {name: [] for name in PROTOCOLS})
    reasons: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    wrong: int = 0
    apart: float = 0.0  # the largest difference
    by_model: collections.Counter[int] = dataclasses.field(default_factory=collections.Counter)

    def add(self, other: Tally) -> None:
        for name, seconds in other.seconds.items():
            self.seconds[name] += seconds
        self.reasons += other.reasons
        self.by_model += other.by_model
        self.wrong += other.wrong
        self.apart = max(self.apart, other.apart)


class Rollout:
    """When the label moves from the first model to the second, as the clients must know it."""

    def __init__(self) -> None:
        self.began = self.ended = float("inf")  # seconds of time.monotonic(): before and after the push that moves the label

    def models(self, asked: float, answered: float) -> list[int]:
        """The models that may answer a request of that time."""
        return ([0] if asked <= self.ended else []) + ([1] if answered >= self.began else [])


class Load:
    """Clients that ask until they are told to stop."""

    def __init__(self, host: str, ports: dict[str, int], target: Target, rows: Rows, limit: float, rollout: Rollout) -> None:
        self._host, self._ports, self._target, self._rows, self._limit, self._rollout = host, ports, target, rows, limit, rollout
        self._count = min(len(rows), MOST_ROWS)
        self._stop = threading.Event()
        self._channel = Grpc(host, ports["grpc"])
        # Made beforehand, so that what is timed is the server and not the writing of requests.
        singles = [slice(row, row + 1) for row in range(self._count)]
        self._bodies = [Rest.body(rows.signature, rows.part(one)) for one in singles]
        self._requests = [self._channel.request(target, rows.signature, rows.part(one), rows.output) for one in singles]

    def run(self, clients: int, meanwhile: Callable[[], None]) -> tuple[Tally, float]:
        """Let the clients ask while `meanwhile` runs; returns what came of it, and how many seconds it was."""
        tallies = [Tally() for _ in range(clients)]
        threads = [threading.Thread(target=self._client, args=(number, tally), name=f"client {number}", daemon=True)
                   for number, tally in enumerate(tallies)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            meanwhile()
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
            self._channel.__exit__()
        total = Tally()
        for tally in tallies:
            total.add(tally)
        return total, time.monotonic() - began

    def _client(self, number: int, tally: Tally) -> None:
        with Rest(self._host, self._ports["rest"]) as rest:
            for turn in itertools.count(number):
                if self._stop.is_set():
                    return
                row = turn * 7 % self._count  # clients ask for different rows at a time
                protocol = PROTOCOLS[turn % 2]
                asked = time.monotonic()
                try:
                    answer = rest.predict(self._target, self._bodies[row], self._rows.output) if protocol == "rest" else \
                        self._channel.predict(self._requests[row], self._rows.output)
                    answered = time.monotonic()
                    self._judge(tally, row, answer, self._rollout.models(asked, answered))
                    tally.seconds[protocol].append(answered - asked)
                except (Refused, KeyError, ValueError) as refused:
                    tally.reasons[reason(refused)] += 1
                    self._stop.wait(0.05)  # a server that is gone is not asked a million times

    def _judge(self, tally: Tally, row: int, answer: np.ndarray, models: list[int]) -> None:
        apart, model = min((self._rows.difference(slice(row, row + 1), answer, model), model) for model in models)
        tally.by_model[model] += 1
        tally.apart = max(tally.apart, apart)
        tally.wrong += apart > self._limit


def reason(refused: Exception) -> str:
    """Why a request failed, in a few words; an answer without the output that was asked for is a KeyError."""
    return str(refused) if isinstance(refused, Refused) else f"an answer that cannot be read: {type(refused).__name__} {refused}"


def milliseconds(seconds: list[float]) -> dict[str, float] | None:
    """Percentiles of times, for the report; None for no times."""
    if not seconds:
        return None
    points = np.percentile(np.array(seconds) * 1000, [50, 95, 99, 100])
    return {name: round(float(point), 3) for name, point in zip(("p50", "p95", "p99", "max"), points)}


def report(tally: Tally, clients: int, seconds: float) -> dict[str, Any]:
    """The figures of a load, as JSON can hold them."""
    every = [one for times in tally.seconds.values() for one in times]
    failed = sum(tally.reasons.values())
    return {
        "clients": clients, "seconds": round(seconds, 3), "requests": len(every) + failed, "failed": failed, "wrong": tally.wrong,
        "perSecond": round(len(every) / seconds, 1), "latencyMs": milliseconds(every),
        "byProtocol": {name: {"requests": len(times), "latencyMs": milliseconds(times)} for name, times in tally.seconds.items()},
        "reasons": dict(tally.reasons.most_common(MOST_REASONS)),
    }
