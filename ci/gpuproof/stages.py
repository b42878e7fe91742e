"""The stages of the proof, in their order: what each proves, what it needs, and how."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import sys
from collections.abc import Callable
from typing import Any

import driver
from child import Children, Done
from measure import Failed, judged, paired

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCRIPTS = ROOT / "scripts"
FIRST = "driver"
LEAST_SECONDS = 5.0
MOST_RATIO = 1.01  # of a step in the launcher to the same step alone
KERNEL_PAIRS, TENSORFLOW_PAIRS = 7, 3
EPOCHS = "5"
HIDDEN_CARD = {"CUDA_VISIBLE_DEVICES": "-1"}
# The driver may use neither the machine code in a program nor compile its PTX: no kernel is left that could run.
NO_KERNELS = {"CUDA_FORCE_PTX_JIT": "1", "CUDA_DISABLE_PTX_JIT": "1"}
GPU_SUPPORT = "_EXPERIMENTAL_DAGGER_GPU_SUPPORT"


class LeftOut(Exception):
    """The stage needs what is not here; the text says what."""


@dataclasses.dataclass
class Place:
    """What a stage works with."""

    options: argparse.Namespace
    children: Children
    folder: pathlib.Path  # for what is not kept
    figures: dict[str, Any]
    save: Callable[[], None]
    known: dict[str, Any]  # what is known of TensorFlow, for all stages

    def note(self, **figures: Any) -> None:
        """Add figures to the results, at once."""
        self.figures.update(figures)
        self.save()

    def python(
        self, program: pathlib.Path, *arguments: str, cwd: pathlib.Path | None = None, **environment: str
    ) -> Done:
        """Run a Python program with the Python that has TensorFlow, if there is one."""
        found = {**self.environment(), **environment}
        return self.children.run([self.options.python, str(program), *arguments], cwd, **found)

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join((os.environ.get("PATH", ""), driver.SMI_FOLDER))
        site = self.folder / "site"
        return {"PATH": path, **({"PYTHONPATH": str(site)} if site.is_dir() else {})}

    def card(self, **environment: str) -> dict[str, Any]:
        """What driver.py says of the cards."""
        done = self.children.run(
            [sys.executable, str(HERE / "driver.py"), "--libcuda", self.options.libcuda], **environment
        )
        if done.timed_out:
            raise Failed("the driver gave no answer in time: it hangs; run nvidia-smi, look at dmesg")
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError:
            raise Failed(
                f"the driver ended the program that looked at it (status {done.status}): {done.last()}"
            ) from None

    def launcher(
        self,
        script: pathlib.Path,
        mode: str,
        cwd: pathlib.Path,
        out: pathlib.Path,
        *arguments: str,
        data: pathlib.Path | None = None,
        **environment: str,
    ) -> Done:
        """Run a script as the pipeline does."""
        return self.python(
            SCRIPTS / "launch.py",
            "--script",
            str(script),
            "--data",
            str(data or cwd),
            "--out",
            str(out),
            "--seed",
            "7",
            "--mode",
            mode,
            "--limit",
            str(max(1, int(self.children.left()))),
            "--",
            *arguments,
            cwd=cwd,
            **environment,
        )


def prove_driver(place: Place) -> None:
    seen = place.card()
    facts = seen["facts"]
    place.note(**facts)
    if not seen["passed"]:
        raise Failed(seen["reason"])
    first = facts["cards"][0]
    place.note(card=first["name"], count=len(facts["cards"]), memoryGiB=round(first["memory"] / 2**30, 1))


def look(place: Place) -> dict[str, Any]:
    """What TensorFlow is here, asked once; `missing` says why there is none of use."""
    if not place.known:
        place.known.update(_look(place))
    return place.known


def _look(place: Place) -> dict[str, Any]:
    python, wheels = place.options.python, place.options.wheels
    if wheels is not None:
        files = sorted(str(path) for path in wheels.glob("*.whl"))
        installed = place.children.run(
            [
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-index",
                "--no-deps",
                "--no-compile",
                "--target",
                str(place.folder / "site"),
                *files,
            ]
        )
        if installed.status:
            return {"missing": f"the wheels in {wheels} cannot be installed: {installed.last()}"}
    done = place.python(HERE / "tfworkload.py", "--look")
    if done.status:
        return {
            "missing": f"{python} cannot import TensorFlow: {'no answer in time' if done.timed_out else done.last()}"
        }
    found = json.loads(done.stdout.splitlines()[-1])
    if not found["builtWithCuda"]:
        found["missing"] = f"the TensorFlow {found['tensorflow']} of {python} has no CUDA in it"
    return found


def tensorflow(place: Place) -> dict[str, Any]:
    """What TensorFlow is here; raises LeftOut where there is none with CUDA."""
    found = look(place)
    if "missing" in found:
        raise LeftOut(
            f"it needs a TensorFlow with CUDA: {found['missing']}; name another with --python, "
            "or a folder with --wheels"
        )
    return found


def prove_tensorflow(place: Place) -> None:
    found = tensorflow(place)
    place.note(**found)
    if not found["gpus"]:
        raise Failed(
            f"TensorFlow {found['tensorflow']}, built for {found['build']}, lists no GPU though the driver does: "
            "its CUDA libraries are not there or do not fit; scripts/gpucheck.py says more"
        )
    place.note(listed=", ".join(found["gpus"]))


def prove_check(place: Place) -> None:
    """gpu-check holds with the card, and each of its steps fails where the card is hidden from it."""
    if driver.smi_path() is None:
        raise LeftOut("it needs nvidia-smi, which is neither on the PATH nor in " + driver.SMI_FOLDER)
    hidden = place.card(**HIDDEN_CARD)
    _want(
        place,
        "driver, CUDA_VISIBLE_DEVICES=-1",
        "refused" if not hidden["passed"] else "accepted",
        "refused",
        hidden["reason"],
    )
    empty = place.folder / "empty"
    empty.mkdir(exist_ok=True)
    _checked(place, "no nvidia-smi", 1, PATH=str(empty))
    try:
        tensorflow(place)
    except LeftOut as left_out:
        # The driver's step holds and the next one does not: that is all that can be seen without TensorFlow.
        _checked(place, "nvidia-smi, no TensorFlow with CUDA", 2)
        place.note(leftOut=f"steps 2 and 3: {left_out}")
        return
    _checked(place, "with the card", None)
    _checked(place, "CUDA_VISIBLE_DEVICES=-1", 2, **HIDDEN_CARD)
    try:
        _checked(place, "no kernel can be loaded", 3, **NO_KERNELS)
    except Failed as failed:
        # Libraries can hold kernels in a form that these variables do not reach: then this shows nothing.
        place.note(leftOut=f"step 3 failing: {failed}")


def _checked(place: Place, case: str, step: int | None, **environment: str) -> None:
    """Run gpu-check once; raises Failed unless it stops at that step (None: passes)."""
    out = place.folder / "gpu.json"
    out.unlink(missing_ok=True)
    done = place.python(SCRIPTS / "gpucheck.py", "--out", str(out), **environment)
    if not out.exists():
        raise Failed(f"gpu-check, {case}: it left no report: {'no time was left' if done.timed_out else done.last()}")
    report = json.loads(out.read_text())
    got = "passes" if report["passed"] else f"stops at step {report['failedStep']}"
    _want(
        place,
        f"gpu-check, {case}",
        got,
        "passes" if step is None else f"stops at step {step}",
        (report["reason"] or "").split("\n")[0],
    )


def _want(place: Place, case: str, got: str, want: str, said: str) -> None:
    place.note(**{case: got})
    if got != want:
        raise Failed(f"{case}: it is to be '{want}' and is '{got}'; it said: {said or 'nothing'}")


def prove_train(place: Place) -> None:
    """The sample project trains on the card, in the pipeline's launcher."""
    needs_cards(place)
    project, out, observed = place.folder / "phishing", place.folder / "trained", place.folder / "observed"
    shutil.copytree(ROOT / "testdata" / "phishing", project, dirs_exist_ok=True)
    shutil.copy(HERE / "observe.py", project)
    missing = place.children.run(
        [
            place.options.python,
            "-c",
            "import importlib.util as u\nprint(*[n for n in ('keras', 'pandas', 'sklearn') if u.find_spec(n) is None])",
        ],
        **place.environment(),
    )
    if missing.stdout.strip():
        raise LeftOut(f"it needs the sample's packages, and {place.options.python} lacks {missing.stdout.strip()}")
    done = place.launcher(
        pathlib.Path("observe.py"),
        "seeded",
        project,
        out,
        "--epochs",
        EPOCHS,
        data=project / "data",
        GPU_PROOF_OBSERVED=str(observed),
    )
    if done.status:
        raise Failed(f"the sample's training ended with status {done.status}: {done.last()}")
    ran, told = (json.loads((out / name).read_text()) for name in ("run.json", "training.json"))
    peak = int(observed.read_text())
    place.note(seconds=ran["seconds"], epochs=int(EPOCHS), cards=", ".join(told["gpus"]), peakBytes=peak)
    if peak <= 0:
        raise Failed("the sample was trained, and nothing of it on the card: TensorFlow used none of its memory")


