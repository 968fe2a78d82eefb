"""This machine's root file system, to be written to at will: what is changed is gone at the end.

An overlay in a mount namespace of its own. Commands run in it as root, where the printed paths are
the real ones; nothing outside changes, neither a user nor a file.
"""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# In the new namespace: what is written lies in memory; devices are the machine's own.
_ENTER = """
mount --make-rprivate /
mount -t tmpfs -o size=2g tmpfs "$SCRATCH"
cd "$SCRATCH"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work overlay root
mount -t proc proc root/proc
mount --rbind /dev root/dev
cd root
exec chroot . bash -euo pipefail -c 'cd "$HERE"; eval "$SCRIPT"'
"""
# Others may pass through on the way to an interpreter that lies in somebody's home.
_PASSABLE = """
for parent in $PARENTS; do chmod o+x "$parent"; done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScratchRoot:
    """Where it is mounted, and the directory of it that commands begin in."""

    mounted: Path
    here: Path

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """One run of a script of Bash, which ends where a line fails; nothing of it stays."""
        environment: Mapping[str, str] = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            **variables,
            "SCRATCH": str(self.mounted),
            "HERE": str(self.here),
            "PARENTS": " ".join(map(str, Path(sys.executable).resolve().parents)),
            "SCRIPT": _PASSABLE + script,
        }
        return subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-euc", _ENTER],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
