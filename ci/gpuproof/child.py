"""Run programs that may hang, each with what is left of a stage's time."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import signal
import subprocess
import tempfile
import time

GRACE_SECONDS = 3.0


@dataclasses.dataclass(frozen=True)
class Done:
    """How a program ended, and what it printed."""

    status: int
    timed_out: bool
    stdout: str
    stderr: str

    def last(self) -> str:
        """The line by which the program says what was wrong: its last error, or its last words."""
        lines = [line.strip() for line in (self.stdout + "\n" + self.stderr).splitlines() if line.strip()]
        errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
        return (errors or lines or [f"nothing, status {self.status}"])[0 if errors else -1]


class Children:
    """Programs that must all have ended at one time, counted by time.monotonic."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def left(self) -> float:
        return self.deadline - time.monotonic()

    def run(self, command: list[str], cwd: pathlib.Path | None = None, **environment: str) -> Done:
        """Run a program to its end, or to the deadline; then it and what it started are ended."""
        variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "2", **environment}
        # Files and not pipes: what the program leaves behind could hold a pipe open for ever.
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                child = subprocess.Popen(
                    command,
                    cwd=cwd,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except OSError as error:
                return Done(127, False, "", f"{command[0]} cannot be run: {error}")
            timed_out = False
            try:
                child.wait(max(0.0, self.left()))
            except subprocess.TimeoutExpired:
                timed_out = True
            finally:
                self._end(child)
            out.seek(0)
            err.seek(0)
            return Done(
                child.returncode, timed_out, out.read().decode(errors="replace"), err.read().decode(errors="replace")
            )

    @staticmethod
    def _end(child: subprocess.Popen[bytes]) -> None:
        if child.poll() is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(child.pid, number)
                child.wait(GRACE_SECONDS)
                return
            except ProcessLookupError:
                return
            except subprocess.TimeoutExpired:
                continue
