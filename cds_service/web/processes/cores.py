"""Cores: how many this program may use."""

import math
import os
from contextlib import suppress
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of a container: microseconds in a period, or `max`


def count_cores(quota: Path = _QUOTA) -> int:
    """The cores that this process may use: what it is bound to, and what its container is given.

    Containers are given time and not cores: on a machine of 64 one with two cores' worth of time
    still sees 64.
    """
    bound = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError, ZeroDivisionError):  # no such file, or no limit in it
        given, period = quota.read_text("ascii").split()
        return max(1, min(bound, math.ceil(int(given) / int(period))))
    return bound
