"""A site with everything that can be offered: operators, a memory, tokens, reloads; on a socket."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

from backend_client import BackendClient, Clock, token_service
from flask import Flask, request
from werkzeug.serving import WSGIRequestHandler, make_server

from cds_service.access.clients_file import read_clients
from cds_service.access.operators import find_operator
from cds_service.app.memory import open_memory
from cds_service.app.service import build_service, keep_library
from cds_service.app.site import open_site
from cds_service.settings import Settings
from cds_service.web.admin import Reloaded, create_admin
from cds_service.web.tokens import create_token_endpoint

BASE_URL = "http://127.0.0.1:8000"
OPERATOR_TOKEN = "operator-7319"  # noqa: S105


@contextmanager
def whole_site(directory: Path) -> Iterator[Flask]:
    """The application: anyone may call its services, and its one operator has `OPERATOR_TOKEN`.

    A reload finds that nothing has changed.
    """
    file = directory / "clients.toml"
    digest = hashlib.sha256(OPERATOR_TOKEN.encode()).hexdigest()
    file.write_text(f'[operators.maria]\ntoken_sha256 = "{digest}"\n')
    file.chmod(0o600)
    settings = Settings(
        base_url=BASE_URL, clients=str(file), data_dir=str(directory / "data"), concurrent=0
    )
    with closing(open_memory(settings)) as memory:
        service = build_service(settings, ehr=None, log=memory.log, audit_key=memory.audit_key)
        keep_library(service, memory.log)
        with closing(open_site(service, settings, memory)) as site:
            client = BackendClient(name="north", clock=Clock())
            tokens = token_service(directory, client.clock, client.registered())
            site.app.register_blueprint(create_token_endpoint(tokens))
            site.app.register_blueprint(create_admin(_operator(settings), _unchanged))
            yield site.app


def _operator(settings: Settings) -> Callable[[], str]:
    """Who asks, by the clients file."""
    operators = read_clients(Path(settings.clients)).operators
    return lambda: find_operator(request.headers.get("Authorization", ""), operators).name


def _unchanged() -> Reloaded:
    since = datetime(2026, 11, 27, tzinfo=UTC)
    return Reloaded(revision="sha256:0", since=since, policies=2, changed=False)


class _Quiet(WSGIRequestHandler):
    """Writes no line for each of thousands of requests, and keeps connections open."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing is written."""


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The base URL at which an application is served on this machine, until it is left."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
