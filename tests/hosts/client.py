"""A client with a key: signs orders with a new token a call, and compares each answer.

What is expected comes from the examples of the project, which a test compares with what the service
answers; only ids and the date of the answer differ.
"""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from threading import Event, Lock, Thread
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from faults.callers import assertions_in
from hosts.host import ROOT
from jwt.algorithms import ECAlgorithm

SERVICE = "/cds-services/order-sign-crd"
DISCOVERY = "/cds-services"
EXAMPLES = ("order-sign-icare-0600t", "order-sign-anthem-93799-unspecified")
_PUBLISHED = "https://crd.example.invalid"  # where the service of the examples is
_LIVES = 240  # seconds, a token
_PATIENCE = 30.0  # seconds that a caller waits for an answer
_CHANGING = {"date", "coverage-assertion-id"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it was sent, to be sent again; `at` is monotonic, when it was answered."""

    path: str
    body: bytes
    token: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client, whose tokens are for the `base` URL."""

    name: str
    base: str
    rate: int = 0
    key: EllipticCurvePrivateKey = field(default_factory=lambda: generate_private_key(SECP384R1()))

    def registration(self) -> str:
        """Its part of the clients file."""
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        jwk = {**public, "kid": "key-1", "use": "sig", "alg": "ES384"}
        shown = ", ".join(
            f'{name} = "{value}"' for name, value in jwk.items() if isinstance(value, str)
        )
        return (
            f'[clients.{self.name}]\niss = "https://{self.name}.example.invalid"\n'
            f"keys = [{{ {shown} }}]\nrate = {self.rate}\n"
        )

    def token(self, path: str) -> str:
        """A token for one call."""
        now = int(time.time())
        claims = {
            "iss": f"https://{self.name}.example.invalid",
            "aud": f"{self.base}{path}",
            "iat": now,
            "exp": now + _LIVES,
            "jti": str(uuid4()),
        }
        return jwt.encode(claims, self.key, algorithm="ES384", headers={"kid": "key-1"})


@dataclass(slots=True, kw_only=True)
class Heard:
    """What callers heard.

    `assertions` are all they were given, `wrong` the answers that are not as expected, `sent` what
    was answered with 200, `passed` the monotonic times of those answers.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    assertions: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    passed: list[float] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def note(self, status: int, body: bytes, sent: Sent, expected: Any) -> None:
        """Take note of an answer."""
        answer = json.loads(body) if status == 200 else None
        with self.lock:
            self.statuses[status] += 1
            if answer is None:
                return
            self.sent.append(sent)
            self.passed.append(sent.at)
            self.assertions.update(set(assertions_in(answer)))
            if determinations(answer) != expected:
                self.wrong.append(json.dumps(determinations(answer))[:300])
            self.wrong += [f"dated {day}" for day in _other_days(answer)]


def determinations(response: Any) -> list[Any]:
    """All that was determined, without what differs from call to call."""
    return [
        [part for part in extension["extension"] if part["url"] not in _CHANGING]
        for action in response["systemActions"]
        for extension in action["resource"]["extension"]
        if extension["url"].endswith("ext-coverage-information")
    ]


def _other_days(response: Any) -> list[str]:
    """Days on which answers are dated, but today, and the day that has just begun or ended."""
    now = datetime.now(UTC)
    days = {day.date().isoformat() for day in (now, now - timedelta(minutes=1))}
    dated = [
        str(part["valueDate"])
        for action in response["systemActions"]
        for extension in action["resource"]["extension"]
        for part in extension.get("extension", ())
        if part["url"] == "date"
    ]
    return [day for day in dated if day[:10] not in days]


def send(port: int, sent: Sent) -> tuple[int, bytes]:
    """Status and body of one request, on a connection of its own; 0 without an answer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    headers = {"Authorization": f"Bearer {sent.token}", "Content-Type": "application/json"}
    try:
        if sent.path == DISCOVERY:
            connection.request("GET", sent.path, headers=headers)
        else:
            connection.request("POST", sent.path, sent.body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except (OSError, HTTPException):
        return 0, b""
    finally:
        connection.close()


def examples(base: str) -> Iterator[tuple[Mapping[str, Any], Any]]:
    """Requests, and what is determined on them by a service at this URL."""
    for name in EXAMPLES:
        directory = ROOT / "examples" / name
        request = json.loads((directory / "request.json").read_bytes())
        response = (directory / "response.json").read_text("utf-8").replace(_PUBLISHED, base)
        yield request, determinations(json.loads(response))


class Caller(Thread):
    """Calls through a port until told to stop, each time about an order of its own."""

    def __init__(
        self, client: Client, port: int, heard: Heard, stop: Event, *, pause: float = 0.01
    ) -> None:
        super().__init__(daemon=True)
        self._client, self._port, self._heard = client, port, heard
        self._stopped, self._pause = stop, pause

    def run(self) -> None:
        known = list(examples(self._client.base))
        number = 0
        while not self._stopped.wait(self._pause):
            number += 1
            request, expected = known[number % len(known)]
            body, token = _about_another_order(request), self._client.token(SERVICE)
            sent = Sent(path=SERVICE, body=body, token=token, at=time.monotonic())
            status, answer = send(self._port, sent)
            self._heard.note(status, answer, sent, expected)


def _about_another_order(request: Mapping[str, Any]) -> bytes:
    made = json.loads(json.dumps(request))
    made["hookInstance"] = str(uuid4())
    return json.dumps(made).encode()
