"""Train: run the project's script under the line's contract, and say plainly what it did not keep.

    python3 launch.py --script train.py --data DIR --out DIR --seed 7 --mode host --limit 3600 -- --epochs 50

The script is called as `python SCRIPT --data-path DIR --model-dir DIR ARGUMENT...`; `--log-dir` and `--checkpoint-dir`
are added when the project's code mentions them. It must leave a SavedModel in the model directory, or a Keras model that
export.py makes one of. OUT then holds
`model/`, `logs/`, `run.json` (the step's record) and `training.json` (what the lineage needs: processor, threads).

What lies in the checkpoint folder when a run starts is from one of the same inputs that was interrupted. A run that ends
well empties the folder; so does one whose script fails by itself without having come any further, as it would do again.

With --worker HOST:PORT, once for each, the script runs on those workers (worker.py) at the same time. This one is then
worker 0, the chief: what it leaves is the model, and the first of all to fail ends the others.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import threading

import export
import memory
import processors
import step

HERE = pathlib.Path(__file__).parent
EXPORT_HINT = "call model.export(model_dir), which writes the SavedModel that TensorFlow Serving loads"


def optional_flags(root: pathlib.Path, out: pathlib.Path, checkpoints: pathlib.Path | None) -> list[str]:
    """Flags that are passed only to a project whose own code names them."""
    wanted = {"--log-dir": out / "logs"}
    if checkpoints is not None:
        wanted["--checkpoint-dir"] = checkpoints
    code = "\n".join(path.read_text(errors="replace") for path in root.rglob("*.py") if path.is_file())
    flags: list[str] = []
    for flag, directory in wanted.items():
        if re.search(re.escape(flag) + r"\b", code):
            flags += [flag, str(directory)]
    return flags


def complaint(script: str, outcome: step.Outcome, limit: float, most: int) -> str | None:
    """What to tell about a script that did not end well; None when it did."""
    if outcome.timed_out:
        return (f"{script} was stopped after {limit:g} s, the limit in train.time-limit: "
                "raise the limit, or look in the log above for where it hangs")
    if outcome.memory:
        return (f"{script} was stopped when it held {memory.amount(outcome.memory)} of memory, above {memory.amount(most)}, the limit in "
                "train.memory: use smaller batches, read the data in parts, or raise the limit")
    if outcome.status == -signal.SIGKILL:
        return (f"{script} was killed (signal 9), most often because memory ran out: use smaller batches or a larger machine; "
                "with train.memory, such as 8GiB, it is stopped before the machine suffers")
    if outcome.status < 0:
        return f"{script} was ended by signal {-outcome.status} ({signal.Signals(-outcome.status).name})"
    if outcome.status == 0:
        return None
    message = f"{script} exited with status {outcome.status}"
    text = "\n".join(outcome.tail)
    if "Invalid filepath extension for saving" in text or "`save_format` argument is deprecated" in text:
        message += f"; Keras 3 no longer saves a SavedModel by model.save: {EXPORT_HINT}"
    elif "PerReplica" in text or "Invalid reduction dimension 0 for input with 0 dimensions" in text:
        message += ("; Keras 3's fit does not run under MultiWorkerMirroredStrategy: "
                    "use a custom training loop, or the tf-keras package (import tf_keras)")
    return message


def missing_model(script: str, model: pathlib.Path) -> str | None:
    """Why the model directory holds no SavedModel; None when it does."""
    if (model / "saved_model.pb").is_file():
        return None
    files = sorted(path.relative_to(model) for path in model.rglob("*") if path.is_file())
    for path in files:
        if path.name == "saved_model.pb":
            return (f"{script} wrote its SavedModel into the subfolder {path.parent}: "
                    "export into --model-dir itself, the line adds the version directory when it publishes")
        if path.suffix in (".keras", ".h5"):
            return f"{script} saved {path}, a Keras file and not a SavedModel: {EXPORT_HINT}"
    left = "nothing" if not files else ", ".join(str(path) for path in files[:5])
    return f"{script} ended with status 0 but left no SavedModel in --model-dir (it left {left}): {EXPORT_HINT}"


class Checkpoints:
    """The folder that outlives a run which is killed; without one there is nothing to go on from."""

    def __init__(self, folder: pathlib.Path | None) -> None:
        self.folder = folder
        self.before = self._files()
        self.resumed = bool(self.before)

    def stuck(self) -> bool:
        """Whether a resumed run has left everything as it found it."""
        return self.resumed and self._files() == self.before

    def clear(self) -> None:
        for path in self.folder.iterdir() if self.folder else ():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _files(self) -> dict[pathlib.Path, int]:
        """Every file and when it was written, in nanoseconds."""
        found = self.folder.rglob("*") if self.folder else ()
        return {path: path.stat().st_mtime_ns for path in found if path.is_file()}


def processor() -> dict[str, object]:
    """The processor's model and flags: equal weights are promised for one class of processor, so they are recorded."""
    facts: dict[str, object] = {"model": "unknown", "flags": []}
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                facts["model"] = value.strip()
            elif key.strip() in ("flags", "Features"):
                wanted = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "asimd", "sve")
                facts["flags"] = [flag for flag in wanted if flag in value.split()]
                break
    except OSError:
        pass
    return facts


