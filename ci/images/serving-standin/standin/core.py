"""Part of a stand-in for TensorFlow Serving: which versions are loaded, and where the labels point.

What is to be loaded follows from the config and from the folders below each base path, which are looked at every second. A new
version is loaded before an old one goes. A config is taken whole or not at all, in the order of server_core.cc: first its labels
are looked at, against what is available *before* it, then its versions are loaded and unloaded.
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib
import threading
import time
from collections.abc import Callable
from typing import Any

from .servable import Servable
from .status import Status, invalid

START, LOADING, AVAILABLE, UNLOADING, END = "START", "LOADING", "AVAILABLE", "UNLOADING", "END"
PLATFORM = "tensorflow"


@dataclasses.dataclass
class Version:
    """What has become of one version of a model."""

    state: str = START
    error: Status | None = None
    servable: Servable | None = None


class Core:
    """The models of one server."""

    def __init__(self, options: argparse.Namespace, log: Callable[[str], None], load: Callable[[pathlib.Path], Servable] = Servable) -> None:
        self._options, self._log, self._load_from = options, log, load
        self._reloading = threading.Lock()
        self._changed = threading.Condition()       # guards all that follows
        self._config: Any = None                    # the ModelConfigList in force
        self._labels: dict[str, dict[str, int]] = {}
        self._versions: dict[str, dict[int, Version]] = {}
        threading.Thread(target=self._watch, daemon=True).start()

    def find(self, spec: Any) -> tuple[int, Servable]:
        """The version that a ModelSpec means; raises Status."""
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        with self._changed:
            chosen = spec.WhichOneof("version_choice")
            known = {number: one for number, one in self._versions.get(spec.name, {}).items() if one.state == AVAILABLE}
            if chosen == "version_label":
                labels = self._labels.get(spec.name, {})
                if spec.version_label not in labels:
                    raise invalid(f"Unrecognized servable version label: {spec.version_label}")
                wanted = labels[spec.version_label]
            elif chosen == "version":
                wanted = spec.version.value
            elif not known:
                raise Status("NOT_FOUND", f"Servable not found for request: Latest({spec.name})")
            else:
                wanted = max(known)
            if wanted not in known:
                raise Status("NOT_FOUND", f"Servable not found for request: Specific({spec.name}, {wanted})")
            return wanted, known[wanted].servable

    def states(self, spec: Any) -> list[tuple[int, Version]]:
        """Every version that the server has known, the newest first; raises Status."""
        with self._changed:
            known = dict(self._versions.get(spec.name, {}))
        if spec.WhichOneof("version_choice") == "version":
            wanted = spec.version.value
            if wanted not in known:
                raise Status("NOT_FOUND", f"Could not find version {wanted} of model {spec.name}")
            return [(wanted, known[wanted])]
        if not known:
            raise Status("NOT_FOUND", f"Could not find any versions of model {spec.name}")
        return sorted(known.items(), reverse=True)

    def reload(self, config: Any) -> None:
        """Take a ModelServerConfig in force and wait until each model that is new has a version; raises Status."""
        if config.WhichOneof("config") != "model_config_list":
            raise invalid("ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently supported")
        models = config.model_config_list.config
        with self._reloading:
            validate(models)
            with self._changed:
                self._labels = self._checked_labels(models)
                present = set() if self._config is None else {model.name for model in self._config}
                self._config = list(models)
                self._changed.notify_all()
            self._log("Adding/updating models.")
            self._wait([model.name for model in models if model.name not in present])
            self._log("Finished adding/updating models")

    def _checked_labels(self, models: Any) -> dict[str, dict[str, int]]:
        labels: dict[str, dict[str, int]] = {}
        for model in models:
            for label, number in model.version_labels.items():
                version = self._versions.get(model.name, {}).get(number)
                existing = self._labels.get(model.name, {}).get(label)
                allowed = self._options.allow_version_labels_for_unavailable_models and existing in (None, number)
                if not allowed and (version is None or version.state != AVAILABLE):
                    raise Status("FAILED_PRECONDITION", f"Request to assign label to version {number} of model {model.name}, "
                                                        "which is not currently available for inference")
                labels.setdefault(model.name, {})[label] = number
        return labels

    def _wait(self, names: list[str]) -> None:
        """Wait until the newest version of each is available; raises Status when one has failed for good."""
        def settled(name: str) -> bool:
            wanted = {number: self._versions[name][number] for number in self._aspired(name)}
            return bool(wanted) and wanted[max(wanted)].state in (AVAILABLE, END)

        with self._changed:
            self._changed.wait_for(lambda: all(name in self._versions and settled(name) for name in names))
            failed = [f"{{name: {name} version: {max(self._aspired(name))}}}" for name in names
                      if self._versions[name][max(self._aspired(name))].state != AVAILABLE]
        if failed:
            raise Status("UNKNOWN", f"Some models did not become available: {{{', '.join(failed)}, }}")

    def _aspired(self, name: str) -> set[int]:
        return {number for number, one in self._versions.get(name, {}).items() if one.state in (START, LOADING, AVAILABLE) or one.error}

    def _watch(self) -> None:
        """Bring what is loaded to what is wanted, for as long as the server runs."""
        while True:
            with self._changed:
                for model in self._config or []:
                    self._settle(model.name, pathlib.Path(model.base_path), versions(model))
                for name in set(self._versions) - {model.name for model in self._config or []}:
                    self._settle(name, None, set())
                self._changed.wait(self._options.file_system_poll_wait_seconds or None)

    def _settle(self, name: str, base: pathlib.Path | None, wanted: set[int]) -> None:
        known = self._versions.setdefault(name, {})
        for number in sorted(wanted - {number for number, one in known.items() if one.state != END or one.error}):
            known[number] = Version()
            threading.Thread(target=self._load, args=(name, number, known[number], base / str(number)), daemon=True).start()
        serving = any(known[number].state == AVAILABLE for number in wanted)
        for number in known.keys() - wanted:
            one = known[number]
            if one.state == AVAILABLE and (serving or not wanted):
                self._log(f"Done unloading servable version {{name: {name} version: {number}}}")
                one.state, one.servable = END, None  # requests that have it already keep it alive
            elif one.state == END:
                one.error = None  # a version that is asked for again later is tried again
        self._changed.notify_all()

    def _load(self, name: str, number: int, version: Version, path: pathlib.Path) -> None:
        identity = f"{{name: {name} version: {number}}}"
        with self._changed:
            version.state = LOADING
            self._changed.notify_all()
        for attempt in range(self._options.max_num_load_retries + 1):
            if attempt:
                time.sleep(self._options.load_retry_interval_micros / 1e6)
            try:
                servable = self._load_from(path)
                if self._options.enable_model_warmup and (count := servable.warm_up()):
                    self._log(f"Finished reading warmup data for model at {path}. Number of warmup records read: {count}.")
            except Status as failed:
                self._log(f"Loading servable: {identity} failed: {failed}")
                error: Status | None = failed
                continue
            self._log(f"Successfully loaded servable version {identity}")
            error = None
            break
        with self._changed:
            version.error, version.state = error, END if error else AVAILABLE
            version.servable = None if error else servable
            self._changed.notify_all()


def validate(models: Any) -> None:
    """Refuse a list that names a model twice, or one that this server cannot load."""
    seen = set()
    for model in models:
        if model.name in seen:
            raise invalid(f"Illegal to list model {model.name} multiple times in config list")
        seen.add(model.name)
        if model.model_platform != PLATFORM:
            raise invalid(f"Model {model.name} requests unsupported platform {model.model_platform}" if model.model_platform else
                          "Illegal setting neither ModelServerConfig::model_type (deprecated) nor ModelServerConfig::model_platform.")
        if not model.base_path.startswith("/"):
            raise invalid(f"Expected model {model.name} to have an absolute path; got base_path()={model.base_path}")


def versions(model: Any) -> set[int]:
    """The versions that a model's policy wants of those that lie there."""
    base = pathlib.Path(model.base_path)
    there = {int(path.name) for path in base.iterdir() if path.name.isdigit() and path.is_dir()} if base.is_dir() else set()
    policy = model.model_version_policy
    chosen = policy.WhichOneof("policy_choice")
    if chosen == "all":
        return there
    if chosen == "specific":
        return there & set(policy.specific.versions)
    return set(sorted(there, reverse=True)[:policy.latest.num_versions or 1])