def prove_speed(place: Place) -> None:
    """A step takes as long in the launcher as alone."""
    found = look(place)
    if "missing" not in found and found["gpus"]:
        program, arguments, pairs = HERE / "tfworkload.py", [], TENSORFLOW_PAIRS
        place.note(workload="a convolutional network in TensorFlow")
    else:
        program, arguments, pairs = HERE / "workload.py", ["--libcuda", place.options.libcuda], KERNEL_PAIRS
        place.note(workload="a kernel through the driver's API, since there is no TensorFlow with a GPU")
        trial = place.python(program, *arguments)
        if trial.status:
            raise (Failed if trial.timed_out else LeftOut)(f"it needs a card that computes: {trial.last()}")
        arguments += ["--rounds", trial.stdout.strip()]

    def measured(way: str, number: int) -> list[float]:
        work = place.folder / f"{program.stem}-{way}-{number}"
        work.mkdir(parents=True)
        flags = [*arguments, "--record", str(work / "record.json")]
        if way == "bare":
            done = place.python(program, "--data-path", str(work), "--model-dir", str(work / "model"), *flags, cwd=work)
        else:
            done = place.launcher(program, "off", work, work / "out", *flags)
        return recorded(work, done, way)["seconds"]

    figures = paired(measured, ("bare", "launcher"), pairs, place.children.left, lambda so_far: place.note(**so_far))
    judged(figures, MOST_RATIO)


