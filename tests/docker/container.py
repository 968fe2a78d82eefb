"""The built image, run as a container engine would run it where there is none.

`.ci/image` unpacks it: `root` is the image's root file system, `config.json` its configuration.
The command of that configuration runs as its user, without capabilities and first of its own
process ids, on a root file system that is read-only but for a data directory and /tmp.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 120.0  # seconds, for a box that is busy; no test waits so long
# The places of a container that are not the image's: data, /tmp, and what the kernel shows.
_MOUNT = """
root=$1 data=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
mount -t tmpfs -o size=64m,mode=1777,nosuid,nodev,noexec tmpfs "$root/tmp"
mount --bind "$data" "$root/var/lib/crd"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
"""
_CONFINED = (
    "/usr/bin/setpriv",
    "--clear-groups",
    "--no-new-privs",
    "--bounding-set=-all",
    "--inh-caps=-all",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """A running container: the process outside it, which ends with the one inside."""

    outside: subprocess.Popen[str]

    @property
    def first(self) -> int:
        """The id that the first process inside has outside."""
        process = self.outside.pid
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return int(children[0])

    def status(self, key: str) -> str:
        """What the kernel says of the first process, such as its user and its capabilities."""
        lines = Path(f"/proc/{self.first}/status").read_text().splitlines()
        (value,) = [line.partition(":")[2] for line in lines if line.startswith(f"{key}:")]
        return value.strip()

    def stop(self, name: str) -> int:
        """Send a signal to the first process; its exit status."""
        os.kill(self.first, signal.Signals[name])
        return self.outside.wait(PATIENCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An unpacked image, and the data directory that its containers share."""

    directory: Path
    data: Path
    config: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        config = json.loads((self.directory / "config.json").read_text())
        object.__setattr__(self, "config", config)
        owner, _, group = config["User"].partition(":")
        self.data.mkdir(mode=0o700, exist_ok=True)
        os.chown(self.data, int(owner), int(group))

    @property
    def root(self) -> Path:
        """Its root file system, as it lies there."""
        return self.directory / "root"

    def place(self, path: str) -> Path:
        """A file of the image, by its path inside."""
        return self.root / path.lstrip("/")

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """One finished run of the entry point with arguments in place of the image's."""
        return self.execute([*self.config["Entrypoint"], *arguments], **variables)

    def execute(self, command: Sequence[str], **variables: str) -> subprocess.CompletedProcess[str]:
        """One finished run of any command in a container."""
        return subprocess.run(
            self._outside(command, variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    @contextmanager
    def running(self, log: Path, **variables: str) -> Iterator[Container]:
        """A container with what the image runs by itself, which writes to a log."""
        command = [*self.config["Entrypoint"], *self.config["Cmd"]]
        with (
            log.open("w") as written,
            subprocess.Popen(
                self._outside(command, variables), stdout=written, stderr=written, text=True
            ) as outside,
        ):
            try:
                yield Container(outside=outside)
            finally:
                outside.kill()  # and all inside with it

    def health(self, **variables: str) -> int:
        """The exit status of its health check, tried until it passes, or for its start period."""
        check = self.config["Healthcheck"]
        end = time.monotonic() + check["StartPeriod"] / 1e9
        while True:
            status = self.execute(check["Test"][1:], **variables).returncode
            if status == 0 or time.monotonic() > end:
                return status
            time.sleep(0.2)

    def _outside(self, command: Sequence[str], variables: Mapping[str, str]) -> list[str]:
        owner, _, group = self.config["User"].partition(":")
        set_here = [f"{name}={value}" for name, value in variables.items()]
        inside = ["/usr/bin/env", "-i", "-C", self.config["WorkingDir"]]
        inside += [*self.config["Env"], *set_here, *_CONFINED]
        inside += [f"--reuid={owner}", f"--regid={group}", *command]
        separate = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        start = ["sh", "-euc", _MOUNT, "sh", str(self.root.resolve()), str(self.data)]
        return [*separate, *start, *inside]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
