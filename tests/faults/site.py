"""A site: one store, the keys and the data directory that its workers share, and how to read it."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from databases import fresh_database
from faults.workers import Worker
from sqlalchemy import Engine

from cds_service.audit.audit_key import open_audit_key, read_audit_key
from cds_service.audit.checkpoint import split_notes
from cds_service.audit.signing_key import open_signer, read_signer
from cds_service.audit.verification import Verification, VerificationRequest, verify_log
from cds_service.database.engine import open_engine
from cds_service.database.migrations import migrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A data directory, and the URL of a database with this release's tables."""

    directory: Path
    database: str

    @property
    def checkpoints(self) -> Path:
        """The copy of the checkpoints outside the database."""
        return self.directory / "checkpoints"

    @property
    def journal(self) -> Path:
        """The directory of the journals of all workers."""
        return self.directory / "journal"

    def worker(self, *arguments: str) -> Worker:
        """A worker on the store, with more options."""
        keys = ("--audit-key", str(self._audit_key), "--checkpoint-key", str(self._signing_key))
        options = ("--database", self.database, *keys, *arguments)
        return Worker(directory=self.directory, arguments=options)

    @contextmanager
    def read(self) -> Iterator[Engine]:
        """The database as another program reads it."""
        engine = open_engine(self.database)
        try:
            yield engine
        finally:
            engine.dispose()

    def journaled(self) -> int:
        """Bytes in the journals."""
        return sum(path.stat().st_size for path in self.journal.glob("*.journal") if path.exists())

    def make_keys(self) -> None:
        """Make the keys, as an operator does for a store that several hosts share."""
        open_audit_key(self._audit_key)
        open_signer(self._signing_key)

    def verify(self) -> Verification:
        """What `crd audit verify` finds."""
        with self.read() as engine, closing(self.checkpoints.open(encoding="utf-8")) as copy:
            request = VerificationRequest(
                verifiers=(read_signer(self._signing_key).verifier,),
                audit_key=read_audit_key(self._audit_key),
                copied=split_notes(copy),
                now=datetime.now(UTC),
            )
            return verify_log(engine, request, lambda _done, _of: None)

    @property
    def _audit_key(self) -> Path:
        return self.directory / "keys" / "audit.key"

    @property
    def _signing_key(self) -> Path:
        return self.directory / "keys" / "checkpoint.key"


@contextmanager
def site_on(server: str | None, directory: Path) -> Iterator[Site]:
    """A site in a SQLite file, or in a new database of a PostgreSQL server, gone after the block.

    A server is given by the URL of any of its databases, or of PgBouncer before it.
    """
    if server is None:
        yield _set_up(Site(directory=directory, database=f"sqlite:///{directory}/crd.sqlite3"))
        return
    with fresh_database(server) as database:
        yield _set_up(Site(directory=directory, database=database))


def _set_up(site: Site) -> Site:
    site.make_keys()
    with site.read() as engine:
        migrate(engine)
    return site
