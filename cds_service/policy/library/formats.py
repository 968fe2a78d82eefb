"""Formats of primitive values that the models of fhir.resources are certain to take.

Each is narrower than what the models take, so that a value of it needs no look by them; any other
does, and is no worse for it: a leap day, an id of a hundred characters, a port in a URL.
"""

import re
from collections.abc import Callable, Mapping

from cds_service.fhir.resource import Json

IsCertain = Callable[[Json], bool]

_DAYS = (
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_YEAR = r"(?:19|20)[0-9]{2}"
_DATE = rf"{_YEAR}(?:-(?:0[1-9]|1[0-2])|-{_DAYS})?"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,6})?"
_ZONED = rf"{_YEAR}-{_DAYS}T{_CLOCK}(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])"
_HOST = r"(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,}"  # no number, no name of another alphabet
_INTEGERS = 2**31


def _matching(pattern: str) -> IsCertain:
    """For the whole of a text."""
    matches = re.compile(pattern).fullmatch
    return lambda value: matches(value) is not None


def _containing(pattern: str) -> IsCertain:
    """For some character of a text."""
    search = re.compile(pattern).search
    return lambda value: search(value) is not None


def _from(least: int) -> IsCertain:
    return lambda value: least <= value < _INTEGERS


def _always(_value: Json) -> bool:
    return True


def _never(_value: Json) -> bool:
    return False


def _is_short_decimal(value: Json) -> bool:
    return re.fullmatch(r"-?(?:0|[1-9][0-9]{0,12})(?:\.[0-9]{1,12})?", str(value)) is not None


# By the names that the models have for the primitive types.
_FORMATS: Mapping[str, IsCertain] = {
    "String": _containing("[!-~]"),
    "Markdown": _containing("[!-~]"),
    "Xhtml": _containing("[!-~]"),
    "Base64Binary": _matching(r"(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
    "Code": _matching("[!-~]+(?: [!-~]+)*"),
    "Id": _matching("[A-Za-z0-9.-]{1,64}"),
    "Uri": _always,
    "Canonical": _always,
    "Url": _matching(rf"https?://{_HOST}(?:/[A-Za-z0-9._/-]*)?"),
    "Date": _matching(_DATE),
    "DateTime": _matching(rf"{_DATE}|{_ZONED}"),
    "Instant": _matching(_ZONED),
    "Time": _matching(_CLOCK),
    "Integer": _from(-_INTEGERS),
    "UnsignedInt": _from(0),
    "PositiveInt": _from(1),
    "Decimal": _is_short_decimal,
}


def certain_format(metadata: tuple[object, ...], held: object) -> IsCertain:
    """What tells that a value is one that the model takes.

    `metadata` are the annotations of the element in its model, and `held` is the type in it.
    """
    if held is bool:
        return _always
    named = [type(note).__name__ for note in metadata]
    return next((_FORMATS[name] for name in named if name in _FORMATS), _never)
