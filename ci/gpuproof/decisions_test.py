"""Tests of what needs no card: times, measurements, and what is made of answers. Run by proof_test.go."""

from __future__ import annotations

import argparse
import array
import json
import pathlib
import sys
import tempfile
import time
import unittest

import child
import driver
import libcuda
import measure
import proof
import stages
import workload


class Texts(unittest.TestCase):
    def test_duration(self) -> None:
        for text, seconds in {"8m": 480, "8m0s": 480, "1m30s": 90, "90s": 90, "90": 90, "1.5s": 1.5}.items():
            self.assertEqual(proof.duration(text), seconds, text)
        for text in ("", "8h", "soon", "-1s", "0s", "s", "m"):
            with self.assertRaises(argparse.ArgumentTypeError, msg=text):
                proof.duration(text)

    def test_driver_version(self) -> None:
        opened = (
            "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (archive@x)  Tue\n"
            "GCC version:  gcc version 13.3.0 (Ubuntu)"
        )
        self.assertEqual(driver.driver_version([opened]), "580.159.04")
        self.assertEqual(driver.driver_version(["", "535.54.03\n"]), "535.54.03")
        self.assertEqual(driver.driver_version(["nothing of use"]), "")

    def test_last_words(self) -> None:
        for stdout, stderr, want in (
            ("a\n", "error: the first\nerror: the second\ntrace\n", "the first"),
            ("a\n", "b\n\n", "b"),
            ("", "", "nothing, status 3"),
        ):
            self.assertEqual(child.Done(3, False, stdout, stderr).last(), want)


class Cards(unittest.TestCase):
    def test_target(self) -> None:
        for capability, name in ((100, "sm_75"), (90, "sm_75"), (75, "sm_75"), (70, "sm_70"), (52, "sm_50")):
            self.assertIn(f".target {name}\n", libcuda.target(capability))
        with self.assertRaisesRegex(libcuda.Failed, "3.5: too old"):
            libcuda.target(35)

    def test_ground_is_the_loop_of_the_kernel(self) -> None:
        want = array.array("I")
        for value in range(5):
            for _ in range(37):
                value = (value * 1664525 + 1013904223) % 2**32
            want.append(value)
        self.assertEqual(libcuda.ground(37, 5), want)

    def test_same(self) -> None:
        driver.same("axpy", array.array("f", [1, 2]), array.array("f", [1, 2]))
        with self.assertRaisesRegex(libcuda.Failed, "axpy left 1 of 2 values wrong, the first at 1: nan, want 2.0"):
            driver.same("axpy", array.array("f", [1, float("nan")]), array.array("f", [1, 2]))

    def test_calibrated(self) -> None:
        self.assertEqual(workload.calibrated(0.0025, 1000), 2000)
        self.assertEqual(workload.calibrated(0.0, 1000), workload.MOST_ROUNDS)
        self.assertEqual(workload.calibrated(600.0, 1000), 1)


class Measurements(unittest.TestCase):
    def test_pairs_are_turned_about(self) -> None:
        order: list[str] = []
        seconds = {"bare": 0.010, "launcher": 0.0105}

        def measured(way: str, number: int) -> list[float]:
            order.append(f"{way}{number}")
            return [9.0, seconds[way], 0.0]

        saved: list[dict] = []
        figures = measure.paired(measured, ("bare", "launcher"), 2, lambda: 100.0, saved.append)
        self.assertEqual(order, ["bare0", "launcher0", "launcher1", "bare1"])
        self.assertEqual((figures["ratio"], figures["pairs"], len(saved)), (1.05, 2, 2))
        with self.assertRaisesRegex(measure.Failed, "the middle of 2 ratios is 1.05, above 1.01"):
            measure.judged(figures, 1.01)
        measure.judged(figures, 1.05)

    def test_no_pair_is_begun_without_time_for_it(self) -> None:
        figures = measure.paired(
            lambda way, number: time.sleep(0.01) or [1.0], ("a", "b"), 5, lambda: 0.001, lambda _: None
        )
        self.assertEqual(figures["pairs"], 1)

    def test_a_figure_that_is_no_number_does_not_pass(self) -> None:
        with self.assertRaises(measure.Failed):
            measure.judged({"ratio": float("nan"), "pairs": 1, "ratios": [float("nan")]}, 1.01)


