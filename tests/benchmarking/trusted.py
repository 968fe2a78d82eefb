"""What is compared: services that differ in how they let clients in and where they keep records.

The two workers of a service share its database and keys; with one worker the other is idle.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import psutil
import psycopg
from benchmarking.servers import Command, Server, floor, running
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from databases import fresh_database
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from cds_service.access.token_key import FILE_NAME, open_token_key
from cds_service.audit.audit_key import open_audit_key
from cds_service.audit.signing_key import open_signer
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate

FLOOR, OPEN_SQLITE = "floor", "open, SQLite"
WORKERS = 2
_FORGETFUL = Path(__file__).with_name("forgetful.py")
_ISSUER, _BASE = "https://ehr.example.invalid", "https://payer.example.invalid/crd"
_AUDIENCE = f"{_BASE}/cds-services/order-sign-crd"
_LIFETIME = 86_400  # seconds: the same token for the whole run, each time with another body


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A running service: its workers, the token they want, and their database server, if any."""

    name: str
    workers: Sequence[Server]
    token: str = ""
    database: psutil.Process | None = None

    def database_cpu(self) -> float:
        """Seconds of processor time that the database server has spent, on all it serves."""
        if self.database is None:
            return 0.0
        found = [self.database, *self.database.children(recursive=True)]
        spent = [process.cpu_times() for process in found]
        return sum(times.user + times.system for times in spent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client: its clients file, and a token of its that is good for a day."""

    file: Path
    token: str


def make_client(directory: Path, algorithm: str) -> Client:
    """A client that signs with ES384 or RS384, its key in the clients file."""
    directory.mkdir(parents=True, exist_ok=True)
    now = int(time.time())
    claims = {"iss": _ISSUER, "aud": _AUDIENCE, "iat": now, "exp": now + _LIFETIME, "jti": "1"}
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
    if algorithm == "ES384":
        key = ec.generate_private_key(ec.SECP384R1())
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    members = {**jwk, "kid": "key-1", "use": "sig"}
    members.pop("key_ops", None)
    inline = ", ".join(f"{name} = {json.dumps(value)}" for name, value in members.items())
    file = directory / "clients.toml"
    file.write_text(
        f'[clients.bench]\niss = "{_ISSUER}"\nkeys = [{{ {inline} }}]\nlifetime = {_LIFETIME}\n',
        encoding="utf-8",
    )
    token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "key-1"})
    return Client(file=file, token=token)


@contextmanager
def everything(
    directory: Path, answer: bytes, postgresql: str | None, tell: Callable[[str], None]
) -> Iterator[list[Compared]]:
    """Every service up; those on PostgreSQL only if there is the URL of a server."""
    with ExitStack() as stack:

        def up(name: str, command: Command, **also: Any) -> Compared:
            tell(f"  {name}")
            workers = [
                stack.enter_context(running(_numbered(command, number)))
                for number in range(WORKERS)
            ]
            return Compared(name=name, workers=workers, **also)

        found = [
            up(FLOOR, floor(directory / "floor", answer)),
            up("open, nothing kept", _forgetful(directory / "forgetful")),
        ]
        clients = {"open": None} | {
            algorithm: make_client(directory / algorithm, algorithm)
            for algorithm in ("ES384", "RS384")
        }
        for way, client in clients.items():
            token = client.token if client else ""
            place = directory / f"sqlite-{way}"
            found.append(up(f"{way}, SQLite", _service(place, client, ""), token=token))
            if postgresql and way != "RS384":
                database = stack.enter_context(fresh_database(postgresql))
                command = _service(directory / f"postgresql-{way}", client, database)
                server = _server_process(postgresql)
                name = f"{way}, PostgreSQL"
                found.append(up(name, command, token=token, database=server))
        yield found


def _numbered(command: Command, number: int) -> Command:
    return Command(
        arguments=command.arguments,
        directory=command.directory,
        probe=command.probe,
        printed=f"printed-{number}.txt",
    )


def _forgetful(directory: Path) -> Command:
    directory.mkdir(parents=True, exist_ok=True)
    return Command(arguments=(str(_FORGETFUL), str(directory)), directory=directory)


def _service(directory: Path, client: Client | None, database: str) -> Command:
    """`crd serve` on a database that is migrated, with keys that its workers share."""
    directory.mkdir(parents=True, exist_ok=True)
    audit, checkpoint = directory / "audit.key", directory / "checkpoint.key"
    open_audit_key(audit)
    open_signer(checkpoint)
    open_token_key("", directory)
    url = database or f"sqlite:///{directory / 'crd.sqlite3'}"
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()
    serve = ("-m", "cds_service", "serve", "--port", "0", "--base-url", _BASE)
    keys = ("--audit-key", str(audit), "--checkpoint-key", str(checkpoint))
    jwt_only = ("--auth", "jwt", "--token-key", str(directory / FILE_NAME))
    who = (*jwt_only, "--clients", str(client.file)) if client else ()
    return Command(
        arguments=(*serve, "--data-dir", str(directory), "--database", url, *keys, *who),
        directory=directory,
        probe="/livez",
    )


def _server_process(url: str) -> psutil.Process | None:
    """The process of a database server, if it runs on this machine."""
    with psycopg.connect(url) as connection:
        backend = connection.info.backend_pid
    try:
        process = psutil.Process(backend).parent()
    except psutil.Error:
        return None
    return process if process and process.pid != os.getpid() else None