def gpus() -> list[str]:
    """The cards that this container was given, as the driver names them."""
    smi = shutil.which("nvidia-smi")
    if smi is None:
        return []
    listed = subprocess.run([smi, "-L"], capture_output=True, text=True, timeout=60)
    return [line.strip() for line in listed.stdout.splitlines() if line.startswith("GPU ")]


def notes(mode: str, threads: str | None, usable: int, workers: int) -> list[str]:
    """What a person may not know of how this training runs, a sentence each."""
    said = []
    if mode == "seeded":
        said.append("train.reproducible is seeded: operations are not made deterministic, so that two trainings can differ; "
                    "train.reproducible: host makes them so, and can be slower on GPUs")
    # Workers share the machine. In mode portable one thread is what was asked for.
    if mode in ("host", "seeded") and threads and threads.isdecimal() and 0 < int(threads) < min(processors.MOST_THREADS, usable // workers):
        said.append(f"train.threads is {threads} of {usable} processors: set train.threads: auto to use all; "
                    "the model's last bits then depend on the number")
    return said


def run(options: argparse.Namespace, seeded: list[str], stop: threading.Event | None = None) -> step.Outcome:
    """Run the script through seeded.py, which takes these arguments."""
    command = [sys.executable, str(HERE / "seeded.py"), *seeded]
    return step.run("train", command, limit=options.limit, record=options.out / "run.json", stop=stop, most=options.memory)


def run_with_workers(options: argparse.Namespace, seeded: list[str]) -> tuple[str, step.Outcome]:
    """Run the script on all workers; say whose run decided the end, and how it ended.

    Raises ConnectionError, with the worker's number, when one cannot be reached or is lost.
    """
    import workers  # not above: a training without workers is to stay the same when that file changes

    with workers.Crew(options.worker) as crew:
        os.environ["TF_CONFIG"] = crew.config(0)
        crew.start(seeded, options.memory)
        outcome = run(options, seeded, crew.failed)
        if outcome.status == 0:
            crew.wait(max(0.0, options.limit - outcome.seconds))
        failure = crew.failure
    if failure is None:
        return f"{options.script} on worker 0, the chief,", outcome
    if failure.outcome is None:
        raise ConnectionError(f"worker {failure.index} was lost while it ran {options.script}: the connection to its container broke")
    return f"{options.script} on worker {failure.index}", failure.outcome


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--script", required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--checkpoints", type=pathlib.Path)
    parser.add_argument("--worker", action="append", default=[], metavar="HOST:PORT")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--mode", choices=("off", "seeded", "host", "portable"), required=True)
    parser.add_argument("--limit", type=float, required=True, help="seconds")
    parser.add_argument("--memory", type=int, default=0, help="bytes that the script may hold, with what it starts; 0 for no limit")
    parser.add_argument("rest", nargs="*")
    options = parser.parse_args(arguments)

    model = options.out / "model"
    for directory in (model, options.out / "logs"):
        directory.mkdir(parents=True)
    told = notes(options.mode, os.environ.get("TF_NUM_INTRAOP_THREADS"), processors.count(), 1 + len(options.worker))
    for note in told:
        print("note: " + note, flush=True)
    checkpoints = Checkpoints(options.checkpoints)
    if checkpoints.resumed:
        print("a checkpoint of an earlier, interrupted run is there: the script may go on from it", flush=True)
    flags = optional_flags(pathlib.Path.cwd(), options.out, options.checkpoints)
    seeded = [str(options.seed), options.mode, options.script, "--data-path", options.data, "--model-dir", str(model), *flags, *options.rest]
    who = options.script
    try:
        if options.worker:
            who, outcome = run_with_workers(options, seeded)
        else:
            outcome = run(options, seeded)
    except ConnectionError as error:
        return step.fail(str(error), 1)
    if message := complaint(who, outcome, options.limit, options.memory):
        if outcome.status > 0 and not outcome.timed_out and checkpoints.stuck():
            checkpoints.clear()
            message += "; it had gone on from a checkpoint of an interrupted run, which is removed: the next run begins anew"
        return step.fail(message, step.TIMED_OUT if outcome.timed_out else 1)
    try:
        exported_by = export.take_over(model, options.out / "handed-over", options.script, options.limit)
    except export.Refused as refused:
        return step.fail(f"{options.script} left no SavedModel, and what it left cannot be made into one: {refused}")
    if message := missing_model(options.script, model):
        return step.fail(message)
    checkpoints.clear()
    (options.out / "training.json").write_text(json.dumps({
        "exportedBy": exported_by,
        "gpus": gpus(),
        "notes": told,
        "processor": processor(),
        "resumed": checkpoints.resumed,
        "threads": {name: os.environ[name] for name in sorted(os.environ) if name.startswith("TF_NUM_")},
    }, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
