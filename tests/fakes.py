"""The seams as small fakes: a log that remembers, a clock that stands still, ids that count."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from kept_records import KeptRecord

from cds_service.app.service import make_cards
from cds_service.audit.health import StoreHealth
from cds_service.audit.record import AuditRecord, Recorder
from cds_service.cds_hooks.request import HookRequestParser
from cds_service.crd.decision.authorizations import Authorizations, NoAuthorizations
from cds_service.crd.request.hooks import HOOKS
from cds_service.ehr.client import Ehr
from cds_service.errors import NotRecorded
from cds_service.fhir.coding import Coding
from cds_service.pipeline import Pipeline
from cds_service.policy.library.artifacts import builtin_library, read_library
from cds_service.policy.library.compiler import compile_library
from cds_service.policy.run.index import PolicyIndex

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BASE_URL = "https://crd.example.invalid"


@dataclass(slots=True)
class FakeLog:
    """Remembers what it was given; refuses everything while `broken`."""

    records: list[KeptRecord] = field(default_factory=list)
    broken: bool = False

    def write(self, record: AuditRecord) -> None:
        self.write_feedback([record])

    def write_feedback(self, feedback: Sequence[AuditRecord]) -> None:
        if self.broken:
            raise NotRecorded("the fake is broken")
        self.records.extend(map(KeptRecord, feedback))

    def health(self) -> StoreHealth:
        return StoreHealth(writable=not self.broken)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class CountingIds:
    """Ids in the shape of UUIDs, in order."""

    numbers: "count[int]" = field(default_factory=count)

    def __call__(self) -> str:
        return f"00000000-0000-4000-8000-{next(self.numbers):012d}"


def fake_recorder() -> Recorder:
    """One that writes the records of no library."""
    return Recorder(program="0", library="sha256:0", base_url=BASE_URL, audit_key=b"key")


def builtin_index() -> PolicyIndex:
    """The index over the library that comes with the service."""
    return compile_library(read_library([builtin_library()]), base_url=BASE_URL)


def fake_pipeline(
    index: PolicyIndex,
    *,
    log: FakeLog | None = None,
    hook: str = "order-sign",
    ehr: Ehr | None = None,
    authorizations: Authorizations | None = None,
) -> Pipeline:
    """A real pipeline on fake seams."""
    ids = CountingIds()
    reasons = (Coding("https://reasons.example.invalid", "other", "Another reason"),)
    return Pipeline(
        hook=HOOKS[hook],
        parser=HookRequestParser(hook),
        index=index,
        cards=make_cards(index, reasons, ids),
        log=log or FakeLog(),
        recorder=fake_recorder(),
        authorizations=authorizations or NoAuthorizations(),
        ehr=ehr,
        ehr_seconds=1.0,
        now=lambda: NOON,
        new_id=ids,
    )
