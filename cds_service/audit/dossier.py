"""The dossier of one record: all that explains it, in sections of rows that a person can look at.

It is made from the record's own payload, so a record of a former version, which holds less, has a
shorter one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cds_service.fhir.resource import JsonObject, objects, text

Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a dossier: rows under `headings`, or pairs of name and value where it has none."""

    title: str
    headings: tuple[str, ...] = ()
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A legal hold: records that mention `name` with `value` are not purged until it is released.

    The value of a patient or member is a hash under the deployer's key.
    """

    name: str
    value: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Where a record stands in the hash tree; `number` is None until the sequencer has come by.

    `checkpoint` is the size of the first signed checkpoint that covers it, made at `signed`.
    """

    number: int | None = None
    checkpoint: int | None = None
    signed: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """A record's payload, the feedback on its cards, its seal and holds; `asked` is the id sought.

    `feedback` are the payloads of records of feedback, oldest first.
    """

    asked: str
    record: JsonObject
    feedback: tuple[JsonObject, ...] = ()
    seal: Seal = Seal()
    holds: tuple[Hold, ...] = ()

    def to_json(self) -> JsonObject:
        """The whole record and what stands around it."""
        signed = self.seal.signed
        return {
            "asked": self.asked,
            "record": self.record,
            "feedback": list(self.feedback),
            "seal": {
                "number": self.seal.number,
                "checkpoint": self.seal.checkpoint,
                "signed": signed.isoformat() if signed else None,
            },
            "holds": [
                {
                    "name": hold.name,
                    "value": hold.value,
                    "reason": hold.reason,
                    "at": hold.at.isoformat(),
                }
                for hold in self.holds
            ],
        }


def decisions_of(record: JsonObject) -> tuple[JsonObject, ...]:
    """The decisions of a record: for each order and Coverage, then advice where there was none."""
    return (*objects(record.get("decisions")), *objects(record.get("advice")))


def texts_of(values: object) -> tuple[str, ...]:
    """The texts in a JSON value that should be a list of texts."""
    return tuple(value for value in _listed(values) if isinstance(value, str))


def present(pairs: Iterable[tuple[str, object]]) -> tuple[Row, ...]:
    """Rows of those pairs that have a value; numbers are shown as their digits."""
    shown = ((name, text(value)) for name, value in pairs)
    return tuple((name, value) for name, value in shown if value)


def _listed(values: object) -> Sequence[object]:
    return values if isinstance(values, list) else ()
