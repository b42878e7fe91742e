"""Print how many processors the programs of this container may use.

    python3 processors.py

That is what the scheduler allows, and at most what the control groups that can be seen from here give: 2.5 processors
count as 3. A limit set on the engine's own container from outside is not visible in a step.
"""

from __future__ import annotations

import math
import os
import pathlib
import sys


MOST_THREADS = 256  # that train.threads can ask for


def allowed() -> int:
    """The processors that the scheduler lets this process run on."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


def quotas(root: pathlib.Path, groups: str) -> list[float]:
    """The limits, in processors, of the control groups in a /proc/self/cgroup and of those above them."""
    found = []
    for line in groups.splitlines():
        _, controllers, path = line.split(":", 2)
        names = controllers.split(",")
        if not controllers:  # version 2
            base = root
        elif "cpu" in names:
            base = root / controllers if (root / controllers).is_dir() else root / "cpu"
        else:
            continue
        group = base / path.lstrip("/")
        for folder in (group, *group.parents):
            if (limit := quota(folder)) is not None:
                found.append(limit)
            if folder == base:
                break
    return found


def quota(folder: pathlib.Path) -> float | None:
    """The limit of one control group, in processors; None where it has none."""
    try:
        if (version2 := folder / "cpu.max").is_file():
            limit, period = version2.read_text().split()
        else:
            limit, period = ((folder / name).read_text().strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
        if limit == "max" or int(limit) <= 0 or int(period) <= 0:
            return None
        return int(limit) / int(period)
    except (OSError, ValueError):
        return None


def usable(scheduled: int, limits: list[float]) -> int:
    """A whole number of processors, 1 or more."""
    return max(1, min([scheduled, *(math.ceil(limit) for limit in limits)]))


def count() -> int:
    """How many processors this process may use."""
    try:
        groups = pathlib.Path("/proc/self/cgroup").read_text()
    except OSError:
        groups = ""
    return usable(allowed(), quotas(pathlib.Path("/sys/fs/cgroup"), groups))


if __name__ == "__main__":
    print(count())
    sys.exit(0)
