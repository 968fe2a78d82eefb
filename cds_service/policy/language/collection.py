"""Collections: what an expression yields, and whether all of it could be known.

FHIRPath knows the empty collection, which means "nothing there". What could not be read is not
nothing: a collection may be open, and then more may belong to it than it shows.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from cds_service.errors import ExpressionError
from cds_service.fhir.truth import Truth

Collection = tuple[Any, ...]

EMPTY: Collection = ()
TRUE: Collection = (True,)
FALSE: Collection = (False,)


class Failure(str):
    """A cause that is technical: what is asked for could not be read this time (CRD resp-43)."""

    __slots__ = ()


class Open(tuple[Any, ...]):
    """A collection that may hold more than it shows; `causes` are why, in words."""

    causes: tuple[str, ...]

    def __new__(cls, values: Iterable[Any] = (), causes: Iterable[str] = ()) -> "Open":
        collection = super().__new__(cls, values)
        collection.causes = tuple(dict.fromkeys(causes))
        return collection


def unknown(*causes: str) -> Collection:
    """Nothing that is known, for these causes."""
    return Open((), causes)


def is_open(collection: Collection) -> bool:
    """Whether more may belong to it."""
    return type(collection) is Open


def causes_of(*collections: Collection) -> tuple[str, ...]:
    """Why some of these are open; nothing if none is."""
    found = (collection.causes for collection in collections if isinstance(collection, Open))
    return tuple(dict.fromkeys(chain.from_iterable(found)))


def as_open(values: Iterable[Any], *sources: Collection) -> Collection:
    """These values, open if any of what they were read from is."""
    for source in sources:
        if type(source) is Open:
            return Open(values, causes_of(*sources))
    return tuple(values)


def undecided(*sources: Collection) -> Collection:
    """No value: unknown if any source is open, and otherwise FHIRPath's plain empty."""
    return as_open((), *sources)


def boolean(collection: Collection) -> bool | None:
    """Its one truth value; None if it has none.

    Raises:
        ExpressionError: it holds something else.
    """
    if collection is TRUE or collection is FALSE:  # as nearly all are
        return collection is TRUE
    if not collection:
        return None
    if len(collection) == 1 and type(collection[0]) is bool:
        return collection[0]
    raise ExpressionError("the result is not a boolean")


def of_boolean(value: bool | None, *sources: Collection) -> Collection:
    """A truth value as a collection; where there is none, unknown if any source is open."""
    if value is None:
        return undecided(*sources)
    return TRUE if value else FALSE


def single(collection: Collection) -> Any:
    """Its one value; None if there is none to be had.

    Raises:
        ExpressionError: there are several.
    """
    if type(collection) is Open or not collection:
        return None
    if len(collection) > 1:
        raise ExpressionError(f"one value is due, and there are {len(collection)}")
    return collection[0]


def truth(values: Sequence[Any]) -> Truth:
    """What a condition comes to: an empty collection is unknown, open or not.

    Raises:
        ExpressionError: what it yields is not a boolean.
    """
    value = boolean(tuple(values))
    if value is None:
        return Truth.UNKNOWN
    return Truth.TRUE if value else Truth.FALSE
