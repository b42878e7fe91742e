"""Install a project's requirements beside the image's TensorFlow, or refuse to.

    python3 install.py --requirements FILE --uv UV --out DIR [--limit SECONDS]

The image decides TensorFlow and what its numbers depend on (HELD): a requirements file may need them, never replace
them. Two ways round a plain constraint are closed: a second distribution of TensorFlow (`tensorflow` beside
`tensorflow-cpu` installs over the same files), and a set that installs without complaint and cannot be imported.

FILE is a requirements file, with or without hashes, or a `uv.lock` that lies beside its `pyproject.toml`.
DIR then holds `run.json` (the step's record) and `installed.json` ({name: version}).
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import bytecode
import intact
import step
from intact import canonical, planned

TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "intel-tensorflow", "tf-nightly", "tf-nightly-cpu")
HELD = (*TENSORFLOWS, "keras", "numpy", "ml-dtypes", "h5py", "tensorboard")
PROOF = "import tensorflow as tf, keras, numpy; print('TensorFlow', tf.__version__, 'Keras', keras.__version__, 'NumPy', numpy.__version__)"


class Refused(Exception):
    """The requirements cannot be installed; the text is for the person who wrote them."""


def installed() -> dict[str, str]:
    """Every distribution that this interpreter sees: canonical name → version."""
    importlib.invalidate_caches()
    return {canonical(d.metadata["Name"]): d.version for d in importlib.metadata.distributions() if d.metadata["Name"]}


def held(before: dict[str, str]) -> dict[str, str]:
    """The image's packages that stay: name → version."""
    return {name: before[name] for name in HELD if name in before}


def constraints(before: dict[str, str]) -> str:
    """Constraints that keep the held packages and keep every other TensorFlow out."""
    keep = [f"{name}=={version}" for name, version in sorted(held(before).items())]
    bar = [f"{name}<0" for name in TENSORFLOWS if name not in before]
    return "\n".join(keep + bar) + "\n"