def recorded(work: pathlib.Path, done: Done, way: str) -> dict[str, Any]:
    """What a workload wrote; raises Failed where it did not come to that, or where the card's values are wrong."""
    if done.status or done.timed_out:
        raise Failed(f"the workload ({way}) did not end: " + ("no time was left" if done.timed_out else done.last()))
    record = json.loads((work / "record.json").read_text())
    if not record["right"]:
        raise Failed(f"the workload ({way}) was not computed on the card, or wrongly")
    return record


def needs_cards(place: Place) -> None:
    if not tensorflow(place)["gpus"]:
        raise LeftOut("it needs a TensorFlow that lists a GPU")


def prove_determinism(place: Place) -> None:
    """With train.reproducible host two trainings end with equal weights; what that costs."""
    needs_cards(place)
    digests: dict[str, list[str]] = {"seeded": [], "host": []}

    def measured(mode: str, number: int) -> list[float]:
        work = place.folder / f"deterministic-{mode}-{number}"
        work.mkdir(parents=True)
        done = place.launcher(HERE / "tfworkload.py", mode, work, work / "out", "--record", str(work / "record.json"))
        record = recorded(work, done, mode)
        digests[mode].append(record["digest"])
        return record["seconds"]

    figures = paired(measured, ("seeded", "host"), 2, place.children.left, lambda so_far: place.note(**so_far))
    equal = {mode: len(set(found)) == 1 for mode, found in digests.items()}
    place.note(digests=digests, hostEqual=equal["host"], seededEqual=equal["seeded"], costRatio=figures["ratio"])
    if not equal["host"]:
        named = ", ".join(one[:12] for one in digests["host"])
        raise Failed(f"with train.reproducible host two trainings gave other weights: {named}")


def prove_pipeline(place: Place) -> None:
    """The module's gpu-check passes on a Dagger engine with GPUs."""
    docker = place.children.run(["docker", "version", "--format", "{{.Server.Version}}"])
    if docker.status and not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST"):
        raise LeftOut(f"it needs Docker with NVIDIA's container toolkit, or an engine: {docker.last()}")
    version = place.children.run([place.options.dagger, "version"])
    if version.status:
        raise LeftOut(f"it needs the Dagger CLI (--dagger): {version.last()}")
    if not os.environ.get(GPU_SUPPORT) and not os.environ.get("_EXPERIMENTAL_DAGGER_RUNNER_HOST"):
        raise LeftOut(f"it needs an engine with GPUs: set {GPU_SUPPORT}=1 before the engine is started")
    place.note(docker=docker.stdout.strip(), dagger=version.stdout.strip())
    done = place.children.run(
        [
            place.options.dagger,
            "--progress=plain",
            "call",
            "-m",
            str(ROOT),
            "--source",
            str(ROOT / "testdata" / "phishing"),
            "--gpus",
            "all",
            "gpu-check",
            "contents",
        ]
    )
    if done.status:
        raise Failed("gpu-check on the engine: " + ("no time was left" if done.timed_out else done.last()))
    place.note(report=json.loads(done.stdout))


@dataclasses.dataclass(frozen=True)
class Stage:
    """One part of the proof."""

    name: str
    proves: str
    needs: str
    seconds: float  # at most
    run: Callable[[Place], None]


ALL = (
    Stage(
        FIRST,
        "the driver shows a card, and a kernel on it gives the right values",
        "an NVIDIA driver: device files and libcuda",
        60,
        prove_driver,
    ),
    Stage("tensorflow", "TensorFlow lists the card", "a TensorFlow with CUDA", 160, prove_tensorflow),
    Stage(
        "check",
        "gpu-check passes with the card and stops where it is hidden",
        "nvidia-smi, and for two of its steps a TensorFlow with CUDA",
        120,
        prove_check,
    ),
    Stage(
        "speed",
        f"a step in the pipeline's launcher takes at most {MOST_RATIO} times as long as alone",
        "a card",
        150,
        prove_speed,
    ),
    Stage(
        "determinism", "two trainings are equal, and what that costs", "a TensorFlow with CUDA", 120, prove_determinism
    ),
    Stage(
        "train", "the sample project trains on the card", "a TensorFlow with CUDA, pandas, scikit-learn", 90, prove_train
    ),
    Stage(
        "pipeline",
        "the same gpu-check on a Dagger engine",
        "Docker with NVIDIA's container toolkit, the Dagger CLI, images",
        300,
        prove_pipeline,
    ),
)
