"""The proxy before the hosts: HAProxy, which asks each once a second whether it is ready.

It sends a call to another host where none was connected to, or where the host refused with 503:
then nothing was answered and no token used. It never repeats a call that a host may have answered.
"""

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_CONFIGURATION = """
global
  maxconn 1000
  # A call is sent again only if all of it is at hand.
  tune.bufsize 131072
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  retries 2
  option redispatch 1
  option http-buffer-request
  retry-on conn-failure 503
frontend calls
  bind 127.0.0.1:{port}
  default_backend hosts
backend hosts
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 500ms fastinter 250ms rise 1 fall 1 on-marked-down shutdown-sessions
{servers}
"""


def free_port() -> int:
    """A port of this machine that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def proxying(directory: Path, port: int, hosts: Sequence[int]) -> Iterator[None]:
    """HAProxy on a port, before hosts on these ports, until the block ends."""
    servers = "\n".join(
        f"  server host{number} 127.0.0.1:{host}" for number, host in enumerate(hosts, start=1)
    )
    file = directory / "haproxy.cfg"
    file.write_text(_CONFIGURATION.format(port=port, servers=servers))
    with (
        (directory / "haproxy.txt").open("wb") as printed,
        subprocess.Popen(["haproxy", "-f", str(file)], stdout=printed, stderr=printed) as run,
    ):
        _await_listening(port)
        try:
            yield
        finally:
            run.terminate()
            run.wait(timeout=20)


def _await_listening(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nobody listens on {port}")