def pinned(text: str) -> dict[str, str]:
    """The `name==version` lines of a requirements file."""
    found = re.findall(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\#,]+)", text, re.MULTILINE)
    return {canonical(name): version for name, version in found}


def clashes(wanted: dict[str, str], before: dict[str, str]) -> list[tuple[str, str]]:
    """What would take a held package's place, or lie over the image's TensorFlow: (name, version)."""
    keep = held(before)
    return [(n, v) for n, v in wanted.items() if keep.get(n, v) != v or (n in TENSORFLOWS and n not in before)]


def refusal(source: str, conflicts: list[tuple[str, str]], before: dict[str, str]) -> str:
    """Name each package that the requirements would replace, and what to do."""
    lines = []
    for name, version in conflicts:
        if name in before:
            lines.append(f"{source} would replace the image's {name} {before[name]} by {version}: "
                         f"ask for a version that fits {before[name]}, or choose an image that holds {version}")
        else:
            owner = next(n for n in TENSORFLOWS if n in before)
            lines.append(f"{source} would install {name} {version} over the image's {owner} {before[owner]}: "
                         "remove it (and what brings it in) from the requirements, TensorFlow comes with the image")
    return "\n".join(lines)


class Installer:
    """uv, bound to the image's own interpreter."""

    def __init__(self, uv: str, out: pathlib.Path, limit: float) -> None:
        self.uv, self.out, self.limit = uv, out, limit

    def pip(self, *arguments: str) -> list[str]:
        return [self.uv, "pip", "install", "--python", sys.executable, "--break-system-packages", *arguments]

    def ask(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command of uv's that changes nothing and return what it says."""
        return subprocess.run(command, capture_output=True, text=True, timeout=self.limit)

    def locked(self, lock: pathlib.Path, before: dict[str, str]) -> pathlib.Path:
        """A hashed requirements file from `uv.lock`, without the TensorFlow that the image brings."""
        if not (lock.parent / "pyproject.toml").is_file():
            raise Refused(f"{lock.name} needs its pyproject.toml beside it, and there is none")
        leave_out = [flag for name in TENSORFLOWS for flag in ("--no-emit-package", name)]
        result = self.ask([self.uv, "export", "--directory", str(lock.parent), "--frozen", "--no-dev", "--no-emit-project",
                           "--no-header", "--no-annotate", "--python", sys.executable, *leave_out])
        if result.returncode != 0:
            raise Refused(f"{lock.name} cannot be read: {result.stderr.strip()}")
        for name, version in re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock.read_text()):
            if canonical(name) in TENSORFLOWS and version not in held(before).values():
                raise Refused(refusal(lock.name, [(canonical(name), version)], before))
        requirements = self.out / "locked.txt"
        requirements.write_text(result.stdout)
        return requirements

    def install(self, requirements: pathlib.Path, source: str, before: dict[str, str]) -> None:
        text = requirements.read_text()
        limits = self.out / "constraints.txt"
        limits.write_text(constraints(before))
        if "--hash=" in text:
            # Every version is pinned already, and a constraint without a hash would not be accepted beside it.
            if conflicts := clashes(pinned(text), before):
                raise Refused(refusal(source, conflicts, before))
            command = self.pip("--require-hashes", "--requirements", str(requirements))
        else:
            # TensorFlow itself is asked for too: only so do its own limits (protobuf, NumPy) bind what is installed.
            owner = next(name for name in TENSORFLOWS if name in before)
            command = self.pip("--constraints", str(limits), "--requirements", str(requirements), f"{owner}=={before[owner]}")
        def run(command: list[str]) -> tuple[int, str]:
            nonlocal outcome
            outcome = step.run("install", command, limit=self.limit, record=self.out / "run.json")
            return outcome.status, "\n".join(outcome.tail)

        outcome = step.Outcome(0, False, 0.0, [])
        image = set(intact.distributions())
        bad = intact.install(self.uv, command, run, lambda: intact.arrived(image))
        if bad:
            raise Refused(f"{', '.join(bad)} arrived damaged, twice: is the disk of the engine sound, and does nothing between it and the "
                          "package index change what it sends?")
        if outcome.timed_out:
            raise Refused(f"installing {source} was stopped after {self.limit:g} s: is the package index reachable?")
        if outcome.status != 0:
            raise Refused(self._explain(requirements, source, before, outcome))
        clock = time.monotonic()
        bytecode.write(intact.arrived(image))
        step.extend(self.out / "run.json", time.monotonic() - clock)

    def _explain(self, requirements: pathlib.Path, source: str, before: dict[str, str], outcome: step.Outcome) -> str:
        said = "\n".join(line for line in outcome.tail if line.strip())
        plan = self.ask(self.pip("--dry-run", "--requirements", str(requirements)))
        if plan.returncode == 0 and (conflicts := clashes(planned(plan.stderr + plan.stdout), before)):
            return refusal(source, conflicts, before)
        return f"{source} cannot be installed beside the image's TensorFlow:\n{said}"


def prove(source: str, before: dict[str, str]) -> dict[str, str]:
    """Import TensorFlow and compare the held packages; an installer's status 0 says neither."""
    proof = subprocess.run([sys.executable, "-c", PROOF], capture_output=True, text=True,
                           env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if proof.returncode != 0:
        last = (proof.stderr.strip().splitlines() or ["no output"])[-1]
        raise Refused(f"after installing {source} TensorFlow cannot be imported any more: {last}")
    print(proof.stdout.strip(), flush=True)
    after = installed()
    lost = [(name, "nothing") for name in held(before) if name not in after]
    if conflicts := lost + clashes(after, before):
        raise Refused(refusal(source, conflicts, before))
    return after


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requirements", type=pathlib.Path, required=True)
    parser.add_argument("--uv", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--limit", type=float, default=1800.0, help="seconds")
    options = parser.parse_args(arguments)

    options.out.mkdir(parents=True, exist_ok=True)
    before = installed()
    source = options.requirements.name
    try:
        if not any(name in before for name in TENSORFLOWS):
            raise Refused("the image holds no TensorFlow: name a TensorFlow image under images.tensorflow")
        installer = Installer(options.uv, options.out, options.limit)
        requirements = options.requirements
        if source == "uv.lock":
            requirements = installer.locked(requirements, before)
        installer.install(requirements, source, before)
        after = prove(source, before)
    except Refused as refused:
        return step.fail(str(refused))
    (options.out / "installed.json").write_text(json.dumps(after, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
