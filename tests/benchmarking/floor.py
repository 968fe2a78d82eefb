"""The floors: our server and framework, which read the same body and return a constant.

Run as a process, `python floor.py ANSWER_FILE WORKERS [DATABASE_URL BYTES]`; prints its URL as the
service does. With a database, so many bytes are durable there before it answers, by the service's
own group commit.
"""

import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

from flask import Flask, Response, request

from cds_service.audit.group_commit import GroupCommit, Refusal
from cds_service.database.driver import write_cursor
from cds_service.database.engine import open_engine, writing
from cds_service.settings import Settings
from cds_service.web.server import serve_until_stopped
from cds_service.web.server_limits import ServerLimits

_JSON = "application/json"
_TABLE = "CREATE TABLE IF NOT EXISTS kept (id TEXT PRIMARY KEY, payload {})"
_INSERTION = "INSERT INTO kept (id, payload) VALUES "
_MARKS = {"sqlite": ("BLOB", "(?, ?)"), "postgresql": ("BYTEA", "(%s, %s)")}
_LONGEST_WAIT = 5.0  # seconds
Keep = Callable[[], None]


def floor(answer: bytes, keep: Keep) -> Flask:
    """The least application that could answer our calls."""
    app = Flask("floor", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = Settings().max_body

    @app.get("/livez")
    def live() -> Response:
        return Response(b"{}", mimetype=_JSON)

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        request.get_data()
        keep()
        return Response(answer, mimetype=_JSON)

    return app


def keep_nothing() -> None:
    """Keep nothing."""


def kept_in(url: str, size: int) -> Keep:
    """Keep so many bytes in one row, durable on return; those who wait at a time share a commit."""
    engine = open_engine(url)
    kind, marks = _MARKS[engine.dialect.name]
    with writing(engine) as making:
        making.exec_driver_sql(_TABLE.format(kind))
    connection = engine.connect()
    insertion = _INSERTION + marks

    def commit(batch: Sequence[bytes]) -> Sequence[Refusal]:
        with write_cursor(connection) as cursor:
            cursor.executemany(insertion, [(secrets.token_hex(16), row) for row in batch])
        return [None] * len(batch)

    writes: GroupCommit[bytes] = GroupCommit(commit=commit, release=connection.close)
    row = secrets.token_bytes(size)

    def keep() -> None:
        if refusal := writes.keep(row, _LONGEST_WAIT):
            raise refusal

    return keep


def main() -> None:
    """Serve as the service does, by so many processes on one socket, until stopped."""
    answer, workers = Path(sys.argv[1]).read_bytes(), int(sys.argv[2])
    settings = Settings()
    bound = socket.create_server((settings.host, 0), backlog=1024)
    url = f"http://{settings.host}:{bound.getsockname()[1]}"
    tell = partial(print, f"floor on {url}", flush=True)
    if workers > 1:
        _fork(workers, tell)
        tell = partial(print, end="")
    keep = kept_in(sys.argv[3], int(sys.argv[4])) if len(sys.argv) > 3 else keep_nothing
    serve_until_stopped(
        floor(answer, keep),
        bound,
        limits=ServerLimits(threads=settings.threads),
        ready=tell,
        stopping=lambda: None,
        refused=lambda _status: None,
    )


def _fork(workers: int, tell: Callable[[], None]) -> None:
    """Return in each of the new processes; this one stays here, and stops them when stopped."""
    started = list[int]()
    for _ in range(workers):
        if not (pid := os.fork()):
            return
        started.append(pid)

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        for pid in started:
            os.kill(pid, signal.SIGTERM)
        for pid in started:
            os.waitpid(pid, 0)
        sys.exit()

    signal.signal(signal.SIGTERM, stop)
    tell()
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
