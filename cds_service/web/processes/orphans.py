"""Orphans: processes that fall to this one without being its own.

To process 1 of a container fall all whose parent has died: workers of a lost generation, and
whatever was started in the container. Once ended they stay in the table of processes until their
parent asks after them.
"""

import os
from collections.abc import Container
from contextlib import suppress


def reap_orphans(own: Container[int]) -> None:
    """Let go of children that have ended, but for our `own`, whose ending somebody waits for."""
    with suppress(ChildProcessError):  # there is no child at all
        ended = os.WEXITED | os.WNOHANG
        while found := os.waitid(os.P_ALL, 0, ended | os.WNOWAIT):
            if found.si_pid in own:
                return  # the others are seen once it is waited for
            os.waitpid(found.si_pid, 0)
