"""The site of a client: its keys and its FHIR server, on a socket of this machine."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from jwt.algorithms import ECAlgorithm

CAPABILITY = {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"}


@dataclass(kw_only=True)
class ClientSite:
    """What the site answers by path; its clock is `ahead` of ours, in seconds."""

    base: str = ""
    ahead: float = 0.0
    token: str = "open sesame"  # noqa: S105
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP384R1()))
    answers: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answers = {
            "/jwks": {"keys": [self.jwk]},
            "/fhir/metadata": CAPABILITY,
            "/fhir/Patient?_count=1": {"resourceType": "Bundle", "type": "searchset"},
            "/fhir/Patient/p1": {"resourceType": "Patient", "id": "p1"},
            **self.answers,
        }

    @property
    def jwk(self) -> Mapping[str, Any]:
        """Its public key."""
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {**public, "kid": "key-1", "use": "sig"}

    def token_for(
        self, url: str, *, headers: Mapping[str, Any] | None = None, **claims: Any
    ) -> str:
        """A token of this client for a call of `url`."""
        now = int(time.time())
        made = {"iss": "https://north.example.invalid", "aud": url, "iat": now, "exp": now + 300}
        return jwt.encode(
            {**made, "jti": "1", **claims},
            self.key,
            algorithm="ES384",
            headers={"kid": "key-1", **(headers or {})},
        )


@contextmanager
def client_site(**answers: Any) -> Iterator[ClientSite]:
    """A site at a free port; with these answers by path in place of the right ones."""
    site = ClientSite(answers={f"/{path.replace('_', '/')}": answers[path] for path in answers})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = site.answers.get(self.path)
            is_free = not self.path.startswith("/fhir/Patient")
            if not is_free and self.headers["Authorization"] != f"Bearer {site.token}":
                answer = 401
            status = answer if isinstance(answer, int) else 404 if answer is None else 200
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(timestamp or time.time() + site.ahead)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        site.base = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
