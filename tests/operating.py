"""The service in production mode as the README prints it: its files, changed to run on this box.

Only paths, port and database differ, and the client has its keys in the file: nothing may be
fetched from the address that is printed.
"""

import json
import re
import shlex
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any
from uuid import uuid4

import jwt
from author_guide import read_blocks, snippets
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP384R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from jwt.algorithms import ECAlgorithm

from cds_service.cli.main import main
from cds_service.cli.toml_text import to_toml
from cds_service.fhir.resource import encode

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BASE_URL = "https://crd.payer.example"  # as printed
CLIENT_ISSUER = "https://ehr.north.example"
PLACES = ("/etc/crd", "/var/lib/crd", "/mnt/checkpoints", "/backup")
OPERATOR = "maria"
ORDER_SIGN = "/cds-services/order-sign-crd"
REQUEST = (ROOT / "examples" / "order-sign-icare-0600t" / "request.json").read_bytes()

_KEY_ID = "key-1"
_LONGEST_LIFE = 300  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The printed files below a directory, and the key of the client that they register."""

    directory: Path
    key: EllipticCurvePrivateKey

    @property
    def config(self) -> Path:
        """The settings file."""
        return self.place("/etc/crd/crd.toml")

    def place(self, path: str) -> Path:
        """Where a path of production is here."""
        return self.directory / path.removeprefix("/")

    def here(self, text: str) -> str:
        """A text with the paths of production changed to those here."""
        for path in PLACES:
            text = text.replace(path, str(self.place(path)))
        return text

    def token(self, path: str) -> str:
        """A token of the client for one call of an address of ours."""
        now = int(time.time())
        claims = {
            "iss": CLIENT_ISSUER,
            "aud": f"{BASE_URL}{path}",
            "iat": now,
            "exp": now + _LONGEST_LIFE,
            "jti": str(uuid4()),
        }
        return jwt.encode(claims, self.key, algorithm="ES384", headers={"kid": _KEY_ID})

    def run(self, line: str) -> Result:
        """A command as a guide prints it, run with the settings file."""
        _, *arguments = shlex.split(self.here(line), comments=True)
        return CliRunner().invoke(main, arguments, env={"CRD_CONFIG": str(self.config)})


def install(directory: Path, database: str = "") -> Installation:
    """Write the files that the README prints, and the keys; without a database it is SQLite."""
    here = Installation(directory=directory, key=generate_private_key(SECP384R1()))
    for path in PLACES:
        here.place(path).mkdir(mode=0o700, parents=True)
    _write_keys(here)
    url = database or f"sqlite:///{here.place('/var/lib/crd/crd.sqlite3')}"
    settings = here.here(printed("crd.toml")).replace("port = 8000", "port = 0")
    here.config.write_text(re.sub(r'database_url = ".*"', f'database_url = "{url}"', settings))
    jwks = [_jwk(here.key)]
    clients = re.sub(r'jku = ".*"', f"keys = {to_toml(jwks)}", printed("clients.toml"))
    here.place("/etc/crd/clients.toml").write_text(clients)
    (directory / "west-lab.jwks.json").write_bytes(
        encode({"keys": [_jwk(generate_private_key(SECP384R1()))]})
    )
    return here


def printed(name: str, guide: str = README) -> str:
    """A file that a guide prints."""
    (block,) = [block for block in snippets(read_blocks(guide), "file") if block.about == name]
    return block.text


def commands(guide: str) -> Iterator[str]:
    """The lines of a guide's shell blocks that run `crd`."""
    for block in read_blocks(guide):
        if block.kind == "sh":
            yield from (line for line in block.text.splitlines() if line.startswith("crd "))


def operator_token(output: str) -> str:
    """The token that `crd clients new … --operator` has shown."""
    return output.splitlines()[1]


def assertion_of(response: object) -> str:
    """The id of the assertion in a response."""
    found = re.findall(r"'coverage-assertion-id', 'valueString': '([^']+)'", str(response))
    (assertion,) = set(found)
    return str(assertion)


def send(base: str, path: str, body: bytes | None = None, token: str = "") -> tuple[int, Any]:
    """Status and JSON body of the answer of a running service."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{base}{path}", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.load(refused)


def call(here: Installation, base: str, body: bytes = REQUEST) -> tuple[int, Any]:
    """A signed call of the printed client."""
    return send(base, ORDER_SIGN, body, here.token(ORDER_SIGN))


def _write_keys(here: Installation) -> None:
    keys: Sequence[tuple[str, bytes]] = (
        ("audit.key", token_hex(32).encode()),
        ("checkpoint.key", _pem(Ed25519PrivateKey.generate())),
        ("token.key", _pem(generate_private_key(SECP384R1()))),
    )
    for name, octets in keys:
        file = here.place(f"/etc/crd/{name}")
        file.write_bytes(octets)
        file.chmod(0o600)


def _pem(key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _jwk(key: EllipticCurvePrivateKey) -> dict[str, str]:
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return {**public, "kid": _KEY_ID, "use": "sig", "alg": "ES384"}
