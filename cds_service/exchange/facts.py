"""What an export says of a set as a whole; read from its artifacts alone, never from a clock."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from cds_service.fhir.resource import JsonObject, text

_FULL_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NO_DATE = "1980-01-01"  # the earliest that every archive format knows


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFacts:
    """A set of artifacts as a whole.

    `base` is its canonical base as it is exported, `digest` that of the library it was made from,
    `view` is `library` or `portable`, and `date` that of its youngest artifact (`2026-11-20`).
    `publisher` and `copyright` hold what its artifacts state, the CPT notice with them.
    """

    base: str
    digest: str
    view: str
    date: str
    publisher: str
    copyright: str

    @property
    def version(self) -> str:
        """The date and what tells this set from any other: two contents never share a version."""
        day = date.fromisoformat(self.date)
        made_of = f"{self.digest} {self.base} {self.view}"
        # After the letter no leading zero is a fault (Semantic Versioning 2.0, 9).
        tail = f"r{sha256(made_of.encode()).hexdigest()[:12]}"
        return f"{day.year}.{day.month}.{day.day}-{tail}"

    @property
    def title(self) -> str:
        """A title for the set."""
        return f"Coverage policies ({self.view} view)"


def read_facts(resources: Sequence[JsonObject], *, base: str, digest: str, view: str) -> SetFacts:
    """The facts of the set that these resources are."""
    dates = [text(resource.get("date"))[:10] for resource in resources]
    return SetFacts(
        base=base,
        digest=digest,
        view=view,
        date=max((day for day in dates if _FULL_DATE.fullmatch(day)), default=_NO_DATE),
        publisher="; ".join(_stated(resources, "publisher")) or "not stated",
        copyright="\n\n".join(_stated(resources, "copyright")),
    )


def _stated(resources: Iterable[JsonObject], name: str) -> list[str]:
    return sorted({text(resource.get(name)) for resource in resources} - {""})
