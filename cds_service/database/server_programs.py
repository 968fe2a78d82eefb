"""PostgreSQL's own programs, run on a database: no secret of its URL is an argument of theirs.

Whoever lists processes reads arguments. A password goes by the environment, which the same user
alone may read; what else is secret has no way but the arguments, and is refused.
"""

import os
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from sqlalchemy.engine import URL, make_url

from cds_service.database.private_files import Progress, new_file
from cds_service.errors import AuditError

_PASSWORD = "password"  # noqa: S105  # the name of a parameter
# Parameters of libpq that are secrets themselves, or name none but hold one.
_NO_OTHER_WAY = ("sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")
# Objects belong to whoever restores them, and nobody else is given a right to them.
_AS_RESTORED = ("--no-owner", "--no-privileges")
_LOOK_EVERY = 1.0  # seconds
_COMPLAINT = 4096  # bytes of what a program complains of
_MISMATCH = re.compile(r"server version: (?P<server>\S+);.* version: (?P<client>\S+)")
_LATER_DUMP = "unsupported version"


def dump(url: str, target: Path, progress: Progress) -> None:
    """Have `pg_dump` copy the database of a URL, as of one moment, into a new file.

    Raises:
        AuditError: it cannot.
        OSError: the file cannot be made.
    """

    def show() -> None:
        progress(f"dumped {target.name}", target.stat().st_size, 0)

    with new_file(target):
        command = ["pg_dump", "--format=custom", *_AS_RESTORED, f"--file={target}"]
        _run(command, url, subprocess.DEVNULL, show)


def load(copy: Path, url: str, progress: Progress) -> None:
    """Have `pg_restore` put a dump into the database of a URL, all of it or nothing.

    Raises:
        AuditError: it cannot; the database is as before.
        OSError: the dump cannot be read.
    """
    with copy.open("rb") as file:

        def show() -> None:
            # The program reads from the same place in the file as we have.
            done = os.lseek(file.fileno(), 0, os.SEEK_CUR)
            progress(f"restored {copy.name}", done, copy.stat().st_size)

        _run(["pg_restore", *_AS_RESTORED, "--single-transaction"], url, file, show)


def _run(command: Sequence[str], url: str, given: BinaryIO | int, show: Callable[[], None]) -> None:
    address, secret = _address(make_url(url), command[0])
    with TemporaryFile() as complaints:
        try:
            process = subprocess.Popen(  # noqa: S603
                [*command, "--no-password", f"--dbname={address}"],
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                env=os.environ | {"LC_ALL": "C"} | secret,
            )
        except FileNotFoundError as error:
            raise AuditError(
                f"{command[0]} is not installed: it comes with PostgreSQL's client programs"
            ) from error
        _wait(process, show)
        if process.returncode:
            complaints.seek(0)
            text = complaints.read(_COMPLAINT).decode("utf-8", "replace")
            raise AuditError(_words(command[0], text, process.returncode))


def _wait(process: subprocess.Popen[bytes], show: Callable[[], None]) -> None:
    """Wait for the end, and let the program not go on alone if we are stopped."""
    try:
        while process.poll() is None:
            show()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_EVERY)
    finally:
        process.kill()
        process.wait()


def _address(url: URL, program: str) -> tuple[str, dict[str, str]]:
    """Where the database is, as an argument has it, and what the environment holds beside."""
    # In libpq, and in our own connections, the query has the last word.
    parameters = dict(_parameters(url))
    secret = parameters.pop(_PASSWORD, "")
    for name in _NO_OTHER_WAY:
        if name in parameters:
            raise AuditError(
                f"{program} would show `{name}` of the database URL to whoever lists processes: "
                "name another way to log in with --database, such as a passfile"
            )
    address = " ".join(f"{name}={_quoted(value)}" for name, value in parameters.items())
    return address, {"PGPASSWORD": secret} if secret else {}


def _parameters(url: URL) -> Iterator[tuple[str, str]]:
    parts = {
        "host": url.host,
        "port": url.port,
        "user": url.username,
        _PASSWORD: url.password,
        "dbname": url.database,
    }
    yield from ((name, str(value)) for name, value in parts.items() if value)
    for name, value in url.query.items():
        yield name, value if isinstance(value, str) else value[-1]


def _quoted(value: str) -> str:
    r"""As a connection string of libpq has it: in quotes, `\` before a quote and before itself."""
    return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"


def _words(program: str, complaint: str, status: int) -> str:
    """Why a program has failed, in its own first line unless plainer words are known."""
    if found := _MISMATCH.search(complaint):
        return (
            f"{program} is of PostgreSQL {found['client']} and the server of {found['server']}: "
            f"PostgreSQL wants a {program} of the server's release or a later one; install the "
            "client programs of that release"
        )
    if program == "pg_restore" and _LATER_DUMP in complaint:
        return (
            "the dump was made by a later pg_dump than this pg_restore can read: install the "
            "client programs of the release that made it, or a later one"
        )
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    first = lines[0] if lines else f"exit status {status}"
    return f"{program}: {first.removeprefix(f'{program}: ')}"
