"""What is measured side by side: the service in every shape, the floors, and HealthChain."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from benchmarking.kinds import BARE, ICARE, KINDS
from benchmarking.processes import Spent, Tree
from benchmarking.servers import Command, NotServing, Server, running
from benchmarking.services import Shape, service
from benchmarking.signing import Client
from benchmarking.wire import CALL_PATH
from databases import fresh_database

SERVICE, CONSTANT, DURABLE, HEALTHCHAIN = "service", "constant", "durable", "HealthChain"
SQLITE, POSTGRESQL = "SQLite", "PostgreSQL"
OPEN, TOKENS = "open", "tokens"
_HERE = Path(__file__).parent
_FLOOR, _COUNTED = _HERE / "floor.py", _HERE / "counted.py"


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Name:
    """Who is measured: what it is, where it keeps records, who may call, by how many workers."""

    what: str
    database: str = ""
    trust: str = OPEN
    workers: int = 1

    def __str__(self) -> str:
        """In words."""
        kept = f", {self.database}" if self.database else ""
        trust = f", {self.trust}" if self.what == SERVICE else ""
        return f"{self.what}{kept}{trust}, workers: {self.workers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A running server, the kinds of calls it is sent, and its database server, if any."""

    name: Name
    server: Server
    kinds: Sequence[str]
    path: str = CALL_PATH
    database: Tree | None = None

    def database_spent(self) -> Spent:
        """What the database server has spent so far, on all it serves."""
        return self.database.spent() if self.database else Spent()


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Who takes part: every database with every trust and every number of workers.

    `postgresql` is the URL of a server where databases may be made, `healthchain` the directory of
    an environment that has HealthChain.
    """

    directory: Path
    client: Client
    answer: bytes  # what the floors return
    record: int  # bytes that the second floor keeps
    workers: Sequence[int] = (1, 2)
    trusts: Sequence[str] = (OPEN, TOKENS)
    kinds: Sequence[str] = field(default_factory=lambda: tuple(KINDS))
    postgresql: str = ""
    healthchain: Path | None = None

    @property
    def databases(self) -> Sequence[str]:
        return (SQLITE, POSTGRESQL) if self.postgresql else (SQLITE,)

    def names(self) -> Iterator[Name]:
        """All of them, the floors first."""
        for workers in self.workers:
            yield Name(what=CONSTANT, workers=workers)
            for database in self.databases:
                yield Name(what=DURABLE, database=database, workers=workers)
            if self.healthchain:
                yield Name(what=HEALTHCHAIN, workers=workers)
            for database in self.databases:
                for trust in self.trusts:
                    yield Name(what=SERVICE, database=database, trust=trust, workers=workers)


@contextmanager
def everything(entered: Field, tell: Callable[[str], None]) -> Iterator[list[Contender]]:
    """Everybody up."""
    with ExitStack() as stack:
        postgresql = _server_process(entered.postgresql) if entered.postgresql else None
        contenders = []
        for number, name in enumerate(entered.names()):
            tell(f"starting {name}")
            command = command_of(name, entered, entered.directory / f"{number}", stack)
            contender = Contender(
                name=name,
                server=stack.enter_context(running(command)),
                kinds=kinds_of(name, entered.kinds),
                path="/cds" + CALL_PATH if name.what == HEALTHCHAIN else CALL_PATH,
                database=postgresql if name.database == POSTGRESQL else None,
            )
            contenders.append(contender)
        yield contenders


def kinds_of(name: Name, kinds: Sequence[str]) -> Sequence[str]:
    """What this one is sent: a constant is the same for any call."""
    if name.what == SERVICE:
        return kinds
    return (BARE,) if name.what == HEALTHCHAIN else (ICARE,)


def command_of(name: Name, entered: Field, directory: Path, stack: ExitStack) -> Command:
    """How one is started; its database lives as long as the stack."""
    directory.mkdir(parents=True, exist_ok=True)
    if name.what == HEALTHCHAIN and entered.healthchain:
        return _healthchain(entered.healthchain, directory, name.workers)
    url = ""
    if name.database == POSTGRESQL:
        url = stack.enter_context(fresh_database(entered.postgresql))
    if name.what == SERVICE:
        client = entered.client if name.trust == TOKENS else None
        return service(directory, Shape(workers=name.workers, database=url, client=client))
    constant = directory / "answer.json"
    constant.write_bytes(entered.answer)
    kept = (url or f"sqlite:///{directory / 'floor.sqlite3'}", str(entered.record))
    durable = kept if name.what == DURABLE else ()
    arguments = (str(_FLOOR), str(constant), str(name.workers), *durable)
    return Command(arguments=arguments, directory=directory)


def counting(command: Command, counts: Path) -> Command:
    """The same server, counting its function calls into a file."""
    first, *others = command.arguments
    program = ["floor", *others] if first == str(_FLOOR) else ["service", *others[1:]]
    return Command(arguments=(str(_COUNTED), str(counts), *program), directory=command.directory)


def healthchain_version(environment: Path) -> str:
    """The version of HealthChain in an environment.

    Raises:
        NotServing: there is none.
    """
    installed = list(environment.glob("lib/python*/site-packages/healthchain-*.dist-info"))
    if not installed:
        raise NotServing(
            f"no HealthChain in {environment}: `{environment}/bin/pip install healthchain`"
        )
    return installed[0].name.removesuffix(".dist-info").partition("-")[2]


def _healthchain(environment: Path, directory: Path, workers: int) -> Command:
    where = ("--app-dir", str(_HERE), "healthchain_app:app", "--port", "0", "--no-access-log")
    return Command(
        arguments=("-m", "uvicorn", *where, "--workers", str(workers)),
        directory=directory,
        probe="/cds/cds-discovery",
        python=str(environment / "bin" / "python"),
        environment={"PYTHONPATH": ""},
    )


def _server_process(url: str) -> Tree | None:
    """The processes of a database server, if it runs on this machine."""
    with psycopg.connect(url) as connection:
        backend = connection.info.backend_pid
    try:
        process = psutil.Process(backend).parent()
    except psutil.Error:
        return None
    return Tree(process) if process and process.pid != os.getpid() else None
