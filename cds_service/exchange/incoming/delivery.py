"""What a source brings: resources, each with where it stood, what was passed over, and faults."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from cds_service.cds_hooks.json_limits import JsonLimits
from cds_service.errors import ExchangeError, TooLarge
from cds_service.fhir.resource import (
    Json,
    JsonObject,
    decode,
    has_repeated_names,
    resource_type,
)

# Ten thousand policies with their code sets are about 200 MB.
MOST_BYTES = 256 << 20  # of all resources of a source, unpacked
MOST_RESOURCES = 100_000
LARGEST = 16 << 20  # bytes of one resource, unpacked
_LIMITS = JsonLimits(max_depth=100, max_entries=MOST_RESOURCES)


class Received(NamedTuple):
    """One resource, and its place in the source such as `package/ValueSet-x.json`."""

    place: str
    resource: JsonObject


class PassedOver(NamedTuple):
    """What is not taken in from a source, and why; that is no fault."""

    place: str
    why: str


class Fault(NamedTuple):
    """What prevents an import: the place in the source or the file, the JSON path, the problem."""

    file: str
    where: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """All that one source brings.

    `base` is the canonical base its artifacts were exported under, empty if it names none.
    `is_export` is whether it says of itself that it is an export of ours.
    """

    resources: tuple[Received, ...]
    passed_over: tuple[PassedOver, ...] = ()
    faults: tuple[Fault, ...] = ()
    base: str = ""
    is_export: bool = False


@dataclass(slots=True, kw_only=True)
class Unpacking:
    """A delivery as it is being read; what a source may hold at most is counted here."""

    _resources: list[Received] = field(default_factory=list)
    _passed_over: list[PassedOver] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _bytes: int = 0

    def count(self, size: int) -> None:
        """Count so many bytes more.

        Raises:
            ExchangeError: the source holds more than is read.
        """
        self._bytes += size
        if self._bytes > MOST_BYTES:
            raise ExchangeError(f"the source holds more than {MOST_BYTES >> 20} MB, unpacked")

    def read(self, place: str, body: bytes, most: int = LARGEST) -> Json:
        """The JSON value in these bytes, `most` at most; None if there is none: that is a fault."""
        try:
            return decode_strictly(body, most)
        except ValueError as error:
            self._faults.append(Fault(place, "$", f"{error}"))
            return None

    def take(self, place: str, value: Json) -> None:
        """Add a resource; a JSON value that is none is passed over.

        Raises:
            ExchangeError: there are more resources than are read.
        """
        if not isinstance(value, dict) or not resource_type(value):
            self.pass_over(place, "no FHIR resource")
            return
        if len(self._resources) == MOST_RESOURCES:
            raise ExchangeError(f"the source holds more than {MOST_RESOURCES:,} resources")
        self._resources.append(Received(place, value))

    def pass_over(self, place: str, why: str) -> None:
        """Note what is not taken in."""
        self._passed_over.append(PassedOver(place, why))

    def fault(self, place: str, problem: str) -> None:
        """Note what prevents the import."""
        self._faults.append(Fault(place, "$", problem))

    def delivery(self) -> Delivery:
        """All of it."""
        return Delivery(
            resources=tuple(self._resources),
            passed_over=tuple(self._passed_over),
            faults=tuple(self._faults),
        )


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Each fault once, in the order in which they were found."""
    return tuple(dict.fromkeys(faults))


def decode_strictly(body: bytes, most: int = LARGEST) -> Json:
    """The JSON value, nested no deeper than can be followed, with no member named twice.

    Raises:
        ValueError: it is not such a value.
    """
    if len(body) > most:
        raise ValueError(f"larger than {most >> 20} MB")
    try:
        value = decode(body)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    try:
        _LIMITS.check(value)
    except TooLarge as error:
        raise ValueError(f"{error}") from error
    if has_repeated_names(body, value):
        raise ValueError("an object names a member twice, so one of the two is lost")
    return value
