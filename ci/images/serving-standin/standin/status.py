"""Part of a stand-in for TensorFlow Serving: how its requests fail, by the names of gRPC's codes."""

from __future__ import annotations

HTTP = {
    "OK": 200, "CANCELLED": 499, "UNKNOWN": 500, "INVALID_ARGUMENT": 400, "DEADLINE_EXCEEDED": 504, "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409, "PERMISSION_DENIED": 403, "UNAUTHENTICATED": 401, "RESOURCE_EXHAUSTED": 503,
    "FAILED_PRECONDITION": 412, "ABORTED": 409, "OUT_OF_RANGE": 500, "UNIMPLEMENTED": 501, "INTERNAL": 500, "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
}


class Status(Exception):
    """A request or a config that is refused: `code` is one of HTTP's keys."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


def invalid(message: str) -> Status:
    return Status("INVALID_ARGUMENT", message)
