"""Go on where a killed run stopped.

Keras' BackupAndRestore writes weights and epoch number as two files, so that a kill between them
trains one epoch twice, and it removes the folder itself, which fails when that is a mount. Here
a checkpoint is one file that appears by a rename: it is there whole or not at all.
"""

from __future__ import annotations

import pathlib
import re

import keras


class Checkpoints(keras.callbacks.Callback):
    """Keep the model and its optimizer after each epoch, in `directory`, under a run's `key`."""

    def __init__(self, directory: pathlib.Path, key: str) -> None:
        super().__init__()
        self.directory = directory
        self.key = key

    def latest(self) -> tuple[keras.Model | None, int]:
        """Return the last finished epoch's model and how many epochs are done: (None, 0) at first."""
        found = self._files()
        if not found:
            return None, 0
        done = max(found)
        return keras.models.load_model(found[done]), done

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        older = self._files().values()
        partial = self.directory / "partial.keras"
        self.model.save(partial)
        partial.replace(self.directory / f"{self.key}-{epoch + 1:06d}.keras")
        for path in older:
            path.unlink()

    def clear(self) -> None:
        """Remove the run's checkpoints: its model has been exported."""
        for path in self._files().values():
            path.unlink()

    def _files(self) -> dict[int, pathlib.Path]:
        pattern = re.compile(re.escape(self.key) + r"-(\d{6})\.keras")
        matches = {path: pattern.fullmatch(path.name) for path in self.directory.glob("*.keras")}
        return {int(match[1]): path for path, match in matches.items() if match}
