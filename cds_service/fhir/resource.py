"""Resources as the JSON they travel in, read tolerantly and given back exactly.

EHRs send numbers as strings, one object where a list is due, `null` and `{}`. The readers here
coerce on the way in and never touch the resource itself: what goes back is what came.
"""

import json
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

Json = Any
JsonObject = dict[str, Any]

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_SORTING_ENCODER = msgspec.json.Encoder(decimal_format="number", order="sorted")


def _number(literal: str) -> Decimal:
    """A decimal keeps its digits: `1.10` stays `1.10` (FHIR datatypes, decimal)."""
    return Decimal(literal)


_DECODER = msgspec.json.Decoder(float_hook=_number)


def decode(body: bytes) -> Json:
    """The JSON value in `body`, decimals as `Decimal`.

    Raises:
        ValueError: the bytes are not one UTF-8 JSON value, or nest too deep to read.
    """
    try:
        return _DECODER.decode(body)
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    except (InvalidOperation, OverflowError) as error:
        raise ValueError("a number out of range") from error


def has_repeated_names(body: bytes, value: Json) -> bool:
    """Whether an object in `body`, decoded as `value`, names a member twice: one of them is lost.

    A lost member takes its name's quotes along, so a slower look is only worth it where quotes are
    missing, or where some are written as numbers.
    """
    numbered = b"\\" in body and b"\\u0022" in body
    return (numbered or body.count(b'"') != encode(value).count(b'"')) and _repeats(body)


def _repeats(body: bytes) -> bool:
    """The same, slowly and for certain."""
    found: list[bool] = []
    json.loads(body, object_pairs_hook=lambda pairs: found.append(len(dict(pairs)) < len(pairs)))
    return any(found)


def encode(value: Json) -> bytes:
    """JSON without insignificant white space (CRD found-40), keys in the order they came."""
    return _ENCODER.encode(value)


def canonical(value: Json) -> bytes:
    """JSON with sorted names, so that equal values are equal bytes."""
    return _SORTING_ENCODER.encode(value)


# JSON has no subclasses, and these are the hottest functions of all: exact types are told fastest.


def objects(value: Json) -> tuple[JsonObject, ...]:
    """The JSON objects in a value that may be absent, one object, or a list."""
    if type(value) is dict:
        return (value,)
    if type(value) is list:
        for item in value:
            if type(item) is not dict:
                return tuple([item for item in value if type(item) is dict])
        return tuple(value)
    return ()


def first(value: Json) -> JsonObject:
    """The first object in `value`, or an empty one."""
    if type(value) is dict:
        return value
    if type(value) is list:
        for item in value:
            if type(item) is dict:
                return item
    return {}


def text(value: Json) -> str:
    """A string trimmed of blanks; a number as its digits; anything else is empty."""
    if type(value) is str:
        return value.strip()
    if type(value) is int or type(value) is Decimal:
        return str(value)
    return ""


def resource_type(resource: JsonObject) -> str:
    """`ServiceRequest` and the like; empty if the object is no resource."""
    return text(resource.get("resourceType"))


def follow(resource: JsonObject, path: tuple[str, ...]) -> tuple[JsonObject, ...]:
    """All objects at the end of `path`, through lists or not: `("oralDiet", "type")`."""
    found = [resource]
    for name in path:
        holders = [holder[name] for holder in found if name in holder]
        found = [inner for value in holders for inner in objects(value)]
    return tuple(found)
