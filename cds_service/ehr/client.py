from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cds_service.fhir.resource import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    base: str
    token: str = field(repr=False)
    expires: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    query: str
    resources: tuple[JsonObject, ...] = ()
    problem: str = ""


class Ehr(Protocol):
    def ask(self, access: Access, queries: Sequence[str], deadline: float) -> tuple[Reply, ...]: ...
