"""Tests of processors.py: the scheduler's word and that of the control groups, of both versions."""

import os
import pathlib
import subprocess
import sys

import processors
import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.parametrize(("groups", "files", "want"), [
    ("0::/\n", {"cpu.max": "max 100000\n"}, []),
    ("0::/\n", {"cpu.max": "250000 100000\n"}, [2.5]),
    ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "400000 100000\n"}, [4.0]),
    ("0::/a/b\n", {"a/b/cpu.max": "100000 100000\n", "a/cpu.max": "400000 100000\n"}, [1.0, 4.0]),
    ("0::/\n", {}, []),
    ("0::/\n", {"cpu.max": "nonsense"}, []),
    ("0::/../../outside\n", {"cpu.max": "200000 100000\n"}, [2.0]),
    ("3:memory:/x\n2:cpu,cpuacct:/x\n", {"cpu,cpuacct/x/cpu.cfs_quota_us": "150000\n", "cpu,cpuacct/x/cpu.cfs_period_us": "100000\n"}, [1.5]),
    ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, []),
    ("", {}, []),
])
def test_reads_the_control_groups(tmp_path: pathlib.Path, groups: str, files: dict[str, str], want: list[float]) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert processors.quotas(tmp_path, groups) == want


@pytest.mark.parametrize(("scheduled", "limits", "want"), [(8, [], 8), (8, [2.5], 3), (8, [2.0, 1.5], 2), (2, [16.0], 2), (4, [0.1], 1), (0, [], 1)])
def test_the_least_counts(scheduled: int, limits: list[float], want: int) -> None:
    assert processors.usable(scheduled, limits) == want


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the scheduler cannot be told")
def test_counts_what_the_scheduler_allows() -> None:
    one = sorted(os.sched_getaffinity(0))[:1]
    ran = subprocess.run([sys.executable, str(HERE / "processors.py")], capture_output=True, text=True, check=True,
                         preexec_fn=lambda: os.sched_setaffinity(0, one))
    assert ran.stdout == "1\n"
