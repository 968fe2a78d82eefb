"""The service as a security reviewer meets it: the WSGI application, an EHR on a real socket."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from access.issuing import Signer, make_claims
from fake_ehr import FakeEhr, status
from fakes import FakeLog
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cds_service.app.service import build_service
from cds_service.app.site import open_site
from cds_service.ehr.client import RequestsEhr
from cds_service.fhir.resource import encode
from cds_service.settings import Settings

JsonObject = dict[str, Any]

BASE_URL = "https://crd.example.invalid"
ISSUER = "https://north.example.invalid"
JKU = f"{ISSUER}/keys.json"
OPEN = Settings(base_url=BASE_URL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """The service, what it records, and the EHR that it may ask."""

    web: FlaskClient
    log: FakeLog
    ehr: FakeEhr

    def call(self, request: Mapping[str, Any], *, token: str = "") -> TestResponse:
        """The response to a hook call, with a token or without."""
        path = f"/cds-services/{request['hook']}-crd"
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.web.post(path, data=encode(request), headers=headers)


@contextmanager
def reviewing(settings: Settings = OPEN, *, allowed: tuple[str, ...] = ()) -> Iterator[Reviewed]:
    """The service with these settings; it may ask servers on this machine, or those `allowed`."""
    with ExitStack() as open_until_the_end:
        ehr = open_until_the_end.enter_context(FakeEhr(status(404)))
        requests = open_until_the_end.enter_context(closing(RequestsEhr(allowed)))
        log = FakeLog()
        service = build_service(settings, ehr=requests, log=log)
        yield Reviewed(web=open_site(service, settings).app.test_client(), log=log, ehr=ehr)


def clients_file(directory: Path, signer: Signer, **more: Any) -> Path:
    """A clients file with one client that uses these keys."""
    table = {"iss": ISSUER, "keys": [signer.jwk()], **more}
    rows = (f"{name} = {_toml(value)}" for name, value in table.items())
    file = directory / "clients.toml"
    file.write_text("\n".join(["[clients.north]", *rows]))
    return file


def _toml(value: Any) -> str:
    """A value in TOML, whose inline tables differ from JSON's objects in a sign."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(name)} = {_toml(held)}" for name, held in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value)


def guarded(directory: Path, signer: Signer, **more: Any) -> Settings:
    """Settings under which only this client may call."""
    file = clients_file(directory, signer, **more)
    return Settings(base_url=BASE_URL, auth="jwt", clients=str(file))


def claims_for(hook: str, **members: Any) -> JsonObject:
    """What stands in a valid token of the client for a call of a hook, now; None leaves out."""
    now = int(datetime.now(UTC).timestamp())
    valid = {
        "iss": ISSUER,
        "aud": f"{BASE_URL}/cds-services/{hook}-crd",
        "iat": now,
        "exp": now + 300,
    }
    return make_claims(**{**valid, **members})
