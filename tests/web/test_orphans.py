"""Orphans: who is let go of, and whose ending stays for whoever waits for it."""

import subprocess
import sys

REAPING = """
import os
from cds_service.web.processes.orphans import reap_orphans

def ended(status):
    process = os.fork()
    if not process:
        os._exit(status)
    os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
    return process

own, other = ended(3), ended(4)
reap_orphans({own, other})
reap_orphans({own})
print(os.waitstatus_to_exitcode(os.waitpid(own, 0)[1]))
reap_orphans(())
try:
    os.waitpid(other, 0)
except ChildProcessError:
    print("nobody")
reap_orphans(())
"""


def test_the_ending_of_a_child_that_is_waited_for_is_not_taken_away() -> None:
    """Only that of others; and where there are none it is nothing to do."""
    shown = subprocess.run(
        [sys.executable, "-c", REAPING], capture_output=True, text=True, check=False
    )

    assert shown.stderr == ""
    assert shown.stdout == "3\nnobody\n"
