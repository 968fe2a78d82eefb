"""A service of its own process over one library directory, its operator, and its callers."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from crd_command import COMMAND
from two_sets import order_request, season_in

from cds_service.fhir.resource import encode

TOKEN = "token of maria"  # noqa: S105
_SERVICE = "/cds-services/order-sign-crd"
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The process, where it listens, and where it keeps things."""

    run: subprocess.Popen[bytes]
    port: int
    directory: Path

    @property
    def database(self) -> Path:
        """The file that its records are in."""
        return self.directory / "data" / "crd.sqlite3"

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines that it has logged so far, each of them whole."""
        lines = (self.directory / "log").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("}\n")]

    def events(self) -> list[str]:
        """What has become of sets of policies, as the log has it."""
        named = [line.get("event", "") for line in self.log]
        return [name.removeprefix("policies-") for name in named if name.startswith("policies-")]

    def ask(
        self, method: str, path: str, body: bytes | None = None, token: str = TOKEN
    ) -> tuple[int, str]:
        """The status and body of an answer; for an operator."""
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{self.port}{path}"
        asked = urllib.request.Request(url, body, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=_PATIENCE) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def reload(self) -> tuple[int, dict[str, Any]]:
        """What an operator reads who has the directories read again."""
        status, body = self.ask("POST", "/admin/reload")
        return status, json.loads(body)

    def hang_up(self) -> None:
        """What `systemctl reload` does."""
        self.run.send_signal(signal.SIGHUP)

    def season(self) -> str:
        """By which set a call is answered now."""
        status, body = self.ask("POST", _SERVICE, encode(order_request(str(uuid4()))))
        assert status == 200, body
        return season_in(body)

    def cause(self) -> str:
        """Why newer policies are not in service, as the probe tells; it is ready all the same."""
        status, body = self.ask("GET", "/readyz")
        assert status == 200, body
        checks = {check["name"]: check for check in json.loads(body)["checks"]}
        return str(checks["policies"].get("cause", ""))


@contextmanager
def serving_set(directory: Path, library: Path, *options: str) -> Iterator[Served]:
    """The service over a library, until the block ends; it must stop by itself then."""
    clients = directory / "clients.toml"
    clients.write_text(
        f'[operators.maria]\ntoken_sha256 = "{sha256(TOKEN.encode()).hexdigest()}"\n'
    )
    clients.chmod(0o600)
    settings = {
        "port": "0",
        "data-dir": directory / "data",
        "library": library,
        "clients": clients,
        "log-format": "json",
        "workers": "1",
    }
    given = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(
            [*COMMAND, "serve", "--no-builtin-library", *given, *options],
            stdout=subprocess.PIPE,
            stderr=log,
        ) as run,
    ):
        assert run.stdout
        try:
            first = run.stdout.readline().split()
            port = int(first[3].rpartition(b":")[2])
            yield Served(run=run, port=port, directory=directory)
        finally:
            run.send_signal(signal.SIGTERM)
            assert run.wait(_PATIENCE) == 0


@dataclass(slots=True)
class Heard:
    """By which set each call was answered, by its hookInstance; empty for no answer."""

    seasons: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def _call_on(port: int, heard: Heard, stop: Event) -> None:
    """Call again and again over one connection."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    while not stop.is_set():
        instance, begun = str(uuid4()), time.monotonic()
        try:
            connection.request("POST", _SERVICE, encode(order_request(instance)))
            response = connection.getresponse()
            body = response.read().decode()
        except (OSError, HTTPException) as error:
            heard.failures.append(repr(error))
            connection.close()
            continue
        heard.seconds.append(time.monotonic() - begun)
        heard.seasons[instance] = season_in(body)
        if response.status != 200:
            heard.failures.append(f"{response.status} {body}")
    connection.close()


@contextmanager
def calling(port: int, callers: int) -> Iterator[Heard]:
    """Callers at work while the block runs; what they heard is whole afterwards."""
    heard, stop = Heard(), Event()
    threads = [
        Thread(target=_call_on, args=(port, heard, stop), daemon=True) for _ in range(callers)
    ]
    for thread in threads:
        thread.start()
    try:
        yield heard
    finally:
        stop.set()
        for thread in threads:
            thread.join(_PATIENCE)


def mistaken(heard: Mapping[str, str], recorded: Mapping[str, str]) -> list[str]:
    """Calls that were answered by no set or by a mixture, or by another than is recorded."""
    return [
        f"{instance}: answered by `{season}`, recorded as `{recorded.get(instance)}`"
        for instance, season in heard.items()
        if not season or recorded.get(instance) != season
    ]