class Runs(unittest.TestCase):
    def test_a_program_that_hangs_is_ended(self) -> None:
        began = time.monotonic()
        done = child.Children(began + 0.5).run(
            [sys.executable, "-c", "import time; print('here', flush=True); time.sleep(60)"]
        )
        self.assertTrue(done.timed_out)
        self.assertEqual(done.stdout, "here\n")
        self.assertLess(time.monotonic() - began, 20)

    def test_a_program_that_is_not_there(self) -> None:
        done = child.Children(time.monotonic() + 5).run(["/no/such/program"])
        self.assertEqual(done.status, 127)
        self.assertIn("/no/such/program cannot be run", done.last())

    def proved(self, runs: dict, *arguments: str) -> tuple[bool, dict]:
        """Run stages that do as they are told; return the verdict and the file."""
        kept, stages.ALL = stages.ALL, tuple(stages.Stage(name, name, "nothing", 5, run) for name, run in runs.items())
        try:
            with tempfile.TemporaryDirectory() as folder:
                file = pathlib.Path(folder) / "out.json"
                options = argparse.Namespace(
                    stage=None, limit=60.0, json=file, python=sys.executable, wheels=None, dagger="dagger", libcuda=""
                )
                passed = proof.prove(options, pathlib.Path(folder))
                return passed, json.loads(file.read_text())
        finally:
            stages.ALL = kept

    def test_verdicts(self) -> None:
        def fails(_: stages.Place) -> None:
            raise measure.Failed("it is broken")

        def left_out(_: stages.Place) -> None:
            raise stages.LeftOut("it needs a hat")

        def breaks(_: stages.Place) -> None:
            raise KeyError("gpus")

        def holds(place: stages.Place) -> None:
            place.note(figure=1)

        for runs, passed, verdicts in (
            ({"driver": holds, "b": left_out}, True, ["passed", "left out"]),
            ({"driver": holds, "b": fails, "c": holds}, False, ["passed", "failed", "passed"]),
            ({"driver": fails, "b": holds}, False, ["failed", "not run"]),
            ({"b": left_out}, False, ["left out"]),
            ({"driver": holds, "b": breaks}, False, ["passed", "failed"]),
        ):
            got, report = self.proved(runs)
            self.assertEqual((got, [one["verdict"] for one in report["stages"]]), (passed, verdicts))
            self.assertEqual((report["passed"], report["finished"]), (passed, True))


class StandIn(stages.Place):
    """A place with a TensorFlow that lists a card, where a training leaves what it is told to."""

    def __init__(self, folder: pathlib.Path, *, gpus: list[str], digests: list[str], peak: int = 1) -> None:
        options = argparse.Namespace(python=sys.executable, wheels=None, libcuda="")
        known = {"tensorflow": "2.16.2", "build": {"cudnn_version": "8"}, "gpus": gpus}
        super().__init__(options, child.Children(time.monotonic() + 60), folder, {}, lambda: None, known)
        self.digests, self.peak = iter(digests), peak

    def launcher(self, script, mode, cwd, out, *arguments, data=None, **environment) -> child.Done:  # noqa: ANN001
        out.mkdir()
        if script.name == "observe.py":
            (out / "run.json").write_text('{"seconds": 1.0}')
            (out / "training.json").write_text('{"gpus": ["GPU 0: Stand-in"]}')
            pathlib.Path(environment["GPU_PROOF_OBSERVED"]).write_text(str(self.peak))
        else:
            seconds = [0.002 if mode == "host" else 0.001]
            record = {"seconds": seconds, "digest": next(self.digests), "right": self.peak > 0}
            (cwd / "record.json").write_text(json.dumps(record))
        return child.Done(0, False, "", "")


class WithTensorFlow(unittest.TestCase):
    def run_stage(self, stage, **arguments) -> dict:  # noqa: ANN001
        with tempfile.TemporaryDirectory() as folder:
            place = StandIn(pathlib.Path(folder), **{"gpus": ["GPU:0"], "digests": [], **arguments})
            stage(place)
            return place.figures

    def test_tensorflow_must_list_the_card(self) -> None:
        self.assertEqual(self.run_stage(stages.prove_tensorflow)["listed"], "GPU:0")
        with self.assertRaisesRegex(measure.Failed, "lists no GPU though the driver does"):
            self.run_stage(stages.prove_tensorflow, gpus=[])

    def test_trainings_in_mode_host_must_be_equal(self) -> None:
        # The order is seeded, host, host, seeded.
        figures = self.run_stage(stages.prove_determinism, digests=["a", "b", "b", "c"])
        self.assertEqual((figures["hostEqual"], figures["seededEqual"], figures["costRatio"]), (True, False, 2.0))
        with self.assertRaisesRegex(measure.Failed, "two trainings gave other weights: b, c"):
            self.run_stage(stages.prove_determinism, digests=["a", "b", "c", "a"])
        with self.assertRaisesRegex(measure.Failed, "not computed on the card, or wrongly"):
            self.run_stage(stages.prove_determinism, digests=["a"] * 4, peak=0)
        with self.assertRaisesRegex(stages.LeftOut, "a TensorFlow that lists a GPU"):
            self.run_stage(stages.prove_determinism, gpus=[])

    def test_the_sample_must_use_the_card(self) -> None:
        kept, child.Children.run = child.Children.run, lambda *_, **__: child.Done(0, False, "", "")
        try:
            self.assertEqual(self.run_stage(stages.prove_train)["peakBytes"], 1)
            with self.assertRaisesRegex(measure.Failed, "nothing of it on the card"):
                self.run_stage(stages.prove_train, peak=0)
        finally:
            child.Children.run = kept


if __name__ == "__main__":
    unittest.main()
