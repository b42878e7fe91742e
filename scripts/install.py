"""Install a project's requirements beside the image's TensorFlow, or refuse to.

    python3 install.py --requirements FILE --uv UV --out DIR [--limit SECONDS]

The image decides TensorFlow and what its numbers depend on (HELD): a requirements file may need them, never replace
them. Two ways round a plain constraint are closed: a second distribution of TensorFlow (`tensorflow` installs over the
files of `tensorflow-cpu`), and a set that installs without complaint and cannot be imported.

Whichever name the image's TensorFlow has, it is what is meant by a requirement of the others: `tensorflow>=2.16` is met
by `tensorflow-cpu` 2.16.2.

FILE is a requirements file, with or without hashes, or a `uv.lock` that lies beside its `pyproject.toml`. Where a lock
has another version of what the image decides, the image's is used, and said.
DIR then holds `run.json` (the step's record) and `installed.json` ({name: version}).
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.metadata
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Container, Iterable, Iterator

try:
    from packaging.requirements import InvalidRequirement, Requirement
except ImportError:  # TensorFlow needs it; an image without either is refused in words, by pip's own copy
    from pip._vendor.packaging.requirements import InvalidRequirement, Requirement

import bytecode
import intact
import step
from intact import canonical, planned

TENSORFLOWS = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel", "intel-tensorflow",
               "tensorflow-rocm", "tf-nightly", "tf-nightly-cpu")
HELD = (*TENSORFLOWS, "keras", "numpy", "ml-dtypes", "h5py", "tensorboard")
LOCKED = "locked.txt"  # what is installed of a uv.lock
PROOF = "import tensorflow as tf, keras, numpy; print('TensorFlow', tf.__version__, 'Keras', keras.__version__, 'NumPy', numpy.__version__)"


class Refused(Exception):
    """The requirements cannot be installed; the text is for the person who wrote them."""


def installed() -> dict[str, str]:
    """Every distribution as this interpreter imports it: canonical name → version.

    A name that is there twice counts as the first on the path has it, since that is the one that is imported.
    """
    return {name: found.version for name, found in imported().items()}


def imported() -> dict[str, importlib.metadata.Distribution]:
    """Every distribution on the path, the first of each canonical name."""
    importlib.invalidate_caches()
    found: dict[str, importlib.metadata.Distribution] = {}
    for distribution in importlib.metadata.distributions():
        if name := distribution.metadata["Name"]:
            found.setdefault(canonical(name), distribution)
    return found


def owner(before: dict[str, str]) -> str:
    """The name under which the image has its TensorFlow."""
    return next(name for name in TENSORFLOWS if name in before)


def held(before: dict[str, str]) -> dict[str, str]:
    """The image's packages that stay: name → version."""
    return {name: before[name] for name in HELD if name in before}


def constraints(before: dict[str, str]) -> str:
    """Constraints that keep the held packages."""
    return "".join(f"{name}=={version}\n" for name, version in sorted(held(before).items()))


def others(before: dict[str, str]) -> list[str]:
    """The names of TensorFlow that the image's has not."""
    return [name for name in TENSORFLOWS if name not in before]


REQUIREMENT = re.compile(r"^[ \t]*([A-Za-z0-9][A-Za-z0-9._-]*)((?:[^\\\n]|\\\n|\\)*)$", re.MULTILINE)


def renamed(text: str, before: dict[str, str]) -> str:
    """A requirements file in which what asks for another name of TensorFlow asks for the image's."""
    def name(line: re.Match[str]) -> str:
        return owner(before) + line[2] if canonical(line[1]) in others(before) else line[0]

    return REQUIREMENT.sub(name, text)


def without(text: str, names: Container[str]) -> str:
    """A requirements file without the requirements of some names, hashes and all."""
    return REQUIREMENT.sub(lambda line: "" if canonical(line[1]) in names else line[0], text)


