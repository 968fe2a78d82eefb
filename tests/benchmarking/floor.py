"""The floor: our server and framework, which decode the same body and return a constant.

It keeps no record. Run as a process: `python floor.py ANSWER_FILE`; prints its URL as the service
does.
"""

import sys
from pathlib import Path

from flask import Flask, Response, request

from cds_service.fhir.resource import decode
from cds_service.settings import Settings
from cds_service.web.listener import ServerLimits
from cds_service.web.server import bind, serve_until_stopped

_JSON = "application/json"


def floor(answer: bytes) -> Flask:
    """The least application that could answer our calls."""
    app = Flask("floor", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = Settings().max_body

    @app.get("/cds-services")
    def discover() -> Response:
        return Response(b'{"services":[]}', mimetype=_JSON)

    @app.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        decode(request.get_data())
        return Response(answer, mimetype=_JSON)

    return app


def main() -> None:
    """Serve as the service does, until stopped."""
    settings = Settings()
    bound = bind(settings.host, 0)
    url = f"http://{settings.host}:{bound.getsockname()[1]}"
    app = floor(Path(sys.argv[1]).read_bytes())
    serve_until_stopped(
        app,
        bound,
        limits=ServerLimits(threads=settings.threads),
        ready=lambda: print(f"floor on {url}", flush=True),
        stopping=lambda: None,
        refused=lambda _status: None,
    )


if __name__ == "__main__":
    main()