def pinned(text: str) -> dict[str, str]:
    """The `name==version` lines of a requirements file."""
    found = re.findall(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([^\s;\\#,]+)", text, re.MULTILINE)
    return {canonical(name): version for name, version in found}


def clashes(wanted: dict[str, str], before: dict[str, str]) -> list[tuple[str, str]]:
    """What would take a held package's place, or lie over the image's TensorFlow: (name, version)."""
    keep = held(before)
    keep |= dict.fromkeys(others(before), before[owner(before)])
    return [(name, version) for name, version in wanted.items() if keep.get(name, version) != version]


def refusal(source: str, conflicts: list[tuple[str, str]], before: dict[str, str]) -> str:
    """Name each package that the requirements would replace, and what to do."""
    lines = []
    for name, version in conflicts:
        if name in before:
            lines.append(f"{source} would replace the image's {name} {before[name]} by {version}: "
                         f"ask for a version that fits {before[name]}, or choose an image that holds {version}")
        else:
            mine = owner(before)
            lines.append(f"{source} would install {name} {version} over the image's {mine} {before[mine]}: "
                         "remove it (and what brings it in) from the requirements, TensorFlow comes with the image")
    return "\n".join(lines)


def needs(distribution: importlib.metadata.Distribution) -> Iterator[Requirement]:
    """What a distribution requires on this machine; what nobody could read is passed over, as installers do."""
    for text in distribution.requires or ():
        with contextlib.suppress(InvalidRequirement):
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                yield requirement


def met(requirement: Requirement, versions: dict[str, str]) -> bool:
    """Whether a requirement is met; one of TensorFlow is by whichever name the image's has."""
    name = canonical(requirement.name)
    version = versions[owner(versions)] if name in TENSORFLOWS else versions.get(name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def unmet(names: Container[str]) -> dict[tuple[str, str], str]:
    """The requirements of the named distributions that are not met: whose and which → in words."""
    there = imported()
    versions = {name: one.version for name, one in there.items()}
    found = {}
    for name in there.keys() & names:
        for requirement in needs(there[name]):
            if not met(requirement, versions):
                wanted = canonical(requirement.name)
                has = versions[owner(versions)] if wanted in TENSORFLOWS else versions.get(wanted, "none")
                found[name, str(requirement)] = (f"{name} {versions[name]} needs {requirement.name}{requirement.specifier}, "
                                                 f"and there is {has}")
    return found


def yielding(locked: dict[str, str], before: dict[str, str], limits: Iterable[Requirement]) -> dict[str, str]:
    """The locked packages that the image decides: name → what is said where it has another version, or nothing.

    They are TensorFlow under any name, the held ones, and those in a version that the image's TensorFlow does not take;
    `limits` are its requirements.
    """
    mine = owner(before)
    refused = {canonical(one.name) for one in limits
               if canonical(one.name) in locked and not met(one, {**before, **locked, mine: before[mine]})}
    found = {}
    for name, version in locked.items():
        there = mine if name in TENSORFLOWS else name
        if there in before and (there in held(before) or name in refused):
            found[name] = "" if version == before[there] else (f"{name} {version} is locked, and the image's {there} "
                                                               f"{before[there]} is used: TensorFlow there is made for it")
    return found


class Installer:
    """uv, bound to the image's own interpreter."""

    def __init__(self, uv: str, out: pathlib.Path, limit: float) -> None:
        self.uv, self.out, self.limit = uv, out, limit
        self.said: list[str] = []  # what a person should know of an install that went well

    def pip(self, *arguments: str) -> list[str]:
        return [self.uv, "pip", "install", "--python", sys.executable, "--break-system-packages", *arguments]

    def ask(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command of uv's that changes nothing and return what it says."""
        return subprocess.run(command, capture_output=True, text=True, timeout=self.limit)

    def locked(self, lock: pathlib.Path, before: dict[str, str]) -> pathlib.Path:
        """A hashed requirements file from `uv.lock`, without what the image decides."""
        project = lock.parent / "pyproject.toml"
        if not project.is_file():
            raise Refused(f"{lock.name} needs its pyproject.toml beside it, and there is none")
        asked(project, before)
        versions = {canonical(name): version for name, version in re.findall(r'name = "([^"]+)"\nversion = "([^"]+)"', lock.read_text())}
        image = yielding(versions, before, list(needs(imported()[owner(before)])))
        leave_out = [flag for name in (*TENSORFLOWS, *image) for flag in ("--no-emit-package", name)]
        result = self.ask([self.uv, "export", "--directory", str(lock.parent), "--frozen", "--no-dev", "--no-emit-project",
                           "--no-header", "--no-annotate", "--python", sys.executable, *leave_out])
        if result.returncode != 0:
            raise Refused(f"{lock.name} cannot be read: {result.stderr.strip()}")
        self.said = [f"{lock.name}: {said}" for said in image.values() if said]
        for said in self.said:
            print(said, flush=True)
        requirements = self.out / LOCKED
        requirements.write_text(result.stdout)
        return requirements

    def install(self, requirements: pathlib.Path, source: str, before: dict[str, str]) -> None:
        text = requirements.read_text()
        limits, excluded = self.out / "constraints.txt", self.out / "excluded.txt"
        limits.write_text(constraints(before))
        excluded.write_text("\n".join(others(before)) + "\n")
        mended = self.out / "requirements.txt"
        flags = ["--excludes", str(excluded), "--requirements", str(mended)]
        if "--hash=" in text:
            # Every version is pinned already, and a constraint without a hash would not be accepted beside it.
            if conflicts := clashes(pinned(text), before):
                raise Refused(refusal(source, conflicts, before))
            mended.write_text(without(text, others(before)))
            # A lock is complete; what it left to the image is no longer in it.
            command = self.pip("--require-hashes", *(["--no-deps"] if requirements.name == LOCKED else []), *flags)
        else:
            mended.write_text(renamed(text, before))
            # TensorFlow itself is asked for too: only so do its own limits (protobuf, NumPy) bind what is installed.
            command = self.pip("--constraints", str(limits), *flags, f"{owner(before)}=={before[owner(before)]}")

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
            raise Refused(self._explain(flags, source, before, outcome))
        clock = time.monotonic()
        bytecode.write(intact.arrived(image))
        step.extend(self.out / "run.json", time.monotonic() - clock, self.said)

    def _explain(self, flags: list[str], source: str, before: dict[str, str], outcome: step.Outcome) -> str:
        said = "\n".join(line for line in outcome.tail if line.strip())
        plan = self.ask(self.pip("--dry-run", *flags))
        if plan.returncode == 0 and (conflicts := clashes(planned(plan.stderr + plan.stdout), before)):
            return refusal(source, conflicts, before)
        return f"{source} cannot be installed beside the image's TensorFlow:\n{said}"


def asked(project: pathlib.Path, before: dict[str, str]) -> None:
    """Refuse a project that itself asks for another version of what the image decides; a lock may yield, this does not."""
    try:
        dependencies = tomllib.loads(project.read_text()).get("project", {}).get("dependencies", [])
        wanted = [Requirement(text) for text in dependencies]
    except (ValueError, TypeError, AttributeError) as error:
        raise Refused(f"{project.name} cannot be read: {error}") from error
    for one in wanted:
        name = canonical(one.name)
        there = owner(before) if name in TENSORFLOWS else name
        if there in held(before) and (one.marker is None or one.marker.evaluate({"extra": ""})) and not met(one, before):
            raise Refused(f"{project.name} asks for {one.name}{one.specifier}, and the image's {there} is {before[there]}: "
                          f"ask for a version that fits {before[there]}, or choose another image")


def prove(source: str, before: dict[str, str], known: Container[tuple[str, str]]) -> dict[str, str]:
    """Import TensorFlow, compare the held packages, and see that what was installed fits; an installer's status 0 says
    none of it. `known` are requirements that the image itself did not meet.
    """
    proof = subprocess.run([sys.executable, "-c", PROOF], capture_output=True, text=True,
                           env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"})
    if proof.returncode != 0:
        last = (proof.stderr.strip().splitlines() or ["no output"])[-1]
        raise Refused(f"after installing {source} TensorFlow cannot be imported any more: {last}")
    print(proof.stdout.strip(), flush=True)
    after = installed()
    lost = [(name, "nothing") for name in held(before) if name not in after]
    second = [(name, after[name]) for name in others(before) if name in after]
    if conflicts := lost + second + clashes(after, before):
        raise Refused(refusal(source, conflicts, before))
    fresh = {name for name, version in after.items() if before.get(name) != version}
    lacking = [text for key, text in sorted(unmet(fresh | held(after).keys()).items()) if key not in known]
    if lacking:
        raise Refused(f"{source} does not fit the image:\n" + "\n".join(lacking) +
                      "\nask for a version of the first that fits, or choose an image that holds the second")
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
        known = unmet(held(before).keys())
        installer.install(requirements, source, before)
        after = prove(source, before, known)
    except Refused as refused:
        return step.fail(str(refused))
    (options.out / "installed.json").write_text(json.dumps(after, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
